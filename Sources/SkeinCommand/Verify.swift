import ArgumentParser
import Skein
import SkeinGraph

/// `skein verify`
struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Whether every choice of devices gives the same logits, or where they part.",
    discussion: """
      The first choice is the reference. Differences are relative to its largest logit. Ends with status 1
      where a difference exceeds --tolerance.

      Choices of devices that run every node whole give the same bits. A --placement is for the choices of several
      devices; where it has them share nodes, sums are taken in another order, and the logits differ in their last
      bits. With weights in blocks activations are rounded to 8 bits too, and a last bit may become one of those:
      logits were 0.6% apart for a small model in Q8_0 and 3.5% for one of 1.2 billion parameters, which with
      --weights f32 were 8e-6 apart. To tell rounding from a fault, compare so.

      Example:
        skein verify model.gguf --devices cpu cpu/2 cpu@0,cpu@1
        skein verify model.gguf --devices cpu@0 cpu@0,cpu@1 --placement shares.yaml
      """)

  @Argument(help: "A .gguf file, a folder as Hugging Face tools save it, or the name of a bundled model.")
  var model: String
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Two or more choices of devices, each as for run.", valueName: "list"))
  var devices: [String]
  @Option(
    help: ArgumentHelp(
      "Token ids to compute; by default 96 from all over the vocabulary.", valueName: "1,2,3"))
  var tokens: String?
  @Option(
    help: ArgumentHelp(
      "The largest relative difference that passes; by default 0.0001, or 0.05 where devices share nodes and weights"
        + " are not in F32.", valueName: "number"))
  var tolerance: Double?
  @Option(help: ArgumentHelp("A file that says what goes where, as for run.", valueName: "file"))
  var placement: String?
  @OptionGroup var cache: CacheOptions
  @OptionGroup var weightOptions: WeightOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if devices.count < 2 { throw ValidationError("give at least two choices: --devices cpu cpu/2") }
    if let tokens, try parseTokens(tokens).isEmpty { throw ValidationError("--tokens names no token") }
  }

  func run() async throws {
    var reference: [Float] = []
    var rows: [Row] = []
    for list in devices {
      let choice = DeviceChoice(
        devices: list, cacheType: cache.cacheType, weights: weightOptions.weights,
        weightMemory: weightOptions.weightMemory,
        placement: try placement == nil || DeviceChoice.isSingle(list) ? nil : placement)
      let options = try choice.scoringOptions(outputsPerPass: 32)
      let model = try await Model.loadWithProgress(model, options)
      let logits = try await model.logits(try ids(model))
      if reference.isEmpty { reference = logits }
      rows.append(
        Row(
          list, model.plan, logits, reference, tolerance: tolerance ?? Self.tolerance(of: model.plan)))
    }
    if output.json {
      try Terminal.print(json: rows)
    } else {
      Terminal.write(Format.table([Row.header] + rows.map(\.cells)) + "\n")
    }
    if let row = rows.first(where: { !($0.largestRelativeDifference <= $0.tolerance) }) {
      Terminal.note("the logits of \(row.devices) differ by more than \(row.tolerance)")
      throw ExitCode(1)
    }
  }

  /// What passes where nothing is said.
  private static func tolerance(of plan: Plan) -> Double {
    let weights = plan.devices.flatMap { $0.weights + $0.streamed }
    return !plan.splits.isEmpty && weights.contains { $0.type != .f32 } ? 0.05 : 1e-4
  }

  private func ids(_ model: Model) throws -> [Int32] {
    if let tokens { return try parseTokens(tokens) }
    let count = min(96, model.plan.limits.contextTokens)
    let vocabulary = Int32(model.definition.graph.vocabularySize)
    return (0..<Int32(count)).map { ($0 &* 7919 &+ 13) % vocabulary }
  }
}

/// One choice against the reference.
private struct Row: Encodable {
  var devices: String
  /// Whether devices share nodes, so that sums are taken in another order.
  var sharesNodes: Bool
  var isBitEqual: Bool
  var largestRelativeDifference: Double
  /// The largest difference that passes.
  var tolerance: Double
  /// The first token whose logits differ most; nil where all are equal.
  var partsAtToken: Int?
  var sameLikeliestTokens: Bool

  enum CodingKeys: String, CodingKey {
    case devices
    case tolerance
    case sharesNodes = "shares_nodes"
    case isBitEqual = "bit_equal"
    case largestRelativeDifference = "largest_relative_difference"
    case partsAtToken = "parts_at_token"
    case sameLikeliestTokens = "same_likeliest_tokens"
  }

  init(_ list: String, _ plan: Plan, _ logits: [Float], _ reference: [Float], tolerance: Double) {
    let width = plan.graph.vocabularySize
    devices = list
    sharesNodes = !plan.splits.isEmpty
    self.tolerance = tolerance
    isBitEqual = zip(logits, reference).allSatisfy { $0.bitPattern == $1.bitPattern }
    let scale = Double(reference.reduce(0) { max($0, abs($1)) })
    var largest = 0.0
    for (index, pair) in zip(logits, reference).enumerated() {
      let difference = abs(Double(pair.0) - Double(pair.1)) / max(scale, 1e-30)
      // A NaN on one side only is a difference like no other.
      if difference > largest || (difference.isNaN && !largest.isNaN) {
        largest = difference
        partsAtToken = index / width
      }
    }
    largestRelativeDifference = largest
    sameLikeliestTokens = stride(from: 0, to: logits.count, by: width).allSatisfy { start in
      func likeliest(_ values: [Float]) -> Int32 {
        values.withUnsafeBufferPointer {
          Sampler.likeliest(UnsafeBufferPointer(rebasing: $0[start..<start + width]))
        }
      }
      return likeliest(logits) == likeliest(reference)
    }
  }

  private var shared: String { sharesNodes ? " (devices share nodes: up to \(tolerance) passes)" : "" }

  static let header = ["devices", "logits", "largest relative difference", "same likeliest tokens"]

  var cells: [String] {
    [
      devices,
      isBitEqual ? "bit-equal" : "differ at token \(partsAtToken ?? 0)" + shared,
      "\(largestRelativeDifference)",
      sameLikeliestTokens ? "yes" : "no",
    ]
  }
}
