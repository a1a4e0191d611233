import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Layers shared by devices, as the planner sees them")
struct TensorSplitStrategyTests {
  private func problem(
    _ speeds: [Double], pool: String?, memoryBytes: Int = 64 << 30, request: RequestShape
  ) throws -> PlanningProblem {
    let graph = try RuleModel.llama.context(devices: nil).modules.graph
    let model = PricedModel.f16(graph)
    let devices = speeds.enumerated().map { index, speed in
      DeviceProfile(
        id: DeviceID("d\(index)"), kind: .cpu, hardware: "x", memoryBytes: memoryBytes, memoryPool: pool,
        rates: .simple(bytesPerSecond: speed, operationsPerSecond: speed * 20))
    }
    let links = devices.flatMap { from in
      devices.filter { $0.id != from.id }.map {
        Fleet.Link(
          source: from.id.name, destination: $0.id.name,
          rate: Fleet.LinkRate(bytesPerSecond: 10e9, latencySeconds: 2e-6))
      }
    }
    let fleet = Fleet(devices: devices, links: links)
    return PlanningProblem(
      model: model, fleet: fleet, layouts: devices.map { FleetLayout($0) },
      limits: PlanLimits(contextTokens: 1024), request: request)
  }

  private let writing = RequestShape(promptTokens: 32, genTokens: 256)

  @Test("Requests that mostly write are shared; those that mostly read are as they were")
  func choice() throws {
    let written = try Planner(problem([1e9, 1e9], pool: "host", request: writing)).best()
    #expect(written.chosen.strategy == TensorSplit().name)
    let one = try Planner(problem([1e9], pool: "host", request: writing)).best()
    #expect(written.chosen.price.decodeTokensPerSecond > 1.7 * one.chosen.price.decodeTokensPerSecond)
    // Never, where that is asked; and not over links of 10 GB/s.
    var whole = try problem([1e9, 1e9], pool: "host", request: writing)
    whole.sharesLayers = false
    #expect(try Planner(whole).best().chosen.plan.splits.isEmpty)
    #expect(try Planner(problem([1e9, 1e9], pool: nil, request: writing)).best().chosen.plan.splits.isEmpty)
  }

  @Test("The bound below which no plan can be holds for shared layers")
  func bound() throws {
    for speeds in [[1e9, 1e9], [1e9, 0.3e9], [1e9, 0.5e9, 0.3e9]] {
      let problem = try problem(speeds, pool: "host", request: writing)
      let all = Array(speeds.indices)
      let planner = Planner(problem)
      for candidate in TensorSplit().candidates(problem, planner.costs, devices: all) {
        let seconds = try problem.price(candidate.placement).price.requestSeconds
        let best = try planner.best().chosen.seconds
        #expect(best <= seconds * (1 + 1e-9), "\(speeds)")
      }
    }
  }

  @Test("Parts go by speed, as far as memory allows")
  func fractions() throws {
    #expect(TensorSplit.fractions(speeds: [3, 1], most: [9, 9]) == [0.75, 0.25])
    #expect(TensorSplit.fractions(speeds: [3, 1], most: [0.5, 9]) == [0.5, 0.5])
    let third = try #require(TensorSplit.fractions(speeds: [4, 2, 2], most: [0.3, 0.3, 9]))
    #expect(third[0] == 0.3 && third[1] == 0.3 && abs(third[2] - 0.4) < 1e-12)
    #expect(TensorSplit.fractions(speeds: [3, 1], most: [0.5, 0.4]) == nil)
    let problem = try problem([3e9, 1e9], pool: "host", request: writing)
    let placement = TensorSplit().candidates(problem, CostTables(problem), devices: [0, 1])[0].placement
    let plan = try problem.lower(placement)
    let weights = plan.devices.map { $0.weights.reduce(0) { $0 + $1.buffer.byteCount } }
    #expect(abs(Double(weights[0]) / Double(weights[0] + weights[1]) - 0.75) < 0.06)
    // What is written to a file gives the same placement when it is read.
    let context = try RuleModel.llama.context(devices: ["d0", "d1"])
    let file = try PlacementFile(describing: placement, of: context.modules)
    let again = try PlacementFile(parsing: file.text, path: "p").resolve(context).0
    #expect(again.devices == placement.devices)
    for (a, b) in zip(again.shares, placement.shares) {
      #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0.fraction - $1.fraction) < 1e-9 })
    }
  }
}
