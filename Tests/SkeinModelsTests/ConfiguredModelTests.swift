import SkeinFiles
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@testable import SkeinModels

/// The model of a configuration, written to a file first.
func configuredModel(
  _ json: String, weights: WeightFormat? = .elementType(.q8_0), options: GraphOptions = GraphOptions()
) throws -> ConfiguredModel {
  let folder = TemporaryFolder()
  defer { withExtendedLifetime(folder) {} }
  let path = folder.write("config.json", Array(json.utf8))
  return try ConfiguredModel(path: path, weights: weights, options: options)
}

@Suite("Models from a config.json")
struct ConfiguredModelTests {
  @Test("Parameters are as many as the makers say", arguments: ConfigurationFixture.allCases)
  func parameterCount(_ fixture: ConfigurationFixture) throws {
    let model = try configuredModel(fixture.json)
    let billions = Double(model.parameterCount) / 1e9
    #expect(abs(billions - fixture.billions) < 0.0006 * max(fixture.billions, 1), "\(billions)")
  }

  @Test("A folder stands for the config.json in it")
  func folder() throws {
    let folder = TemporaryFolder()
    folder.write("config.json", Array(ConfigurationFixture.qwen2_half.json.utf8))
    let model = try ConfiguredModel(path: folder.path, weights: .elementType(.f16))
    #expect(model.configuration.isHeadTied)
    #expect(model.graph.nodes.filter { $0.op == .linear && $0.weights.count == 2 }.count == 3 * 24)
  }

  @Test("Older and newer names of a key mean the same")
  func names() throws {
    let older = """
      {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
       "num_attention_heads": 4, "vocab_size": 100, "max_position_embeddings": 512, "rope_theta": 20000,
       "rope_scaling": {"type": "linear", "factor": 2.0}, "torch_dtype": "float16"}
      """
    let newer = """
      {"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16,
       "vocab_size": 100, "max_position_embeddings": 512, "dtype": "float16",
       "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 20000.0}}
      """
    let a = try configuredModel(older)
    #expect(try configuredModel(newer).graph == a.graph)
    #expect(a.configuration.ropeScaling == .linear(factor: 2))
    #expect(a.configuration.ropeBase == 20_000)
    #expect(a.configuration.keyValueHeadCount == 4)
  }

  @Test("Rotations are stretched as the file says")
  func rotation() throws {
    #expect(
      try configuredModel(ConfigurationFixture.llama32_1B.json).configuration.ropeScaling
        == .llama3(
          factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192))
    let yarn = small("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}")
    guard
      case .yarn(let factor, let original, 32, 1, let magnitude) =
        try configuredModel(yarn).configuration.ropeScaling
    else { throw Unexpected() }
    #expect(factor == 4 && original == 512)
    #expect(magnitude == nil)
    let flat = small(
      "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0, \"attention_factor\": 1.5}")
    guard case .yarn(_, _, _, _, let larger?) = try configuredModel(flat).configuration.ropeScaling
    else { throw Unexpected() }
    #expect(abs(larger - 1.5) < 1e-5)
  }

  @Test("Windows count where they are switched on and shorter than the context")
  func windows() throws {
    #expect(try configuredModel(ConfigurationFixture.mistral7B.json).configuration.window == 4096)
    #expect(try configuredModel(ConfigurationFixture.qwen2_7B.json).configuration.window == nil)
    func qwen(_ more: String) -> String {
      small(
        "\"model_type\": \"qwen2\", \"sliding_window\": 64, \"use_sliding_window\": true" + more, type: "")
    }
    #expect(try configuredModel(qwen(", \"max_window_layers\": 0")).configuration.window == 64)
    #expect(try configuredModel(qwen(", \"max_window_layers\": 2")).configuration.window == nil)
    #expect(throws: ModelError.self) { try configuredModel(qwen(", \"max_window_layers\": 1")) }
    #expect(throws: ModelError.self) {
      try configuredModel(qwen(", \"layer_types\": [\"full_attention\", \"sliding_attention\"]"))
    }
  }

  @Test("Biases are there where the family or the file says so")
  func biases() throws {
    let model = try configuredModel(small("\"attention_bias\": true, \"mlp_bias\": true"))
    #expect(model.graph.nodes.filter { $0.op == .linear && $0.weights.count == 2 }.count == 2 * 7)
  }

  @Test("Latent attention caches compressed rows, and the router's bias is there in V3 only")
  func latentAttention() throws {
    for (fixture, hasBias) in [(ConfigurationFixture.deepSeekV2, false), (.deepSeekV3, true)] {
      let graph = try configuredModel(fixture.json).graph
      #expect(graph.caches.allSatisfy { $0.bytesPerToken(.f16) == 2 * 576 })
      let routers = graph.nodes.filter { $0.name.role == .router }
      #expect(routers.allSatisfy { $0.weights.count == (hasBias ? 2 : 1) })
      guard case .expertRouter(let router)? = routers.first?.op else { throw Unexpected() }
      #expect(router.groups?.count == 8)
      #expect(router.scoring == (hasBias ? .sigmoid : .softmax))
      #expect(router.normalizesWeights == hasBias)
    }
    let lite = try configuredModel(ConfigurationFixture.deepSeekV2Lite.json).graph
    #expect(lite.nodes.contains { $0.name == NodeName(layer: 3, .query) })
    let expanded = GraphOptions(latentCache: .expanded)
    #expect(
      try configuredModel(ConfigurationFixture.deepSeekV2.json, options: expanded).graph.caches[0]
        .bytesPerToken(.f16) == 2 * 40_960)
  }

  @Test("Layers without experts are those that the file names")
  func denseLayers() throws {
    let moe = """
      "model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32
      """
    func dense(_ more: String) throws -> [Int] {
      let json = small(moe + more, type: "").replacing("_layers\": 2", with: "_layers\": 6")
      return try configuredModel(json).graph.nodes.filter { $0.name.role == .gate }.compactMap(\.name.layer)
    }
    #expect(try dense("") == [])
    #expect(try dense(", \"mlp_only_layers\": [0, 4]") == [0, 4])
    #expect(try dense(", \"decoder_sparse_step\": 2") == [0, 2, 4])
    #expect(throws: ModelError.self) { try dense(", \"decoder_sparse_step\": 0") }
    let deepSeek = try configuredModel(ConfigurationFixture.deepSeekV3.json).graph
    #expect(deepSeek.nodes.filter { $0.name.role == .gate }.compactMap(\.name.layer) == [0, 1, 2])
    #expect(deepSeek.nodes.filter { $0.name.role == .router }.count == 58)
  }

  @Test("Modules are called as the family calls them")
  func moduleNames() throws {
    let model = try configuredModel(ConfigurationFixture.mixtral8x7B.json)
    #expect(model.moduleName(of: NodeName(layer: 1, .router)) == "model.layers.1.block_sparse_moe.gate")
  }

  @Test("Weights take the bytes that their format and shape say")
  func bytes() throws {
    let json = ConfigurationFixture.llama3_8B.json
    let q8 = try configuredModel(json)
    func total(_ model: ConfiguredModel) -> Int {
      model.graph.weights.indices.reduce(0) { $0 + model.byteCount(of: WeightID($1)) }
    }
    // The size of a published Q8_0 file, but for its vocabulary and padding.
    #expect(abs(Double(total(q8)) / 8.53e9 - 1) < 0.002)
    let bits = try configuredModel(json, weights: .bitsPerElement(8.5))
    #expect(total(bits) == total(q8))
    #expect(bits.type(of: WeightID(0)) == .q8_0)
  }

  @Test("Without a format, the file's own counts")
  func storedFormat() throws {
    func format(_ more: String) throws -> WeightFormat {
      try configuredModel(small(more), weights: nil).weights
    }
    #expect(try format("\"torch_dtype\": \"float16\"") == .elementType(.f16))
    #expect(try format("\"dtype\": \"float32\", \"torch_dtype\": null") == .elementType(.f32))
    #expect(try format("\"use_cache\": true") == .elementType(.bf16))
    #expect { try format("\"quantization_config\": {\"quant_method\": \"fp8\"}") } throws: {
      "\($0)".contains("fp8") && "\($0)".contains("--weights")
    }
  }

  @Test(
    "What is wrong is said with file, key and remedy",
    arguments: [
      ("[1]", "an array"), ("{\"model_type\": \"qwen9\"}", "the nearest is qwen2"),
      ("{\"architectures\": [\"LlamaForCausalLm\"]}", "the nearest is LlamaForCausalLM"),
      ("{}", "model_type"), (small("\"hidden_act\": \"gelu\""), "hidden_act"),
      (small("\"num_key_value_heads\": 3"), "cannot share 3"),
      (small("\"rope_scaling\": {\"rope_type\": \"longrope\"}"), "rope_scaling.rope_type"),
      (small("\"num_key_value_heads\": \"2\""), "num_key_value_heads: is a string"),
      (small("\"num_key_value_heads\": -2"), "must not be negative"),
      (small("\"head_dim\": 4611686018427387904"), "head"),
      ("{\"model_type\": \"llama\", \"vocab_size\": 10}", "hidden_size: is needed"),
    ])
  func errors(_ json: String, _ words: String) throws {
    do {
      _ = try configuredModel(json)
      Issue.record("nothing was wrong with \(json)")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
      #expect("\(error)".contains("config.json"), "\(error)")
    }
  }

  private struct Unexpected: Error {}
}

/// A small model, with more keys.
private func small(_ more: String, type: String = "\"model_type\": \"llama\", ") -> String {
  """
  {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
   "vocab_size": 100, "max_position_embeddings": 512, \(type)\(more)}
  """
}
