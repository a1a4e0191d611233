import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinModels

@Suite("Trees of modules")
struct ModuleTreeTests {
  @Test("Every node and every weight is in one module; every module but the first is in another")
  func complete() throws {
    for fixture in ConfigurationFixture.allCases {
      let tree = try configuredModel(fixture.json).modules
      #expect(tree.modules.flatMap(\.nodes).sorted() == tree.graph.nodes.map(\.id))
      for (place, module) in tree.modules.enumerated() {
        #expect(tree.place(of: module.name) == place && tree[module.name] == module)
        for child in module.children { #expect(tree.modules[child].parent == place && child > place) }
        if let parent = module.parent { #expect(tree.modules[parent].children.contains(place)) }
      }
      var owners = [Int](repeating: 0, count: tree.graph.weights.count)
      for module in tree.modules { for weight in module.weights { owners[weight.index] += 1 } }
      for (index, weight) in tree.graph.weights.enumerated() {
        let isStack = tree.name(of: WeightID(index)).contains("*")
        #expect(owners[index] == (isStack ? weight.shape.extents[0] : 1), "\(weight.name)")
      }
    }
  }

  @Test("Modules are called as in the code that rules were written for")
  func names() throws {
    let lite = try configuredModel(ConfigurationFixture.deepSeekV2Lite.json).modules
    #expect(lite["model.layers.3.mlp.experts.63.up_proj"]?.weights.count == 1)
    #expect(lite["model.layers.3.mlp.experts.64"] == nil && lite["model.layers.0.mlp.experts"] == nil)
    func module(_ tree: ModuleTree, _ role: Role, _ layer: Int) -> String? {
      tree.graph.nodes.first { $0.name == NodeName(layer: layer, role) }.map { tree.module(of: $0.id).name }
    }
    #expect(module(lite, .attentionResidual, 2) == "model.layers.2")
    #expect(module(lite, .queryRope, 2) == "model.layers.2.self_attn.rotary_emb")
    #expect(module(lite, .attention, 2) == "model.layers.2.self_attn")
    #expect(module(lite, .mixture, 2) == "model.layers.2.mlp")
    let mixtral = try configuredModel(ConfigurationFixture.mixtral8x7B.json).modules
    #expect(module(mixtral, .experts, 2) == "model.layers.2.block_sparse_moe.experts")
    #expect(mixtral["model.layers.2.block_sparse_moe.experts.7.w2"] != nil)
  }

  @Test(
    "Classes go by all their paths",
    arguments: [
      (.deepSeekV2, "", "ktransformers.models.modeling_deepseek.DeepseekV2ForCausalLM"),
      (.deepSeekV2, "model.layers.0.mlp", "ktransformers.models.modeling_deepseek.DeepseekV2MLP"),
      (.deepSeekV2, "model.layers.1.mlp", "ktransformers.models.modeling_deepseek.DeepseekV2MoE"),
      (.deepSeekV2, "model.layers.1.mlp.gate", "ktransformers.models.modeling_deepseek.MoEGate"),
      (
        .deepSeekV2, "model.layers.1.self_attn.rotary_emb",
        "ktransformers.models.modeling_deepseek.DeepseekV2YarnRotaryEmbedding"
      ),
      (
        .deepSeekV2, "model.layers.1.self_attn.rotary_emb",
        "ktransformers.models.modeling_deepseek.DeepseekV2RotaryEmbedding"
      ),
      (.deepSeekV3, "model.layers.9.mlp.gate", "ktransformers.models.modeling_deepseek_v3.MoEGate"),
      (
        .mixtral8x7B, "model.layers.9.block_sparse_moe",
        "transformers.models.mixtral.modeling_mixtral.MixtralSparseMoeBlock"
      ),
      (.mixtral8x7B, "model.layers.9.block_sparse_moe.gate", "torch.nn.modules.linear.Linear"),
      (
        .mixtral8x7B, "model.layers.9.block_sparse_moe.experts.1",
        "ktransformers.models.modeling_mixtral.MixtralBlockSparseTop2MLP"
      ),
      (
        .qwen3_30B, "model.layers.1.self_attn.rotary_emb",
        "ktransformers.models.modeling_qwen2_moe.Qwen2MoeRotaryEmbedding"
      ),
      (.llama3_8B, "model.layers", "torch.nn.ModuleList"), (.llama3_8B, "lm_head", "torch.nn.Linear"),
      (.llama3_8B, "model.embed_tokens", "torch.nn.Embedding"),
      (.llama3_8B, "model.layers.1", "transformers.models.llama.modeling_llama.LlamaDecoderLayer"),
      (.qwen3_8B, "model.layers.1.self_attn.q_norm", "transformers.models.qwen3.modeling_qwen3.Qwen3RMSNorm"),
      (.llama3_8B, "model.norm", "torch.nn.Module"),
    ] as [(ConfigurationFixture, String, String)])
  func classes(fixture: ConfigurationFixture, module: String, path: String) throws {
    let tree = try configuredModel(fixture.json).modules
    #expect(tree[module]?.classes.contains(path) == true, "\(tree[module]?.classes ?? [])")
  }
}
