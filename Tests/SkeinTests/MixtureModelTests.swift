import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinTestSupport
import Testing

@testable import Skein

/// What is special in models with experts or latent attention, beside their logits.
@Suite struct MixtureModelTests {
  private func definition(_ name: String) throws -> ModelDefinition {
    try ModelDefinition(GGUFFile(path: Reference.modelPath(name)))
  }

  @Test func modulesHaveTheirFamilysNames() throws {
    func names(_ model: String, _ role: Role) throws -> [String] {
      let definition = try definition(model)
      return [
        definition.moduleName(of: NodeName(layer: 1, role)),
        definition.moduleName(of: WeightName(NodeName(layer: 1, role))),
      ]
    }
    #expect(
      try names("mixtral", .expertDown) == [
        "model.layers.1.block_sparse_moe.experts.*.w2", "model.layers.1.block_sparse_moe.experts.*.w2.weight",
      ])
    #expect(try names("mixtral", .router)[0] == "model.layers.1.block_sparse_moe.gate")
    #expect(try names("qwen2-moe", .sharedUp)[0] == "model.layers.1.mlp.shared_expert.up_proj")
    #expect(try names("deepseek-v3", .sharedUp)[0] == "model.layers.1.mlp.shared_experts.up_proj")
    #expect(try names("deepseek-v3", .experts)[0] == "model.layers.1.mlp.experts")
    // A dense model of the same architecture has the common names.
    #expect(try names("llama", .gate)[0] == "model.layers.1.mlp.gate_proj")
  }

  @Test func layersAreMixturesWhereTheFileSaysSo() throws {
    func mixtures(_ name: String) throws -> [Int] {
      try definition(name).graph.nodes.filter { $0.name.role == .experts }.compactMap(\.name.layer)
    }
    #expect(try mixtures("mixtral") == [0, 1])
    #expect(try mixtures("qwen3-moe") == [1])
    #expect(try mixtures("deepseek-v2") == [1])
    #expect(try mixtures("llama").isEmpty)
  }

  @Test func hyperParametersOfDeepSeekAreRead() throws {
    let graph = try definition("deepseek-v3").graph
    let routers = graph.nodes.compactMap { if case .expertRouter(let router) = $0.op { router } else { nil } }
    #expect(
      routers == [
        ExpertRouter(
          expertCount: 8, chosenCount: 2, scoring: .sigmoid, scale: 2.5,
          groups: .init(count: 4, chosenCount: 2, score: .sumOfTwoLargest))
      ])
    let attention = graph.nodes.compactMap {
      if case .latentAttention(let attention) = $0.op { attention } else { nil }
    }
    let heads = LatentHeads(headCount: 4, rank: 16, plainWidth: 12, ropeWidth: 8, valueWidth: 10)
    #expect(attention.map(\.heads) == [heads, heads])
    // YaRN by 4, with a multiplier of 0.07.
    let magnitude = Float(0.07 * logarithm(4) + 1)
    #expect(abs(attention[0].scale * Float(20).squareRoot() - magnitude * magnitude) < 1e-6)
    #expect(graph.caches.map { $0.bytesPerToken(.f16) } == [48, 48])
  }

  @Test(arguments: ["deepseek-v2", "deepseek-v2-old", "deepseek-v3"])
  func expandedCachesGiveTheReferencesLogits(name: String) async throws {
    let reference = try Reference(name)
    for devices in try deviceLists() {
      var options = LoadOptions.devices(devices)
      options.graph.latentCache = .expanded
      let model = try await Model.load(Reference.modelPath(name), options: options)
      #expect(model.definition.graph.caches.allSatisfy { $0.bytesPerToken(.f16) / 2 == 4 * (20 + 10) })
      let logits = try await model.logits(reference.prompt)
      let width = model.definition.graph.vocabularySize
      for (row, expected) in zip(reference.rows, reference.logits) {
        #expect(relativeDifference(logits[row * width..<(row + 1) * width], expected) < 1e-5)
      }
    }
  }

  /// Names and hyper-parameters that do not fit are one clear error.
  @Test func whatDoesNotFitIsSaid() throws {
    let folder = TemporaryFolder()
    func problem(_ change: (inout GGUFBuilder) -> Void) throws -> String {
      var builder = GGUFBuilder.llama(layers: 1) { rows, columns in
        (.f32, [UInt8](repeating: 0, count: rows * columns * 4))
      }
      change(&builder)
      let file = try GGUFFile(path: folder.write("mixture.gguf", builder.build()))
      do {
        _ = try ModelDefinition(file)
        return ""
      } catch { return "\(error)" }
    }
    #expect(try problem { _ in }.isEmpty)
    #expect(
      try problem { $0.add("llama.expert_count", .uint32(8)) }.contains("llama.expert_used_count"))
    #expect(
      try problem {
        $0.add("llama.expert_count", .uint32(8))
        $0.add("llama.expert_used_count", .uint32(9))
      }.contains("cannot choose 9 of 8 experts"))
    #expect(
      try problem {
        $0.add("llama.expert_count", .uint32(8))
        $0.add("llama.expert_used_count", .uint32(2))
        $0.add("llama.expert_gating_func", .uint32(7))
      }.contains("llama.expert_gating_func: is 7"))
    // A file that says it has experts, and has none.
    #expect(
      try problem {
        $0.add("llama.expert_count", .uint32(8))
        $0.add("llama.expert_used_count", .uint32(2))
      }.contains("no layer has experts"))
  }
}
