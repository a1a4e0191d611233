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

      With --context-tokens so many tokens are read once, and each turn then reads its prompt and writes behind them.
      With --sequences so many texts are read and written together, a token of each in a pass; tokens a second are
      those of all of them.

      Examples:
        skein bench model.gguf --prompt-tokens 512 --gen-tokens 64 --devices cpu@0 --devices cpu@0,cpu@1
        skein bench model.gguf --context-tokens 8128 --prompt-tokens 64 --gen-tokens 64
        skein bench model.gguf --sequences 8 --prompt-tokens 64

      A --placement is for the choices of several devices: on one all is there.
      """)

  @Argument(help: "A .gguf file, a folder as Hugging Face tools save it, or the name of a bundled model.")
  var model: String
  @Option(help: "Tokens to read.")
  var promptTokens = 512
  @Option(help: "Tokens to write.")
  var genTokens = 64
  @Option(help: "Tokens before the prompt, read once and not in every turn.")
  var contextTokens = 0
  @Option(help: "Texts to read and write together.")
  var sequences = 1
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
    guard (0...1_000_000).contains(contextTokens) else {
      throw ValidationError("--context-tokens is \(contextTokens), must be from 0 to 1000000")
    }
    guard (1...1024).contains(sequences) else {
      throw ValidationError("--sequences is \(sequences), must be from 1 to 1024")
    }
    if sequences > 1, contextTokens > 0 || calibrate {
      throw ValidationError(
        "\(calibrate ? "--calibrate" : "--context-tokens") is for one text; leave it or --sequences out")
    }
    if contextTokens > 0, calibrate {
      throw ValidationError("--calibrate is for a request from its start; leave it or --context-tokens out")
    }
    if trace.path != nil, devices.count > 1 {
      throw ValidationError("--trace is of one choice of devices; give --devices once")
    }
  }

  private var shape: BenchShape {
    BenchShape(
      contextTokens: contextTokens, promptTokens: promptTokens, genTokens: genTokens, sequences: sequences)
  }

  func run() async throws {
    var contestants: [BenchContestant] = []
    for list in devices.isEmpty ? ["cpu"] : devices {
      let choice = DeviceChoice(
        devices: list, context: context ?? shape.tokens, cacheType: cache.cacheType,
        weights: weightOptions.weights, weightMemory: weightOptions.weightMemory,
        placement: try isOneOfSeveral(list) ? nil : placement,
        usesAllDevices: useAllDevices, expertUsage: expertUsage.path)
      var options = try choice.loadOptions(
        request: RequestShape(promptTokens: promptTokens, genTokens: genTokens, concurrency: sequences))
      options.executor.tracing = trace.tracing
      contestants.append(BenchContestant(list: list, model: try await .loadWithProgress(model, options)))
    }
    let bar = ProgressBar("measuring")
    defer { bar.end() }
    for turn in 0...`repeat` {
      for index in contestants.indices {
        try await contestants[index].measure(shape, counts: turn > 0)
        bar.update(turn * contestants.count + index + 1, (`repeat` + 1) * contestants.count)
      }
    }
    bar.end()
    if let model = contestants.first?.model { try await trace.write(model, command: "bench") }
    let rows = contestants.map { BenchRow($0, shape) }
    if calibrate {
      for (contestant, row) in zip(contestants, rows) {
        contestant.model.calibrate(
          promptTokens: promptTokens, prefillTokensPerSecond: row.prefillTokensPerSecond,
          genTokens: genTokens,
          decodeTokensPerSecond: row.decodeTokensPerSecond)
      }
    }
    if output.json { return try Terminal.print(json: rows) }
    Terminal.write(Format.table([BenchRow.header] + rows.map(\.cells)) + "\n")
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
