import ArgumentParser
import Skein
import SkeinPlanner

/// `skein bench`
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Speed of reading a prompt and of writing, on one or several choices of devices.",
    discussion: """
      Repeat --devices to compare: the choices take turns, so that a machine that slows down meanwhile slows
      all of them. Figures are medians; the first turn is not counted.

      Example:
        skein bench model.gguf --prompt-tokens 512 --gen-tokens 64 --devices cpu@0 --devices cpu@0,cpu@1

      A --placement is for the choices of several devices: on one all is there.
      """)

  @Argument(help: "A .gguf file, a folder as Hugging Face tools save it, or the name of a bundled model.")
  var model: String
  @Option(help: "Tokens to read.")
  var promptTokens = 512
  @Option(help: "Tokens to write.")
  var genTokens = 64
  @Option(help: "Turns of each choice.")
  var `repeat` = 5
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Devices, as for run; may be given several times.", valueName: "list"))
  var devices: [String] = []
  @Option(help: "The most tokens of prompt and answer together.")
  var context: Int?
  @Option(help: ArgumentHelp("A file that says what goes where, as for run.", valueName: "file"))
  var placement: String?
  @Flag(help: "Use all of the devices of each choice, also where that is slower.")
  var useAllDevices = false
  @Flag(help: "Fold what was measured into the profiles of the devices.")
  var calibrate = false
  @OptionGroup var expertUsage: ExpertUsageOptions
  @OptionGroup var trace: TraceOptions
  @OptionGroup var cache: CacheOptions
  @OptionGroup var weightOptions: WeightOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [
      ("--prompt-tokens", promptTokens), ("--gen-tokens", genTokens), ("--repeat", `repeat`),
    ] where !(1...1_000_000).contains(value) {
      throw ValidationError("\(name) is \(value), must be from 1 to 1000000")
    }
    if trace.path != nil, devices.count > 1 {
      throw ValidationError("--trace is of one choice of devices; give --devices once")
    }
  }

  func run() async throws {
    var contestants: [Contestant] = []
    for list in devices.isEmpty ? ["cpu"] : devices {
      let choice = DeviceChoice(
        devices: list, context: context ?? promptTokens + genTokens, cacheType: cache.cacheType,
        weights: weightOptions.weights, weightMemory: weightOptions.weightMemory,
        placement: try isOneOfSeveral(list) ? nil : placement,
        usesAllDevices: useAllDevices, expertUsage: expertUsage.path)
      var options = try choice.loadOptions(
        request: RequestShape(promptTokens: promptTokens, genTokens: genTokens))
      options.executor.tracing = trace.tracing
      contestants.append(Contestant(list: list, model: try await .loadWithProgress(model, options)))
    }
    let bar = ProgressBar("measuring")
    defer { bar.end() }
    for turn in 0...`repeat` {
      for index in contestants.indices {
        try await contestants[index].measure(prompt: promptTokens, write: genTokens, counts: turn > 0)
        bar.update(turn * contestants.count + index + 1, (`repeat` + 1) * contestants.count)
      }
    }
    bar.end()
    if let model = contestants.first?.model { try await trace.write(model, command: "bench") }
    let rows = contestants.map { Row($0, promptTokens: promptTokens, genTokens: genTokens) }
    if calibrate {
      for (contestant, row) in zip(contestants, rows) {
        contestant.model.calibrate(
          promptTokens: promptTokens, prefillTokensPerSecond: row.prefillTokensPerSecond,
          genTokens: genTokens,
          decodeTokensPerSecond: row.decodeTokensPerSecond)
      }
    }
    if output.json { return try Terminal.print(json: rows) }
    Terminal.write(Format.table([Row.header] + rows.map(\.cells)) + "\n")
    for row in rows { for line in row.leftOut { Terminal.write("\(row.devices): \(line)\n") } }
  }
}

extension Bench {
  /// Whether a choice has one device and is compared with others: a placement is then for the others.
  private func isOneOfSeveral(_ list: String) throws -> Bool {
    guard placement != nil, devices.count > 1 else { return false }
    return try DeviceChoice.isSingle(list)
  }
}

/// One choice of devices with its measurements.
private struct Contestant {
  var list: String
  var model: Model
  var prefill: [Double] = []
  var decode: [Double] = []

  mutating func measure(prompt: Int, write: Int, counts: Bool) async throws {
    var options = GenerationOptions()
    // One token comes from the prompt's own pass: the speed of writing is that of those after it.
    options.maximumTokenCount = write + 1
    options.sampling = .greedy
    options.ignoresEndOfGeneration = true
    let vocabulary = Int32(model.definition.graph.vocabularySize)
    let tokens = (0..<Int32(prompt)).map { ($0 &* 7919 &+ 13) % vocabulary }
    try await model.reset()
    let generation = model.generate(tokens: tokens, options: options)
    for try await _ in generation {}
    guard counts, let report = generation.report else { return }
    prefill.append(report.prefillTokensPerSecond)
    decode.append(report.decodeTokensPerSecond)
  }
}

/// A line of the table.
private struct Row: Encodable {
  var devices: String
  var promptTokens: Int
  var genTokens: Int
  var prefillTokensPerSecond: Double
  var decodeTokensPerSecond: Double
  var predictedPrefillTokensPerSecond: Double
  var predictedDecodeTokensPerSecond: Double
  var strategy: String
  var leftOut: [String]
  var peakBytes: [String: Int]

  enum CodingKeys: String, CodingKey {
    case devices, strategy
    case predictedPrefillTokensPerSecond = "predicted_prefill_tokens_per_second"
    case predictedDecodeTokensPerSecond = "predicted_decode_tokens_per_second"
    case leftOut = "left_out"
    case promptTokens = "prompt_tokens"
    case genTokens = "gen_tokens"
    case prefillTokensPerSecond = "prefill_tokens_per_second"
    case decodeTokensPerSecond = "decode_tokens_per_second"
    case peakBytes = "peak_bytes"
  }

  init(_ contestant: Contestant, promptTokens: Int, genTokens: Int) {
    devices = contestant.list
    self.promptTokens = promptTokens
    self.genTokens = genTokens
    prefillTokensPerSecond = Row.median(contestant.prefill)
    decodeTokensPerSecond = Row.median(contestant.decode)
    let price = contestant.model.predicted(promptTokens: promptTokens, genTokens: genTokens)
    predictedPrefillTokensPerSecond = price.prefillTokensPerSecond
    predictedDecodeTokensPerSecond = price.decodeTokensPerSecond
    strategy = contestant.model.planned.strategy
    leftOut = (contestant.model.planned.result?.leftOut ?? []).map(\.description)
    peakBytes = Dictionary(
      uniqueKeysWithValues: contestant.model.reservedBytes.map { ($0.key.name, $0.value) })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  static let header = [
    "devices", "prompt", "write", "prefill tokens/s", "predicted", "decode tokens/s", "predicted", "bytes",
  ]

  var cells: [String] {
    [
      devices, "\(promptTokens)", "\(genTokens)", Format.number(prefillTokensPerSecond),
      Format.number(predictedPrefillTokensPerSecond), Format.number(decodeTokensPerSecond),
      Format.number(predictedDecodeTokensPerSecond),
      peakBytes.sorted { $0.key < $1.key }.map { "\($0.key) \(Format.bytes($0.value))" }.joined(
        separator: ", "),
    ]
  }
}
