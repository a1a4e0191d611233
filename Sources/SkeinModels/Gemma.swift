import SkeinGraph

/// Gemma: Llama with a scaled embedding, GELU in place of SiLU, and heads of a width of their own
/// (arXiv 2403.08295).
///
/// Its code multiplies normalized values by `1 + weight`; files hold that sum.
struct Gemma: Family {
  static let architectures = ["gemma"]
  let configuration: DecoderConfiguration
  let activation: Activation

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    activation = try reader.activation(.geluTanh)
    try reader.refuseExperts()
  }

  var moduleClasses: ModuleClasses {
    Gemma.classes("gemma", prefix: "Gemma")
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c, DecoderShape(embeddingScale: Gemma.embeddingScale(c))) { g, h in
      Qwen2.attention(&g, h, c)
    } feedForward: { g, h in
      g.feedForward(h, c, activation)
    }
  }

  /// In float32, whatever the weights are; the family's own code rounds it to their format.
  static func embeddingScale(_ c: DecoderConfiguration) -> Float { Float(c.width).squareRoot() }

  /// What scores are multiplied by in Gemma 2 and 3. Most models take the width of a head; the largest of each take
  /// that of the model shared by the heads, and files do not say so: it is told by the number of layers.
  static func scoreScale(
    _ reader: ConfigurationReader, _ c: DecoderConfiguration, largestLayerCount: Int
  ) throws -> Float {
    if let scale = try reader.positiveNumber("attention.scale") { return scale }
    let width = c.layerCount == largestLayerCount ? c.width / c.headCount : c.keyWidth
    return 1 / Float(width).squareRoot()
  }

  /// The classes of a Gemma.
  static func classes(_ name: String, prefix: String) -> ModuleClasses {
    var classes = ModuleClasses(name, prefix: prefix)
    classes.embedding = "TextScaledWordEmbedding"
    classes.activation = ["transformers.activations.GELUTanh"]
    return classes
  }

  /// Names of the modules of Gemma 2 and 3, which have norms before and after each block.
  static let namesWithPostNorms = ModuleNames(stems: [
    .feedForwardNorm: "pre_feedforward_layernorm", .postFeedForwardNorm: "post_feedforward_layernorm",
  ])
}
