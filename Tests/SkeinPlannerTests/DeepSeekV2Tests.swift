import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("DeepSeek-V2 on 8 x 46 GB") struct DeepSeekV2Tests {
  @Test func explore() throws {
    let clock = ContinuousClock()
    let fleet = try PublishedCases.fleet("eight-46gb.yaml")
    let request = RequestShape(promptTokens: 32_640, genTokens: 128)
    for cache in [GraphOptions.LatentCache.expanded, .compressed] {
      let model = try ConfiguredModel(
        path: PublishedCases.path("deepseek-v2.json"), weights: WeightFormat("10.6bpw"), options: .init(latentCache: cache))
      let problem = PublishedCases.problem(model, fleet, request: request)
      for name in ["eight-layers.yaml", "seven-layers-and-experts.yaml"] {
        let source = try readPlacement(try PublishedCases.text(name), path: name)
        let (placement, _) = try source.resolve(
          PlacementContext(modules: model.modules, knownDevices: fleet.devices.map(\.id), hostDevice: DeviceID("cpu")))
        let start = clock.now
        let refusal = try problem.refusal(of: placement)
        print(cache, name, clock.now - start, refusal.map { "\($0)" } ?? "fits")
        let plan = try problem.lower(placement)
        print(plan.devices.indices.map { plan.byteCount(device: $0) })
        let price = plan.price(problem.model, on: problem.fleet, request: request)
        print(price.prefillTokensPerSecond, price.decodeTokensPerSecond, price.requestSeconds)
      }
      let start = clock.now
      let best = try Planner(problem).best()
      print("own", clock.now - start, best.chosen.strategy, best.chosen.price.prefillTokensPerSecond, best.chosen.price.decodeTokensPerSecond, best.chosen.seconds, best.chosen.plan.devices.indices.map { best.chosen.plan.byteCount(device: $0) })
      var few = problem
      few.fleet.devices = Array(few.fleet.devices.prefix(5)); few.layouts = Array(few.layouts.prefix(5)); few.plainFleet?.devices = few.fleet.devices
      let s2 = clock.now
      do { _ = try Planner(few).best(); print("5 fit") } catch { print(Planner(few).refusal() as Any, error, clock.now - s2) }
    }
  }
}
