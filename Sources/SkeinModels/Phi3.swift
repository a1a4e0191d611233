import SkeinGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Phi-3 and Phi-4: Llama with queries, keys and values in one matrix, gate and up in another, and, in models for long
/// contexts, a factor for each frequency of the rotation (arXiv 2404.14219, 2402.13753).
struct Phi3: Family {
  static let architectures = ["phi3"]
  static let readTensors = [longFactors, shortFactors]
  private static let longFactors = "rope_factors_long.weight"
  private static let shortFactors = "rope_factors_short.weight"
  private(set) var configuration: DecoderConfiguration
  /// Whether the checkpoint has the matrices of attention in one.
  private let isFused: Bool

  init(_ reader: ConfigurationReader) throws {
    var c = try DecoderConfiguration(reader)
    try reader.refuseExperts()
    isFused = reader.has(WeightName(NodeName(layer: 0, .queryKeyValue)))
    if let long = try Phi3.factors(Phi3.longFactors, reader, c),
      let short = try Phi3.factors(Phi3.shortFactors, reader, c)
    {
      let original =
        try reader.optionalSize(
          "rope.scaling.original_context_length", most: ConfigurationReader.largestContext) ?? c.contextLength
      let magnitude =
        try reader.positiveNumber("rope.scaling.attn_factor")
        ?? Phi3.magnitude(original: original, context: c.contextLength)
      // Its own code takes the long factors for a sequence of more than the original length. What is cached was
      // rotated before that is known, so the length that was asked for says which.
      if let wanted = reader.contextTokens, wanted > original {
        c.ropeScaling = .factors(long, magnitude: magnitude)
      } else {
        c.ropeScaling = .factors(short, magnitude: magnitude)
        c.contextLength = min(c.contextLength, max(original, 1))
      }
    }
    configuration = c
  }

  var moduleNames: ModuleNames {
    var stems: [Role: String] = [.activation: "mlp.activation_fn"]
    for role in [Role.query, .key, .value] where isFused { stems[role] = "self_attn.qkv_proj" }
    for role in [Role.gate, .up] { stems[role] = "mlp.gate_up_proj" }
    return ModuleNames(stems: stems)
  }

  var moduleClasses: ModuleClasses {
    ModuleClasses("phi3", prefix: "Phi3")
  }

  func fused(_ weight: WeightName) -> FusedRows? {
    let c = configuration
    if isFused, let part = c.fusedQueryKeyValue(weight.node.role) { return part }
    return FusedRows(
      weight.node.role, in: .gateUp, [(.gate, c.feedForwardWidth), (.up, c.feedForwardWidth)])
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c) { g, h in
      Qwen2.attention(&g, h, c)
    } feedForward: { g, h in
      g.feedForward(h, c)
    }
  }

  private static func factors(
    _ name: String, _ reader: ConfigurationReader, _ c: DecoderConfiguration
  ) throws -> [Float]? {
    guard let factors = try reader.vector(name) else { return nil }
    guard factors.count == c.ropeDimensions / 2, factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw ModelError(
        .wrongShape, "must hold \(c.ropeDimensions / 2) factors above zero", path: reader.path, place: name)
    }
    return factors
  }

  /// By how much the rotated values are larger than without factors: `sqrt(1 + ln(stretch) / ln(original))`.
  static func magnitude(original: Int, context: Int) -> Float {
    let stretch = Float(context) / Float(max(original, 1))
    return stretch > 1 && original > 1 ? (1 + log(stretch) / log(Float(original))).squareRoot() : 1
  }
}
