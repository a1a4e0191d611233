import SkeinGraph

/// Qwen3-MoE: Qwen3 with mixtures of experts (arXiv 2505.09388).
struct Qwen3Moe: Family {
  static let architectures = ["qwen3moe"]
  let configuration: DecoderConfiguration
  let mixture: MixtureConfiguration

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    mixture = try reader.requiredMixture(configuration, normalizesWeights: true)
  }

  var moduleClasses: ModuleClasses {
    // KTransformers' copy rotates with the class of Qwen2.
    ModuleClasses(
      "qwen3_moe", prefix: "Qwen3Moe",
      rotation: ["RotaryEmbedding", "ktransformers.models.modeling_qwen2_moe.Qwen2MoeRotaryEmbedding"])
  }

  func build(_ g: inout GraphBuilder) {
    let (c, m) = (configuration, mixture)
    g.decoder(c) { g, h in
      Qwen3.attention(&g, h, c)
    } feedForward: { g, h in
      g.mixture(h, c, m)
    }
  }
}
