import SkeinGraph

/// Qwen1.5-MoE and Qwen2-MoE: Qwen2 with a mixture of experts, and beside it a network for all tokens whose
/// part each token weighs by a sigmoid (arXiv 2407.10671).
struct Qwen2Moe: Family {
  static let architectures = ["qwen2moe"]
  let configuration: DecoderConfiguration
  let mixture: MixtureConfiguration

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    mixture = try reader.requiredMixture(configuration, normalizesWeights: false)
  }

  var moduleNames: ModuleNames {
    ModuleNames(stems: [
      .sharedGate: "mlp.shared_expert.gate_proj", .sharedUp: "mlp.shared_expert.up_proj",
      .sharedActivation: "mlp.shared_expert.act_fn", .sharedDown: "mlp.shared_expert.down_proj",
    ])
  }

  var moduleClasses: ModuleClasses {
    ModuleClasses("qwen2_moe", prefix: "Qwen2Moe")
  }

  func build(_ g: inout GraphBuilder) {
    let (c, m) = (configuration, mixture)
    g.decoder(c) { g, h in
      Qwen2.attention(&g, h, c)
    } feedForward: { g, h in
      g.mixture(h, c, m) { g, shared in
        g.sigmoidGate(shared, g.linear(h, .sharedRouter, width: 1), .sharedWeighted)
      }
    }
  }
}
