import SkeinFiles
import SkeinGraph

/// The hyper-parameters that decoder-only transformers share.
public struct DecoderConfiguration: Hashable, Sendable {
  /// The value of `general.architecture`.
  public var architecture: String
  /// Number of different tokens.
  public var vocabularySize: Int
  /// Values a token between layers.
  public var width: Int
  /// Number of layers.
  public var layerCount: Int
  /// Values a token inside the feed-forward network.
  public var feedForwardWidth: Int
  /// Query heads.
  public var headCount: Int
  /// Heads of keys and values; divides `headCount`.
  public var keyValueHeadCount: Int
  /// Values a head in queries and keys.
  public var keyWidth: Int
  /// Values a head in values.
  public var valueWidth: Int
  /// Added to mean squares in norms.
  public var epsilon: Float
  /// Positions that the model was made for.
  public var contextLength: Int
  /// Latest positions that a token sees; nil for all.
  public var window: Int?
  /// Rotated values of each head.
  public var ropeDimensions: Int
  /// The base of the rotation's frequencies.
  public var ropeBase: Float
  /// How the rotation was stretched.
  public var ropeScaling: Rope.Scaling
  /// Whether the head is the embedding table.
  public var isHeadTied: Bool

  /// The rotation of `heads` heads.
  func rope(heads: Int, pairing: Rope.Pairing) -> Rope {
    Rope(
      headCount: heads, headWidth: keyWidth, dimensions: ropeDimensions, base: ropeBase, pairing: pairing,
      scaling: ropeScaling)
  }

  /// The matrix that a tied head shares.
  var headSource: WeightName? { isHeadTied ? WeightName(NodeName(.tokenEmbedding)) : nil }
}

extension DecoderConfiguration {
  /// Reads what GGUF files of all decoder families say in the same words.
  ///
  /// - Parameter known: caps that the family computes; others are refused.
  init(_ reader: ConfigurationReader, knowing known: Set<ConfigurationReader.Cap> = []) throws {
    architecture = reader.architecture
    vocabularySize = try reader.rows(of: WeightName(NodeName(.tokenEmbedding)))
    width = try reader.size("embedding_length")
    layerCount = try reader.size("block_count", most: reader.weights.mostLayers)
    feedForwardWidth = try reader.sizeOfEveryLayer("feed_forward_length") ?? 0
    guard feedForwardWidth > 0 else {
      throw reader.error(.invalidConfiguration, "must be given and above zero", at: "feed_forward_length")
    }
    guard let heads = try reader.sizeOfEveryLayer("attention.head_count"), heads > 0 else {
      throw reader.error(.invalidConfiguration, "must be given and above zero", at: "attention.head_count")
    }
    headCount = heads
    keyValueHeadCount = try reader.sizeOfEveryLayer("attention.head_count_kv") ?? heads
    guard keyValueHeadCount > 0, heads % keyValueHeadCount == 0 else {
      throw reader.error(
        .invalidConfiguration, "\(heads) query heads cannot share \(keyValueHeadCount) key-value heads",
        at: "attention.head_count_kv")
    }
    let headWidth = width / heads
    keyWidth = try reader.optionalSize("attention.key_length") ?? headWidth
    valueWidth = try reader.optionalSize("attention.value_length") ?? headWidth
    guard keyWidth > 0, valueWidth > 0 else {
      throw reader.error(.invalidConfiguration, "heads are empty", at: "attention.key_length")
    }
    epsilon =
      try reader.positiveNumber("attention.layer_norm_rms_epsilon")
      ?? reader.positiveNumber("attention.layer_norm_epsilon") ?? 1e-5
    contextLength = try reader.size("context_length", most: ConfigurationReader.largestContext)
    let window = try reader.optionalSize("attention.sliding_window", most: Int(Int32.max)) ?? 0
    self.window = window > 0 && window < contextLength ? window : nil
    ropeDimensions = try reader.optionalSize("rope.dimension_count") ?? keyWidth
    guard ropeDimensions > 0, ropeDimensions % 2 == 0, ropeDimensions <= keyWidth else {
      throw reader.error(
        .invalidConfiguration, "\(ropeDimensions) of \(keyWidth) values cannot be rotated in pairs",
        at: "rope.dimension_count")
    }
    ropeBase = try reader.positiveNumber("rope.freq_base") ?? 10_000
    ropeScaling = try Self.ropeScaling(reader, dimensions: ropeDimensions, contextLength: contextLength)
    isHeadTied = !reader.has(WeightName(NodeName(.head)))
    try Self.refuseUnknownMathematics(reader, knowing: known)
  }

  private static func ropeScaling(
    _ reader: ConfigurationReader, dimensions: Int, contextLength: Int
  ) throws -> Rope.Scaling {
    if let factors = try reader.vector("rope_freqs.weight") {
      guard factors.count == dimensions / 2, factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
        throw ModelError(
          .wrongShape, "must hold \(dimensions / 2) factors above zero", path: reader.path,
          place: "rope_freqs.weight")
      }
      if let kind = try reader.word("rope.scaling.type"), kind != "none" {
        throw reader.error(
          .unsupported, "is \"\(kind)\" beside rope_freqs.weight; one or the other is supported",
          at: "rope.scaling.type")
      }
      return .perFrequency(factors: factors)
    }
    // `scale_linear` is what older files say.
    let oldFactor = try reader.positiveNumber("rope.scale_linear")
    let kind = try reader.word("rope.scaling.type") ?? (oldFactor == nil ? "none" : "linear")
    let factor = try reader.positiveNumber("rope.scaling.factor") ?? oldFactor ?? 1
    switch kind {
    case "none":
      return .none
    case "linear":
      return factor == 1 ? .none : .linear(factor: factor)
    case "llama3":
      // GGUF files have the same as a tensor of factors.
      let original = try reader.size(
        "rope.scaling.original_context_length", most: ConfigurationReader.largestContext)
      let low = try reader.positiveNumber("rope.scaling.low_freq_factor") ?? 1
      let high = try reader.positiveNumber("rope.scaling.high_freq_factor") ?? 4
      guard low < high else {
        throw reader.error(
          .invalidConfiguration, "is \(high), must be above \(low)", at: "rope.scaling.high_freq_factor")
      }
      return .llama3(
        factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext: original)
    case "yarn":
      let original =
        try reader.optionalSize(
          "rope.scaling.original_context_length", most: ConfigurationReader.largestContext) ?? contextLength
      let attentionFactor = try reader.positiveNumber("rope.scaling.attn_factor")
      var rope = Rope(
        headCount: 1, headWidth: dimensions, dimensions: dimensions, base: 10_000, pairing: .halves,
        scaling: .yarn(
          factor: factor, originalContext: max(original, 1),
          betaFast: try reader.positiveNumber("rope.scaling.yarn_beta_fast") ?? 32,
          betaSlow: try reader.positiveNumber("rope.scaling.yarn_beta_slow") ?? 1, attentionFactor: nil))
      // The file's factor comes on top of YaRN's own.
      if let attentionFactor, case .yarn(let factor, let original, let fast, let slow, _) = rope.scaling {
        rope.scaling = .yarn(
          factor: factor, originalContext: original, betaFast: fast, betaSlow: slow,
          attentionFactor: rope.magnitude * attentionFactor)
      }
      return rope.scaling
    default:
      throw reader.error(
        .unsupported, "\"\(kind)\" is not supported; none, linear, llama3 and yarn are",
        at: "rope.scaling.type")
    }
  }

  /// A key that changes the mathematics and that no family here knows must not be passed over.
  private static func refuseUnknownMathematics(
    _ reader: ConfigurationReader, knowing known: Set<ConfigurationReader.Cap>
  ) throws {
    let caps: [ConfigurationReader.Cap] = [.scoreCap, .logitCap]
    for name in caps.filter({ !known.contains($0) }).map(\.rawValue) + ["attention.clamp_kqv"] {
      if let value = try reader.number(name), value != 0 {
        throw reader.error(.unsupported, "is \(value), which this architecture does not know", at: name)
      }
    }
  }
}
