import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Remedies")
struct RemedyTests {
  /// An 8B model with a context that one card has no room for.
  private func problem(contextTokens: Int) throws -> PlanningProblem {
    let model = try ConfiguredModel(
      path: PublishedCases.path("llama-3.1-8b.json"), weights: .elementType(.q8_0))
    return PublishedCases.problem(
      model, try PublishedCases.fleet("one-p40.yaml"),
      request: RequestShape(promptTokens: contextTokens - 100, genTokens: 100), contextTokens: contextTokens)
  }

  @Test("A dense model on one card: each rung that is said to fit does, and is the least")
  func dense() throws {
    let problem = try problem(contextTokens: 131_072)
    let placement = problem.layers([32])
    let refusal = try #require(try problem.refusal(of: placement))
    #expect(refusal.remedies.allSatisfy { $0.fits && $0.price != nil })
    #expect(refusal.remedies.count == 4)
    let changes = refusal.remedies.map(\.change)
    #expect(changes.contains(.cache(.q8_0)) && changes.contains(.weights(.elementType(.q5_K))))
    for change in changes {
      if case .context(let tokens) = change {
        var changed = problem
        changed.limits.contextTokens = tokens
        #expect(try changed.refusal(of: placement) == nil)
        changed.limits.contextTokens = tokens + 1
        #expect(try changed.refusal(of: placement) != nil)
      }
      guard case .streamed(let counts) = change, let count = counts[DeviceID("cuda:0")] else { continue }
      for (layers, fits) in [(count, true), (count - 1, false)] {
        var changed = placement
        changed.streamed = Set(
          problem.model.graph.nodes.filter {
            [.gate, .up, .down].contains($0.name.role) && ($0.name.layer ?? 0) >= 32 - layers
          }.map(\.id))
        #expect(try (problem.refusal(of: changed) == nil) == fits, "\(layers) layers")
      }
    }
    // Streaming reads what rested from a slower place, and a shorter prompt is read faster.
    let streamed = try #require(refusal.remedies.first { $0.action.contains("streamed") })
    #expect((streamed.decodeGain ?? 0) < 0)
  }

  @Test("A cache in 32 bits may be had in 16 and in 8, finest first")
  func cacheOf32Bits() throws {
    var problem = try problem(contextTokens: 65_536)
    #expect(try problem.refusal(of: problem.layers([32])) == nil)
    problem.limits.cacheType = .f32
    problem.model.cacheType = .f32
    let refusal = try #require(try problem.refusal(of: problem.layers([32])))
    let caches = refusal.remedies.filter { if case .cache = $0.change { true } else { false } }
    #expect(caches.map(\.change) == [.cache(.f16), .cache(.q8_0)] && caches.allSatisfy(\.fits))
    #expect(caches[0].action == "a 16-bit key-value cache (--cache-type f16)")
  }

  @Test("What fits is not refused")
  func fits() throws {
    let problem = try problem(contextTokens: 32_768)
    #expect(try problem.refusal(of: problem.layers([32])) == nil)
    #expect(Planner(problem).refusal() == nil)
  }

  @Test("Devices of one memory are refused together")
  func sharedPool() throws {
    var problem = try problem(contextTokens: 131_072)
    var second = problem.fleet.devices[0]
    second.id = DeviceID("cuda:1")
    problem.fleet.devices.append(second)
    problem.layouts = problem.fleet.layouts()
    let error = #expect(throws: PlannerError.self) { try Planner(problem).bestOrRefusal() }
    #expect(error?.message.contains("cuda:0, cuda:1 needs") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("an 8-bit key-value cache (--cache-type q8_0): prefill") == true)
  }
}
