import SkeinGraph

/// Gemma 3, its text: Gemma 2 with normalized heads in place of caps; five layers with a window, which are rotated
/// with a base of their own, to one without (arXiv 2503.19786).
struct Gemma3: Family {
  static let architectures = ["gemma3"]
  let configuration: DecoderConfiguration
  let activation: Activation
  let windows: LayerWindows
  let scoreScale: Float
  let scoreCap: Float?
  let logitCap: Float?
  /// The base of rotations in layers with a window; no scaling is for them.
  let localBase: Float

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader, knowing: [.scoreCap, .logitCap])
    activation = try reader.activation(.geluTanh)
    windows = try LayerWindows(reader, configuration, period: 6)
    scoreScale = try Gemma.scoreScale(reader, configuration, largestLayerCount: 62)
    scoreCap = try reader.cap(.scoreCap)
    logitCap = try reader.cap(.logitCap)
    localBase = try reader.positiveNumber("rope.freq_base_swa") ?? 10_000
    try reader.refuseExperts()
  }

  var moduleNames: ModuleNames { Gemma.namesWithPostNorms }

  var moduleClasses: ModuleClasses {
    var classes = Gemma.classes("gemma3", prefix: "Gemma3")
    classes.base = "TextModel"
    return classes
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    let shape = DecoderShape(
      embeddingScale: Gemma.embeddingScale(c), normalizesResults: true, logitCap: logitCap)
    g.decoder(c, shape) { g, h in
      attention(&g, h)
    } feedForward: { g, h in
      g.feedForward(h, c, activation)
    }
  }

  private func attention(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let c = configuration
    let q = g.rmsNorm(
      g.linear(h, .query, width: c.headCount * c.keyWidth), .queryNorm, epsilon: c.epsilon,
      groupWidth: c.keyWidth)
    let k = g.rmsNorm(
      g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth), .keyNorm, epsilon: c.epsilon,
      groupWidth: c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, rope(heads: c.headCount, layer: g.layer)),
      g.rope(k, .keyRope, rope(heads: c.keyValueHeadCount, layer: g.layer)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, scale: scoreScale,
      window: windows.window(g.layer), softCap: scoreCap)
  }

  private func rope(heads: Int, layer: Int?) -> Rope {
    var rope = configuration.rope(heads: heads, pairing: .halves)
    if windows.isLocal(layer) {
      rope.base = localBase
      rope.scaling = .none
    }
    return rope
  }
}
