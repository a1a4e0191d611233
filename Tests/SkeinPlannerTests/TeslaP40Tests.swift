import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Tesla P40") struct TeslaP40Tests {
  @Test func explore() throws {
    let model = try ConfiguredModel(path: PublishedCases.path("llama-3.1-8b.json"), weights: .elementType(.q8_0))
    let request = RequestShape(promptTokens: 32_668, genTokens: 100)
    for rate in [0.15e9, 0.18e9, 0.2e9, 0.25e9, 0.3e9, 0.4e9, 0.788e9] {
      for multiple in [16, 32] {
        for count in 1...4 {
          var fleet = try PublishedCases.fleet("four-p40.yaml", count: count)
          let fast = fleet.defaultLink
          let slow = Fleet.LinkRate(bytesPerSecond: rate, latencySeconds: 10e-6)
          for a in fleet.devices.indices { for b in fleet.devices.indices where max(a, b) >= 2 && a != b {
            fleet.links.append(.init(source: fleet.devices[a].id.name, destination: fleet.devices[b].id.name, rate: slow)) } }
          let problem = PublishedCases.problem(model, fleet, request: request, passesInFlight: 2)
          let counts = [[32], [16, 16], [11, 11, 10], [8, 8, 8, 8]][count - 1]
          let plan = try problem.lower(problem.layers(counts))
          let masks = MaskTraffic(rowMultiple: multiple, rates: (0..<count).map { $0 < 2 ? fast : slow })
          let price = plan.price(problem.model, on: problem.fleet, request: request, masks: masks)
          let pub = [(317.7, 10.23), (593.7, 9.57), (463.4, 8.62), (408.8, 8.22)][count - 1]
          print(rate, multiple, count, plan.passTokens(for: 32668), price.prefillTokensPerSecond, price.decodeTokensPerSecond, price.prefillTokensPerSecond / pub.0 - 1, price.decodeTokensPerSecond / pub.1 - 1)
        }
      }
    }
    for count in 1...4 {
      let fleet = try PublishedCases.fleet("four-p40.yaml", count: count)
      let problem = PublishedCases.problem(model, fleet, request: request, usesAllDevices: true)
      let price = try Planner(problem).best().chosen.price
      print("own", count, price.prefillTokensPerSecond, price.decodeTokensPerSecond)
    }
  }
}
