import SkeinGraph

/// Gemma 2: norms before and after each block, every other layer with a window, scores and logits that are softly
/// capped (arXiv 2408.00118).
struct Gemma2: Family {
  static let architectures = ["gemma2"]
  let configuration: DecoderConfiguration
  let activation: Activation
  let windows: LayerWindows
  let scoreScale: Float
  let scoreCap: Float?
  let logitCap: Float?

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader, knowing: [.scoreCap, .logitCap])
    activation = try reader.activation(.geluTanh)
    windows = try LayerWindows(reader, configuration, period: 2)
    scoreScale = try Gemma.scoreScale(reader, configuration, largestLayerCount: 46)
    scoreCap = try reader.cap(.scoreCap)
    logitCap = try reader.cap(.logitCap)
    try reader.refuseExperts()
  }

  var moduleNames: ModuleNames { Gemma.namesWithPostNorms }

  var moduleClasses: ModuleClasses {
    Gemma.classes("gemma2", prefix: "Gemma2")
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
    let q = g.linear(h, .query, width: c.headCount * c.keyWidth)
    let k = g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, c.rope(heads: c.headCount, pairing: .halves)),
      g.rope(k, .keyRope, c.rope(heads: c.keyValueHeadCount, pairing: .halves)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, scale: scoreScale,
      window: windows.window(g.layer), softCap: scoreCap)
  }
}
