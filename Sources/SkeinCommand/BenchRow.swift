import Skein
import SkeinGraph
import SkeinPlanner

/// What `skein bench` reads and writes in a turn.
struct BenchShape {
  var contextTokens: Int
  var promptTokens: Int
  var genTokens: Int
  var sequences: Int

  /// Positions of a text.
  var tokens: Int { contextTokens + promptTokens + genTokens }
}

/// One choice of devices with its measurements.
struct BenchContestant {
  var list: String
  var model: Model
  private(set) var prefill: [Double] = []
  private(set) var decode: [Double] = []

  init(list: String, model: Model) {
    self.list = list
    self.model = model
  }

  mutating func measure(_ shape: BenchShape, counts: Bool) async throws {
    var options = GenerationOptions()
    // One token comes from the prompt's own pass: the speed of writing is that of those after it.
    options.maximumTokenCount = shape.genTokens + 1
    options.sampling = .greedy
    options.ignoresEndOfGeneration = true
    let (prefill, decode) =
      shape.sequences > 1 ? try await together(shape, options) : try await alone(shape, options)
    guard counts else { return }
    self.prefill.append(prefill)
    self.decode.append(decode)
  }

  private func alone(_ shape: BenchShape, _ options: GenerationOptions) async throws -> (Double, Double) {
    try await model.truncate(to: shape.contextTokens)
    let generation = model.generate(
      tokens: tokens(shape.contextTokens + shape.promptTokens, seed: 0), options: options)
    for try await _ in generation {}
    guard let report = generation.report else { return (0, 0) }
    return (report.prefillTokensPerSecond, report.decodeTokensPerSecond)
  }

  private func together(_ shape: BenchShape, _ options: GenerationOptions) async throws -> (Double, Double) {
    let prompts = (0..<shape.sequences).map { tokens(shape.promptTokens, seed: $0) }
    let report = try await model.generate(batch: prompts, options: options)
    return (report.prefillTokensPerSecond, report.decodeTokensPerSecond)
  }

  private func tokens(_ count: Int, seed: Int) -> [Int32] {
    let vocabulary = Int32(model.definition.graph.vocabularySize)
    return (0..<Int32(count)).map { (($0 &+ Int32(seed)) &* 7919 &+ 13) % vocabulary }
  }
}

/// What a turn computes and reads at least, whatever runs it: to hold against the limits of the machine.
struct BenchWork {
  /// Multiplications and additions of the matrices in all layers, for a token.
  var matrixOperationsPerToken = 0.0
  /// Bytes of weights that a pass reads which writes a token of every text.
  var weightBytesPerStep = 0.0
  /// Bytes of key-value cache that it reads, in the middle of the writing.
  var cacheBytesPerStep = 0.0

  init(_ model: Model, _ shape: BenchShape) {
    let graph = model.definition.graph
    let priced = model.planned.problem.model
    let seen = shape.contextTokens + shape.promptTokens + shape.genTokens / 2
    for node in graph.nodes {
      func work(tokens: Int, context: Int) -> Work {
        graph.work(
          of: node, tokens: tokens, outputs: tokens, contextTokens: context, cacheType: priced.cacheType,
          weightBytes: { priced.weightBytes[$0.index] })
      }
      let step = work(tokens: shape.sequences, context: 0)
      weightBytesPerStep += step.weightBytes
      let alone = work(tokens: 1, context: 0)
      let cached = work(tokens: 1, context: seen).activationBytes - alone.activationBytes
      cacheBytesPerStep += cached * Double(shape.sequences)
      switch node.op {
      case .linear where node.name.layer != nil, .experts, .expertRouter:
        matrixOperationsPerToken += alone.floatingPointOperations
      default: break
      }
    }
  }
}

/// A line of the table.
struct BenchRow: Encodable {
  var devices: String
  var contextTokens: Int
  var promptTokens: Int
  var genTokens: Int
  var sequences: Int
  var prefillTokensPerSecond: Double
  var decodeTokensPerSecond: Double
  var predictedPrefillTokensPerSecond: Double
  var predictedDecodeTokensPerSecond: Double
  var strategy: String
  var leftOut: [String]
  var peakBytes: [String: Int]
  var matrixOperationsPerToken: Double
  var weightBytesPerStep: Double
  var cacheBytesPerStep: Double

  enum CodingKeys: String, CodingKey {
    case devices, strategy, sequences
    case predictedPrefillTokensPerSecond = "predicted_prefill_tokens_per_second"
    case predictedDecodeTokensPerSecond = "predicted_decode_tokens_per_second"
    case leftOut = "left_out"
    case contextTokens = "context_tokens"
    case promptTokens = "prompt_tokens"
    case genTokens = "gen_tokens"
    case prefillTokensPerSecond = "prefill_tokens_per_second"
    case decodeTokensPerSecond = "decode_tokens_per_second"
    case peakBytes = "peak_bytes"
    case matrixOperationsPerToken = "matrix_operations_per_token"
    case weightBytesPerStep = "weight_bytes_per_step"
    case cacheBytesPerStep = "cache_bytes_per_step"
  }

  init(_ contestant: BenchContestant, _ shape: BenchShape) {
    devices = contestant.list
    contextTokens = shape.contextTokens
    promptTokens = shape.promptTokens
    genTokens = shape.genTokens
    sequences = shape.sequences
    prefillTokensPerSecond = BenchRow.median(contestant.prefill)
    decodeTokensPerSecond = BenchRow.median(contestant.decode)
    let price = contestant.model.predicted(
      promptTokens: shape.promptTokens, genTokens: shape.genTokens, concurrency: shape.sequences)
    predictedPrefillTokensPerSecond = price.prefillTokensPerSecond
    predictedDecodeTokensPerSecond = price.decodeTokensPerSecond
    strategy = contestant.model.planned.strategy
    leftOut = (contestant.model.planned.result?.leftOut ?? []).map(\.description)
    peakBytes = Dictionary(
      uniqueKeysWithValues: contestant.model.reservedBytes.map { ($0.key.name, $0.value) })
    let work = BenchWork(contestant.model, shape)
    matrixOperationsPerToken = work.matrixOperationsPerToken
    weightBytesPerStep = work.weightBytesPerStep
    cacheBytesPerStep = work.cacheBytesPerStep
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  static let header = [
    "devices", "context", "texts", "prompt", "write", "prefill tokens/s", "predicted", "decode tokens/s",
    "predicted", "bytes",
  ]

  var cells: [String] {
    [
      devices, "\(contextTokens)", "\(sequences)", "\(promptTokens)", "\(genTokens)",
      Format.number(prefillTokensPerSecond), predicted(predictedPrefillTokensPerSecond),
      Format.number(decodeTokensPerSecond), predicted(predictedDecodeTokensPerSecond),
      peakBytes.sorted { $0.key < $1.key }.map { "\($0.key) \(Format.bytes($0.value))" }.joined(
        separator: ", "),
    ]
  }

  /// Requests are priced from their start: behind a context there is no prediction.
  private func predicted(_ value: Double) -> String { contextTokens == 0 ? Format.number(value) : "-" }
}
