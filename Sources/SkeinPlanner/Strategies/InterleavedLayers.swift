import SkeinGraph

/// Layers dealt in several rounds to devices that share a memory.
///
/// Handing over costs such devices microseconds, and the second can begin when one layer is done, not when half
/// the model is: few large passes then keep all of them busy. (Interleaved stages: Narayanan and others 2021,
/// arXiv 2104.04473.)
struct InterleavedLayers: Strategy {
  let name = "interleaved layers"

  private static let rounds = [8, 4, 2]

  func candidates(_ problem: PlanningProblem, _ costs: CostTables, devices: [Int]) -> [Candidate] {
    let pools = Set(devices.map { problem.fleet.devices[$0].memoryPool })
    guard devices.count > 1, devices.count <= costs.layerCount, pools.count == 1 else { return [] }
    let evaluator = PipelineEvaluator(problem, costs, deviceCount: devices.count)
    let load = evaluator.prefill.loads[(evaluator.prefill.loads.count - 1) / 2]
    let tables = devices.map { costs.times(device: $0, load) }
    // Costs as the first device has them, and how much faster the others are with all layers together.
    let layers = (0..<costs.layerCount).map { tables[0].seconds($0, $0 + 1, load) }
    let whole = tables.map { $0.seconds(0, costs.layerCount, load) }
    let speeds = whole.map { whole[0] / $0 }
    var seen: Set<[Int]> = []
    return Self.rounds.compactMap { rounds in
      let parts = LayerDealing.dealtSplit(of: layers, speeds: speeds, mostRounds: rounds)
      guard Set(parts).count == devices.count, seen.insert(parts).inserted else { return nil }
      let graph = problem.model.graph
      let shares = graph.nodes.map {
        [Share(device: parts[CostTables.layer(of: $0, in: graph)], fraction: 1)]
      }
      return Candidate(
        placement: Placement(devices: devices.map { problem.fleet.devices[$0].id }, shares: shares),
        estimatedSeconds: whole.max() ?? 0, isExact: false, strategy: name)
    }
  }
}
