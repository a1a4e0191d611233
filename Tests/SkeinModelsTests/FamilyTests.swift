import SkeinFiles
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@testable import SkeinModels

/// What graphs of the families of Gemma, Phi-3, GPT-2, GPT-NeoX and gpt-oss say.
@Suite struct FamilyTests {
  private func attentions(_ model: ConfiguredModel) -> [Attention] {
    model.graph.nodes.compactMap { if case .attention(let attention) = $0.op { attention } else { nil } }
  }

  private func ropes(_ model: ConfiguredModel) -> [Rope] {
    model.graph.nodes.compactMap {
      if case .rope(let rope) = $0.op, $0.name.role == .queryRope { rope } else { nil }
    }
  }

  @Test func gemmaScalesItsEmbedding() throws {
    let model = try configuredModel(ConfigurationFixture.gemma7B.json)
    #expect(model.graph.nodes[0].op == .embedding(Embedding(scale: Float(3072).squareRoot())))
    // The file says gelu and means its approximation.
    #expect(model.graph.nodes.contains { $0.op == .gatedActivation(.geluTanh) })
  }

  @Test func gemma2CapsAndAlternates() throws {
    let model = try configuredModel(ConfigurationFixture.gemma2_27B.json)
    let attentions = attentions(model)
    #expect(attentions.map(\.window).prefix(3) == [4096, nil, 4096])
    #expect(attentions.allSatisfy { $0.scale == 1 / Float(12) && $0.softCap == 50 })
    #expect(model.graph.output.op == .softCap(30) && model.graph.output.name.role == .cappedHead)
  }

  @Test func gemma3HasTwoRotations() throws {
    let small = try configuredModel(ConfigurationFixture.gemma3_1B.json)
    #expect(attentions(small).map { $0.window == nil }.enumerated().allSatisfy { $1 == (($0 + 1) % 6 == 0) })
    #expect(ropes(small).prefix(6).map(\.base) == [10_000, 10_000, 10_000, 10_000, 10_000, 1_000_000])
    // What the file leaves out is what the code's defaults are; scaling is for layers without a window.
    let large = try configuredModel(ConfigurationFixture.gemma3_4B.json)
    #expect(ropes(large)[5].scaling == .linear(factor: 8) && ropes(large)[4].scaling == .none)
    #expect(attentions(large)[0].headCount == 8 && attentions(large)[0].scale == 1 / Float(16))
    // Newer files have an object for each kind of layer.
    let newer = ConfigurationFixture.gemma3_1B.json.replacing(
      "\"rope_local_base_freq\": 10000,",
      with: """
        "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 500000.0},
         "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0}},
        """)
    let model = try configuredModel(newer)
    #expect(ropes(model)[0].base == 20_000 && ropes(model)[5].base == 500_000)
    #expect(ropes(model)[5].scaling == .linear(factor: 2))
  }

  @Test func longRopeFollowsTheContextThatIsAskedFor() throws {
    let factors = { (value: Double) in (0..<48).map { _ in "\(value)" }.joined(separator: ", ") }
    let json = ConfigurationFixture.phi3Mini.json
      .replacing(
        "\"max_position_embeddings\": 4096, \"model_type\"",
        with: "\"max_position_embeddings\": 131072, \"model_type\""
      )
      .replacing(
        "\"rope_scaling\": null",
        with: """
          "rope_scaling": {"type": "longrope", "short_factor": [\(factors(1.5))], "long_factor": [\(factors(9))]}
          """)
    let magnitude = Phi3.magnitude(original: 4096, context: 131_072)
    #expect(abs(magnitude - 1.19024) < 1e-4)
    let short = try configuredModel(json)
    #expect(
      short.configuration.ropeScaling == .factors([Float](repeating: 1.5, count: 48), magnitude: magnitude))
    #expect(short.configuration.contextLength == 4096)
    let long = try configuredModel(json, options: GraphOptions(contextTokens: 5000))
    #expect(
      long.configuration.ropeScaling == .factors([Float](repeating: 9, count: 48), magnitude: magnitude))
    #expect(long.configuration.contextLength == 131_072)
  }

  @Test func weightsAreRowsOfLargerTensors() throws {
    let model = try configuredModel(ConfigurationFixture.phi3Mini.json)
    func module(_ role: Role) -> String { model.moduleName(of: WeightName(NodeName(layer: 3, role))) }
    #expect(module(.key) == "model.layers.3.self_attn.qkv_proj.weight")
    #expect(module(.up) == "model.layers.3.mlp.gate_up_proj.weight")
    // Rules of other programs find them by the tensor that the file has.
    let modules = model.modules
    let names = modules.graph.weights.indices.map { modules.tensorName(of: WeightID($0)) }
    #expect(names.filter { $0 == "blk.3.attn_qkv.weight" }.count == 3)
    #expect(names.filter { $0 == "blk.3.ffn_up.weight" }.count == 2 && !names.contains("blk.3.attn_q.weight"))
    let parts = model.configuration.fusedQueryKeyValue(.key)
    #expect(parts == FusedRows(role: .queryKeyValue, rows: 3072..<6144, rowCount: 9216))
    #expect(parts?.name(for: WeightName(NodeName(layer: 3, .key), .bias)).ggufName == "blk.3.attn_qkv.bias")
    #expect(model.configuration.fusedQueryKeyValue(.attentionOutput) == nil)
  }

  @Test func rowsOfATensorAreTensors() {
    let matrix = TensorInfo(
      name: "w", shape: Shape([6, 64]), type: .q8_0, byteCount: 6 * 68, partIndex: 0, offset: 100)
    let rows = matrix.rows(2..<5)
    #expect(rows?.shape == Shape([3, 64]) && rows?.byteCount == 3 * 68 && rows?.offset == 100 + 2 * 68)
    #expect(matrix.rows(4..<7) == nil && matrix.rows(3..<3) == nil)
    let vector = TensorInfo(name: "b", shape: Shape([6]), type: .f32, byteCount: 24, partIndex: 0, offset: 8)
    #expect(vector.rows(1..<3)?.byteRange == 12..<20)
  }

  @Test func gpt2HasPositionsAndBiases() throws {
    let model = try configuredModel(ConfigurationFixture.gpt2.json)
    #expect(model.graph.nodes[1].op == .embedding(Embedding(index: .position)))
    #expect(model.graph.positionCount(model.graph.nodes[1]) == 1024)
    #expect(model.graph.nodes.filter { $0.op == .linear }.dropLast().allSatisfy { $0.weights.count == 2 })
    #expect(model.moduleName(of: WeightName(NodeName(.positionEmbedding))) == "transformer.wpe.weight")
    #expect(
      model.moduleName(of: WeightName(NodeName(layer: 2, .value), .bias))
        == "transformer.h.2.attn.c_attn.bias")
    #expect(model.modules["transformer.h.2.mlp.c_fc"]?.classes.first == "transformers.pytorch_utils.Conv1D")
    #expect(model.modules["transformer.h.2.ln_1"]?.classes.first == "torch.nn.LayerNorm")
    #expect(
      model.modules["transformer.h.2"]?.classes.contains("transformers.models.gpt2.modeling_gpt2.GPT2Block")
        == true)
  }

  @Test func neoxIsParallelAndRotatesAPart() throws {
    let model = try configuredModel(ConfigurationFixture.gptNeoX20B.json)
    #expect(ropes(model)[0].dimensions == 24 && ropes(model)[0].headWidth == 96)
    func input(_ role: Role) -> NodeName? {
      model.graph.nodes.first { $0.name == NodeName(layer: 1, role) }.map { model.graph[$0.inputs[0]].name }
    }
    #expect(input(.attentionNorm) == input(.feedForwardNorm))
    let serial = try configuredModel(
      ConfigurationFixture.gptNeoX20B.json.replacing(
        "{\"arch", with: "{\"use_parallel_residual\": false, \"arch"))
    let norm = serial.graph.nodes.first { $0.name == NodeName(layer: 1, .feedForwardNorm) }!
    #expect(serial.graph[norm.inputs[0]].name == NodeName(layer: 1, .attentionResidual))
    #expect(model.moduleName(of: WeightName(NodeName(.head))) == "embed_out.weight")
  }

  @Test func gptOSSHasSinksBiasesAndClampedGates() throws {
    let model = try configuredModel(ConfigurationFixture.gptOSS20B.json, weights: .elementType(.mxfp4))
    let graph = model.graph
    #expect(attentions(model).map(\.window).prefix(2) == [128, nil])
    #expect(graph.nodes.filter { $0.name.role == .attention }.allSatisfy { $0.weights.count == 1 })
    let router = graph.nodes.first { $0.name.role == .router }!
    #expect(graph[router.weights[1]].name.ggufName == "blk.0.ffn_gate_inp.bias")
    let experts = graph.nodes.first { $0.name.role == .experts }!
    #expect(experts.weights.count == 6 && graph[experts.weights[5]].shape == Shape([32, 2880]))
    #expect(model.type(of: experts.weights[0]) == .mxfp4 && model.type(of: experts.weights[5]) == .f32)
    guard case .experts(let op) = experts.op else { return }
    #expect(op.activation == .clampedSwish(alpha: 1.702, limit: 7))
    func name(_ role: Role, _ part: WeightPart = .weight) -> String {
      model.moduleName(of: WeightName(NodeName(layer: 0, role), part))
    }
    #expect(name(.attentionSinks) == "model.layers.0.self_attn.sinks")
    #expect(name(.router, .logitBias) == "model.layers.0.mlp.router.bias")
    #expect(name(.expertUp, .bias) == "model.layers.0.mlp.experts.gate_up_proj_bias")
    #expect(WeightName(NodeName(layer: 0, .postAttentionNorm)).ggufName == "blk.0.post_attention_norm.weight")
    // YaRN's ramp from pair 8.09 to 17.4, not from 8 to 18.
    guard case .factors(let factors, let magnitude) = model.configuration.ropeScaling else {
      Issue.record("\(model.configuration.ropeScaling)")
      return
    }
    #expect(factors[8] == 1 && factors[9] > 1.05 && abs(factors[17] - 32) > 1 && factors[18] == 32)
    #expect(abs(magnitude - 1.34657) < 1e-4)
  }

  @Test func whatIsNotComputedIsRefused() throws {
    for (key, fixture) in [
      ("\"use_bidirectional_attention\": true", ConfigurationFixture.gemma3_1B),
      ("\"scale_attn_by_inverse_layer_idx\": true", .gpt2), ("\"scale_attn_weights\": false", .gpt2),
      ("\"swiglu_alpha\": 1.5", .gptOSS20B), ("\"hidden_act\": \"relu\"", .gptNeoX20B),
      ("\"layer_types\": [\"chunked_attention\"]", .gemma3_1B),
    ] {
      var json = fixture.json
      if key.contains("relu") {
        json = json.replacing("\"hidden_act\": \"gelu_fast\"", with: key)
      } else {
        json = json.replacing("{\"arch", with: "{\(key), \"arch").replacing(
          "{\"activation", with: "{\(key), \"activation")
      }
      #expect(throws: ModelError.self, "\(key)") { try configuredModel(json) }
    }
  }

  @Test func aTableOfPositionsBoundsTheContext() throws {
    let graph = try configuredModel(ConfigurationFixture.gpt2.json).graph
    #expect(graph.nodes.prefix(3).allSatisfy { graph.isBeforeLayers($0) })
    #expect(!graph.isBeforeLayers(graph.output) && !graph.isBeforeLayers(graph.nodes[5]))
  }
}
