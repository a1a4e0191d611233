import SkeinGraph
import SkeinModels
import SkeinTensor
import Testing

@testable import SkeinPlanner

@Suite("Hardware")
struct HardwareTests {
  @Test("Names are unique and figures are finite and above zero")
  func catalogue() {
    #expect(Set(HardwareCatalogue.all.map(\.id)).count == HardwareCatalogue.all.count)
    #expect(Set(LinkCatalogue.all.map(\.id)).count == LinkCatalogue.all.count)
    for entry in HardwareCatalogue.all {
      #expect(!entry.source.isEmpty && (entry.memoryBytes == nil) == (entry.kind == .cpu))
      let rates = entry.rates
      #expect(Set(rates.linear.keys) == Set(ElementType.allCases.map(\.name)))
      for rate in rates.linear.values {
        #expect(rate.samples.allSatisfy { $0.secondsPerElement > 0 && $0.secondsPerElement.isFinite })
      }
      #expect(rates.attentionOperationsPerSecond > 1e10 && rates.attentionBytesPerSecond > 1e10)
    }
    #expect(LinkCatalogue.all.allSatisfy { $0.rate.bytesPerSecond > 0 && !$0.source.isEmpty })
  }

  /// Llama 3 8B in Q8_0 on one Tesla P40, a prompt of 32,768 tokens and an F16 cache. Published figures: 317.7
  /// tokens a second for the whole prompt, 10.23 with all of it in the cache.
  @Test("A Tesla P40 comes within 20% of what was published for it")
  func publishedFigures() throws {
    let rates = try #require(HardwareCatalogue.hardware("tesla-p40")).rates
    let linear = try #require(rates.linear["Q8_0"])
    let (elements, layers, width, context) = (6.98e9, 32.0, 4096.0, 32_768.0)
    let headElements = 4096.0 * 128_256

    // A pass of 512 tokens with half the context behind it, on average.
    let pass = 512.0
    let operations = 4 * width * layers * context / 2 * pass
    let cacheBytes = 2 * 2 * 1024 * layers * context
    let queryHeads = rates.readsCachePerQueryHead ? 4.0 : 1.0
    let prefillSeconds =
      elements * linear.secondsPerElement(tokens: pass) + operations / rates.attentionOperationsPerSecond
      + cacheBytes / 2 * queryHeads / rates.attentionBytesPerSecond
    #expect(abs(pass / prefillSeconds / 317.7 - 1) < 0.2, "\(pass / prefillSeconds) tokens a second")

    let decodeSeconds =
      (elements + headElements) * linear.secondsPerElement(tokens: 1)
      + 4 * width * layers * context / rates.attentionOperationsPerSecond
      + cacheBytes * queryHeads / rates.attentionBytesPerSecond
    #expect(abs(1 / decodeSeconds / 10.23 - 1) < 0.2, "\(1 / decodeSeconds) tokens a second")
  }

  @Test("An average number of bits changes the reading, not the arithmetic")
  func bits() throws {
    let fleet = Fleet(devices: [try #require(HardwareCatalogue.hardware("l40")).profile(id: DeviceID("a"))])
    let adapted = fleet.adapted(to: .bitsPerElement(10.625))
    let before = try #require(fleet.devices[0].rates.linear["Q8_0"])
    let after = try #require(adapted.devices[0].rates.linear["Q8_0"])
    #expect(abs(after.secondsPerElement(tokens: 1) / before.secondsPerElement(tokens: 1) - 1.25) < 1e-9)
    for tokens in [300.0, 1000, 1e5] {
      let expected = max(before.secondsPerElement(tokens: tokens), after.secondsPerElement(tokens: 1))
      #expect(abs(after.secondsPerElement(tokens: tokens) / expected - 1) < 1e-6)
    }
    #expect(fleet.adapted(to: .elementType(.q4_K)) == fleet)
    let fewer = try #require(fleet.adapted(to: .bitsPerElement(2)).devices[0].rates.linear["Q2_K"])
    let some = try #require(fleet.devices[0].rates.linear["Q2_K"])
    #expect(fewer.secondsPerElement(tokens: 1) < some.secondsPerElement(tokens: 1))
  }

  @Test("A layout leaves the runtime its memory and prices bits an element")
  func layout() throws {
    let profile = try #require(HardwareCatalogue.hardware("tesla-p40")).profile(id: DeviceID("cuda:0"))
    let layout = FleetLayout(profile, weights: .bitsPerElement(4.5))
    #expect(layout.memoryBytes == 23_600_000_000)
    var g = GraphBuilder(vocabularySize: 64, layerCount: 1) { _ in false }
    let x = g.embedding(.tokenEmbedding, width: 64)
    let h = g.selectOutputs(x, x)
    _ = g.linear(g.add(h.residual, h.attention, .attentionResidual), .head, width: 64)
    let graph = try g.finish()
    #expect(layout.byteCount(of: graph.weights[0], type: .q4_0) == 64 * 64 * 9 / 16)
    #expect(FleetLayout(profile).byteCount(of: graph.weights[0], type: .q8_0) == 64 * 2 * 34)
    let limits = PlanLimits(tokensPerPass: 32, outputsPerPass: 4)
    #expect(layout.workspaceBytes(for: graph.output, in: graph, limits: limits) { _ in .q4_0 } == 4 * 2 * 40)
  }
}
