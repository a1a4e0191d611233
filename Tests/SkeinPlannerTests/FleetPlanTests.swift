import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinPlanner
import SkeinTestSupport
import Testing

/// A model of a `config.json` on machines that are not here.
@Suite("Plans for fleets")
struct FleetPlanTests {
  private static let llama = """
    {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
     "max_position_embeddings": 32768, "num_attention_heads": 32, "num_hidden_layers": 32,
     "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "vocab_size": 128256}
    """

  private func plan(_ weights: WeightFormat, _ hardware: String, count: Int) throws -> (Plan, ConfiguredModel)
  {
    let folder = TemporaryFolder()
    folder.write("config.json", Array(Self.llama.utf8))
    let model = try ConfiguredModel(path: folder.path, weights: weights)
    let fleet = try Fleet(
      yaml: "devices:\n  - {name: \"cuda:0\", hardware: \(hardware), count: \(count)}", path: "fleet.yaml")
    let placement = Placement.layerSplit(
      of: model.graph, over: fleet.devices.map(\.id), speeds: fleet.devices.map { _ in 1 }, mostRounds: 1,
      weightBytes: model.byteCount)
    let plan = try lower(
      model.graph, placement, limits: PlanLimits(contextTokens: 32_768),
      layouts: fleet.layouts(weights: weights), type: model.type)
    try plan.requireFit(fleet.layouts(weights: weights))
    return (plan, model)
  }

  @Test("Weights and cache take the bytes that formats and shapes say", arguments: [1, 3])
  func bytes(count: Int) throws {
    let (plan, model) = try plan(.elementType(.q8_0), "tesla-p40", count: count)
    let weights = plan.devices.reduce(0) { $0 + $1.regionBytes[.weights, default: 0] }
    let stored = model.graph.weights.indices.reduce(0) { $0 + model.byteCount(of: WeightID($1)) }
    #expect((0..<100_000).contains(weights - stored))
    let cache = plan.devices.reduce(0) { $0 + $1.regionBytes[.cache, default: 0] }
    #expect(cache == 2 * 2 * 1024 * 32 * 32_768)
    // The input of the widest matrix for 256 tokens, 40 bytes for 32 values.
    #expect(plan.devices.allSatisfy { $0.regionBytes[.workspace] == 256 * 14336 / 32 * 40 })
  }

  @Test("An average number of bits decides what fits")
  func bits() throws {
    let (plan, model) = try plan(.bitsPerElement(10.6), "tesla-p40", count: 1)
    #expect(model.parameterCount == 8_030_261_248)
    let weights = plan.devices[0].regionBytes[.weights, default: 0]
    #expect(abs(Double(weights) / (8.03e9 * 10.6 / 8) - 1) < 0.001)
    #expect(throws: GraphError.self) { try self.plan(.bitsPerElement(20), "tesla-p40", count: 1) }
  }

  @Test("The catalogue in docs/fleets.md is the one in the program")
  func documentation() throws {
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let file = try MappedFile(path: (root + ["docs", "fleets.md"]).joined(separator: "/"))
    let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
    for entry in HardwareCatalogue.all {
      let line = try #require(lines.first { $0.hasPrefix("| `\(entry.id)` ") }, "\(entry.id)")
      #expect(line.contains(entry.name) && line.contains(entry.source))
      let gigabytes = entry.memoryBytesPerSecond / 1e9
      #expect(line.contains("\(Int(gigabytes))"), "\(line)")
    }
    for entry in LinkCatalogue.all {
      let line = try #require(lines.first { $0.hasPrefix("| `\(entry.id)` ") }, "\(entry.id)")
      #expect(line.contains(entry.source))
    }
  }
}
