import ArgumentParser
import FoundationEssentials
import Skein
import SkeinExecutor
import SkeinGraph
import SkeinPlanner

/// `--trace`, for commands that run a model.
struct TraceOptions: ParsableArguments {
  /// Steps of each device that a trace keeps: some ten thousand tokens of a small model, some hundred of a large.
  private static let mostSteps = 1 << 18

  @Option(
    name: .customLong("trace"),
    help: ArgumentHelp(
      "Write what each device did when, step by step: a trace of Chrome's format.", valueName: "file"))
  var path: String?

  /// What the executor is to keep.
  var tracing: ExecutorOptions.Tracing { path == nil ? .off : .steps(most: Self.mostSteps) }

  /// Writes the trace, if there is to be one.
  func write(_ model: Model, command: String) async throws {
    guard let path, let trace = try await model.trace(title: "skein \(command)") else { return }
    try writeText(trace, to: path)
    let lost = try await model.lostTraceSteps()
    if lost > 0 { Terminal.note("\(path): the first \(lost) steps are not in it; it keeps the last ones") }
  }
}

/// `--expert-stats`
struct ExpertStatsOptions: ParsableArguments {
  /// What stands for no file.
  private static let noFile = "-"

  @Option(
    name: .customLong("expert-stats"), defaultAsFlag: ExpertStatsOptions.noFile,
    help: ArgumentHelp(
      "Count how often each expert is chosen; a table, or with a file JSON for --experts-by-usage.",
      valueName: "file"))
  var path: String?

  /// A model that follows the flag looks like its file: it must not be overwritten.
  func validate() throws {
    guard let path, path != Self.noFile,
      let former = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe),
      !former.isEmpty, former.first != UInt8(ascii: "{")
    else { return }
    throw ValidationError(
      "\(path) is there and holds no counts of experts; name another file after --expert-stats, or give the model"
        + " before it")
  }

  /// What the executor is to count.
  var counting: ExecutorOptions.ExpertCounting { path == nil ? .off : .on }

  /// Writes the file that was asked for, or else returns the lines of a table.
  func write(_ usage: ExpertUsage) throws -> [String] {
    guard let path, path != Self.noFile else { return Self.table(usage) }
    try writeText(usage.text, to: path)
    return []
  }

  /// For each layer how evenly its experts were used, and which most.
  private static func table(_ usage: ExpertUsage) -> [String] {
    if usage.layers.isEmpty { return ["the model has no experts"] }
    let header = ["layer", "choices", "never chosen", "busiest quarter", "most chosen"]
    let rows = usage.layers.map { layer in
      let sum = layer.counts.reduce(0, +)
      let order = usage.byUse(layer: layer.layer) ?? []
      let quarter = order.prefix((order.count + 3) / 4).reduce(0) { $0 + layer.counts[$1] }
      let percent = Format.number(Double(quarter) / Double(max(sum, 1)) * 100, decimals: 0)
      let most = order.prefix(6).map { "\($0) (\(layer.counts[$0]))" }
      return [
        "\(layer.layer)", "\(sum)", "\(layer.counts.count { $0 == 0 })", "\(percent)%",
        most.joined(separator: ", "),
      ]
    }
    return Format.table([header] + rows).split(separator: "\n").map(String.init)
  }
}

/// `--experts-by-usage`
struct ExpertUsageOptions: ParsableArguments {
  @Option(
    name: .customLong("experts-by-usage"),
    help: ArgumentHelp(
      "Keep the most used experts on the fast devices: a file of run --expert-stats.", valueName: "file"))
  var path: String?
}

/// The JSON of counted experts: that of the file.
struct ExpertStatsJSON: Encodable {
  struct Layer: Encodable {
    var layer: Int
    var counts: [Int]
  }
  var layers: [Layer]

  init(_ usage: ExpertUsage) {
    layers = usage.layers.map { Layer(layer: $0.layer, counts: $0.counts) }
  }
}
