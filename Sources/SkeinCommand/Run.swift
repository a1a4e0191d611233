import ArgumentParser
import FoundationEssentials
import Skein
import SkeinExecutor
import SkeinGraph
import SkeinText

/// `skein run`
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continues a text, streamed; then a line of speeds.",
    discussion: """
      Without -p the text comes from standard input; where that is a terminal, line by line, and the model
      sees all lines so far. Ctrl-C ends an answer, Ctrl-D the conversation.

      Examples:
        skein run -p "Once upon a time" -n 200
        skein run model.gguf -p "The capital of France is" --temperature 0 --devices cpu/2
        cat question.txt | skein run model.gguf --json
        skein run model.gguf --chat -p "What is a skein?" --system "Answer in one sentence."
        skein run model.gguf --chat
        skein run model.gguf -p "Once" --devices cpu/2 --trace run.json    for chrome://tracing or Perfetto
        skein run mixture.gguf -p "Once" --expert-stats usage.json         for --experts-by-usage
      """)

  @Argument(
    help: "A .gguf file, a folder as Hugging Face tools save it, or the name of a bundled model (stories).")
  var model: String?
  @Option(name: .shortAndLong, help: "The text to continue; with --chat, what the user says.")
  var prompt: String?
  @Flag(help: "Talk: put what is said into the model's chat template. Without -p, a line a turn.")
  var chat = false
  @Option(help: ArgumentHelp("What the model is told first, with --chat.", valueName: "text"))
  var system: String?
  @Option(
    name: .customShort("n"), help: ArgumentHelp("The most tokens to write.", valueName: "n"))
  var count = 256
  @OptionGroup(title: "Sampling") var sampling: SamplingFlags
  @OptionGroup(title: "Devices") var devices: DeviceOptions
  @Flag(help: "Fold what was measured into the profiles of the devices.")
  var calibrate = false
  @OptionGroup var trace: TraceOptions
  @OptionGroup var expertStats: ExpertStatsOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if count < 1 { throw ValidationError("-n is \(count), must be 1 or more") }
    if system != nil, !chat { throw ValidationError("--system is for --chat") }
    if chat, prompt == nil, output.json { throw ValidationError("--chat with --json needs -p") }
  }

  func run() async throws {
    if chat { return try await runChat() }
    let isConversation = prompt == nil && Terminal.isInputTerminal
    let text = isConversation ? "" : try prompt ?? readPrompt()
    let model = try await Model.loadWithProgress(model, try loadOptions())
    for line in remarks(model) where !output.json { Terminal.note(line) }
    if isConversation {
      try await converse(model)
      for line in try await model.expertUsage().map(expertStats.write) ?? [] { Terminal.note(line) }
    } else {
      let report = try await write(model, try model.tokenizer.encode(text, .prompt), prompt: text)
      try finish(model, report, try await model.expertUsage())
    }
    try await trace.write(model, command: "run")
  }

  func loadOptions() throws -> LoadOptions {
    var options = try devices.choice.loadOptions()
    options.executor = ExecutorOptions(tracing: trace.tracing, expertCounting: expertStats.counting)
    return options
  }

  /// All of standard input, but for the line break that ends it.
  private func readPrompt() throws -> String {
    let text = try readText("-")
    return text.last?.isNewline == true ? String(text.dropLast()) : text
  }

  private var options: GenerationOptions {
    var options = GenerationOptions()
    options.maximumTokenCount = count
    options.sampling = sampling.options
    return options
  }

  /// Streams the continuation of the tokens; in text, the prompt first.
  func write(_ model: Model, _ tokens: [Int32], prompt: String) async throws -> Answer {
    let generation = model.generate(tokens: tokens, options: options)
    var text = ""
    if !output.json { Terminal.write(prompt) }
    try await Interrupt.stopping(generation.cancel) {
      for try await piece in generation {
        text += piece
        if !output.json { Terminal.write(piece) }
      }
    }
    if !output.json { Terminal.write("\n") }
    guard let report = generation.report else {
      throw SkeinError(.cancelled, "stopped before the first token")
    }
    return Answer(text: text, report: report)
  }

  func finish(_ model: Model, _ answer: Answer, _ usage: ExpertUsage?) throws {
    if calibrate {
      model.calibrate(
        promptTokens: answer.report.readTokenCount,
        prefillTokensPerSecond: answer.report.prefillTokensPerSecond,
        genTokens: answer.report.decodedTokenCount, decodeTokensPerSecond: answer.report.decodeTokensPerSecond
      )
    }
    let expertLines = try usage.map(expertStats.write) ?? []
    if output.json { return try Terminal.print(json: RunResult(answer, model, usage)) }
    Terminal.note(speeds(answer.report))
    Terminal.note(predictions(model, answer.report))
    for line in deviceLines(model) + expertLines { Terminal.note(line) }
  }

  /// Line after line, all in one context.
  private func converse(_ model: Model) async throws {
    Terminal.note("Type a text to continue. Ctrl-C ends an answer, Ctrl-D the conversation.")
    var history: [Int32] = []
    while true {
      Terminal.write("> ")
      guard let line = readLine(), !Task.isCancelled else { break }
      if line.isEmpty { continue }
      let added = try model.tokenizer.encode(line, history.isEmpty ? .prompt : .template)
      do {
        let answer = try await write(model, history + added, prompt: "")
        history += added + answer.report.tokens
        Terminal.note(speeds(answer.report))
      } catch let error as SkeinError where error.code == .cancelled {
        Terminal.note("stopped")
      }
    }
    Terminal.write("\n")
  }

  func speeds(_ report: GenerationReport) -> String {
    let read = report.readTokenCount
    if report.prefillSeconds == 0 { return "stopped while reading the prompt" }
    return "read \(read) tokens at \(Format.number(report.prefillTokensPerSecond)) tokens/s, wrote"
      + " \(report.tokens.count) at \(Format.number(report.decodeTokensPerSecond)) tokens/s (\(report.stop.text))"
  }

  /// What the planner did without, and why.
  func remarks(_ model: Model) -> [String] {
    (model.planned.result?.leftOut ?? []).map(\.description) + model.planned.findings.map(\.description)
  }

  /// What was expected, beside what was measured.
  private func predictions(_ model: Model, _ report: GenerationReport) -> String {
    let price = model.predicted(promptTokens: report.readTokenCount, genTokens: report.decodedTokenCount)
    return
      "predicted (\(model.planned.strategy)): read at \(Format.number(price.prefillTokensPerSecond)) tokens/s,"
      + " wrote at \(Format.number(price.decodeTokensPerSecond)) tokens/s"
      + (calibrate ? "; the profiles have learned from it" : "")
  }

  /// What each device held and did.
  private func deviceLines(_ model: Model) -> [String] {
    zip(model.plan.placementSummary, model.busySeconds).map { part, busy in
      "  \(part.device): \(part.contents), \(Format.bytes(part.bytes)), busy \(Format.number(busy, decimals: 2)) s"
    }
  }
}

/// A text with how it came about.
struct Answer {
  var text: String
  var report: GenerationReport
}

extension GenerationReport.Stop {
  /// The reason for programs.
  var code: String {
    switch self {
    case .length: "length"
    case .endOfGeneration: "end"
    case .contextFull: "context"
    case .cancelled: "cancelled"
    }
  }

  /// The reason in words.
  var text: String {
    switch self {
    case .length: "reached -n"
    case .endOfGeneration: "the model ended the text"
    case .contextFull: "the context is full"
    case .cancelled: "stopped"
    }
  }
}

/// The JSON of `run`.
private struct RunResult: Encodable {
  var text: String
  var tokens: [Int32]
  var promptTokens: Int
  var prefillTokensPerSecond: Double
  var decodeTokensPerSecond: Double
  var predictedPrefillTokensPerSecond: Double
  var predictedDecodeTokensPerSecond: Double
  var strategy: String
  var residentBytes: Int
  var predictedResidentBytes: Int
  var stop: String
  var devices: [DevicePart]
  var expertStats: ExpertStatsJSON?

  struct DevicePart: Encodable {
    var device: String
    var contents: String
    var bytes: Int
    var busySeconds: Double
    enum CodingKeys: String, CodingKey {
      case device, contents, bytes
      case busySeconds = "busy_seconds"
    }
  }

  enum CodingKeys: String, CodingKey {
    case text, tokens, stop, devices, strategy
    case expertStats = "expert_stats"
    case promptTokens = "prompt_tokens"
    case prefillTokensPerSecond = "prefill_tokens_per_second"
    case decodeTokensPerSecond = "decode_tokens_per_second"
    case residentBytes = "resident_bytes"
    case predictedResidentBytes = "predicted_resident_bytes"
    case predictedPrefillTokensPerSecond = "predicted_prefill_tokens_per_second"
    case predictedDecodeTokensPerSecond = "predicted_decode_tokens_per_second"
  }

  init(_ answer: Answer, _ model: Model, _ usage: ExpertUsage?) {
    expertStats = usage.map(ExpertStatsJSON.init)
    text = answer.text
    tokens = answer.report.tokens
    promptTokens = answer.report.promptTokenCount
    prefillTokensPerSecond = answer.report.prefillTokensPerSecond
    decodeTokensPerSecond = answer.report.decodeTokensPerSecond
    let price = model.predicted(
      promptTokens: answer.report.readTokenCount, genTokens: answer.report.decodedTokenCount)
    predictedPrefillTokensPerSecond = price.prefillTokensPerSecond
    predictedDecodeTokensPerSecond = price.decodeTokensPerSecond
    strategy = model.planned.strategy
    residentBytes = Model.residentBytes
    predictedResidentBytes = model.predictedResidentBytes
    stop = answer.report.stop.code
    devices = zip(model.plan.placementSummary, model.busySeconds).map { part, busy in
      DevicePart(device: part.device, contents: part.contents, bytes: part.bytes, busySeconds: busy)
    }
  }
}
