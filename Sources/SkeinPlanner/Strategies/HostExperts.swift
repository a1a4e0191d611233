import SkeinGraph

/// Layers in a pipeline over accelerators, with the experts of as many layers on the host as do not fit.
///
/// Attention and everything that each token needs stay on the accelerators; experts, of which a token needs a
/// few, are the part that costs a slow memory least. While the host computes them the accelerator computes the
/// shared expert, and other passes. The cut is found as for `LayerPipeline`, with the price of a stage being
/// that of the fewest layers' experts that have to move; the walk over the plan then says what overlaps.
struct HostExperts: Strategy {
  let name = "experts on the host"

  /// How often a cut is made again with more memory set aside, after a plan has shown what it needs.
  private static let mostAttempts = 4

  func candidates(_ problem: PlanningProblem, _ costs: CostTables, devices: [Int]) -> [Candidate] {
    let hosts = devices.filter { problem.fleet.devices[$0].kind == .cpu }
    let accelerators = devices.filter { problem.fleet.devices[$0].kind != .cpu }
    let experts = ExpertTables(problem, costs)
    guard experts.hasExperts, !hosts.isEmpty, !accelerators.isEmpty, accelerators.count <= costs.layerCount
    else {
      return []
    }
    let evaluator = PipelineEvaluator(problem, costs, deviceCount: accelerators.count + hosts.count)
    var best: (placement: Placement, seconds: Double)?
    for order in orders(accelerators, evaluator) {
      guard let found = fitting(problem, evaluator, experts, order, hosts) else { continue }
      if best == nil || found.seconds < best!.seconds { best = found }
    }
    return best.map {
      [Candidate(placement: $0.placement, estimatedSeconds: $0.seconds, isExact: false, strategy: name)]
    } ?? []
  }

  private func orders(_ devices: [Int], _ evaluator: PipelineEvaluator) -> [[Int]] {
    let kinds = evaluator.costs.kinds
    if devices.count > 3 { return [devices] }
    var seen: Set<[Int]> = []
    return permutations(devices).filter { seen.insert($0.map { kinds[$0] }).inserted }
  }

  /// The best cut whose plan fits. What a plan needs beside weights and caches is known once it is made.
  private func fitting(
    _ problem: PlanningProblem, _ evaluator: PipelineEvaluator, _ experts: ExpertTables, _ order: [Int],
    _ hosts: [Int]
  ) -> (placement: Placement, seconds: Double)? {
    var reserved = [Int](repeating: 0, count: order.count)
    for _ in 0..<Self.mostAttempts {
      let cut = ExpertCut(evaluator, experts, order: order, host: hosts[0], reserved: reserved)
      let passes = Double(evaluator.prefill.loads.count - 1)
      guard let found = cut.best(passes: passes, price: cut.seconds) else { return nil }
      let placement = self.placement(problem, experts, cut, ends: found.ends, hosts: hosts)
      guard Set(placement.shares.map { $0[0].device }).count == placement.devices.count,
        let plan = try? problem.lower(placement)
      else { return nil }
      let layouts = (order + hosts).map { problem.layouts[$0] }
      let shortages = plan.shortages(layouts)
      if shortages.isEmpty {
        let price = plan.price(problem.model, on: problem.fleet, request: problem.request)
        let whole = (placement, price.requestSeconds)
        guard let usage = problem.model.usage else { return whole }
        let pipeline = Pipeline(devices: order, ends: found.ends)
        let stages = order.indices.map { pipeline.layers(of: $0) }
        let hot = HotExperts(
          problem: problem, usage: usage, experts: experts, layers: stages,
          moved: stages.enumerated().map { cut.offloaded($0, $1.lowerBound, $1.upperBound) },
          devices: order + hosts
        ).best(placement)
        return hot.map { $0.seconds < whole.1 ? $0 : whole } ?? whole
      }
      for shortage in shortages {
        guard let stage = order.firstIndex(where: { shortage.devices.contains(problem.layouts[$0].id) })
        else {
          return nil
        }
        reserved[stage] += shortage.neededBytes - shortage.availableBytes
      }
    }
    return nil
  }

  private func placement(
    _ problem: PlanningProblem, _ experts: ExpertTables, _ cut: ExpertCut, ends: [Int], hosts: [Int]
  ) -> Placement {
    let pipeline = Pipeline(devices: cut.order, ends: ends)
    var placement = pipeline.placement(problem)
    placement.devices += hosts.map { problem.fleet.devices[$0].id }
    // Layers take turns where there are several hosts.
    var turn = 0
    for stage in ends.indices {
      let layers = pipeline.layers(of: stage)
      for layer in cut.offloaded(stage, layers.lowerBound, layers.upperBound) {
        for node in experts.nodes[layer] {
          placement.shares[node.index] = [Share(device: cut.order.count + turn % hosts.count, fraction: 1)]
        }
        turn += 1
      }
    }
    return placement
  }
}

/// What the experts of each layer cost.
final class ExpertTables {
  /// For each layer its expert nodes.
  let nodes: [[NodeID]]
  private let problem: PlanningProblem
  private var seconds: [Key: [Double]] = [:]
  private var bytes: [Int: [Int]] = [:]

  private struct Key: Hashable {
    var device: Int
    var tokens: Int
    var outputs: Int
  }

  init(_ problem: PlanningProblem, _ costs: CostTables) {
    self.problem = problem
    var nodes = [[NodeID]](repeating: [], count: costs.layerCount)
    for node in problem.model.graph.nodes {
      if case .experts = node.op {
        nodes[CostTables.layer(of: node, in: problem.model.graph)].append(node.id)
      }
    }
    self.nodes = nodes
  }

  /// Whether any layer has experts.
  var hasExperts: Bool { nodes.contains { !$0.isEmpty } }

  /// Seconds of each layer's experts on a device.
  func seconds(device: Int, _ load: PassLoad) -> [Double] {
    let key = Key(device: device, tokens: load.tokens, outputs: load.outputs)
    if let known = seconds[key] { return known }
    let rates = problem.fleet.devices[device].rates
    let list = nodes.map { layer in
      layer.reduce(0.0) { total, id in
        total
          + problem.model.price(
            of: problem.model.graph[id], tokens: load.tokens, outputs: load.outputs,
            sequences: load.sequences,
            on: rates
          ).fixedSeconds
      }
    }
    seconds[key] = list
    return list
  }

  /// Bytes of each layer's experts on a device.
  func bytes(device: Int) -> [Int] {
    if let known = bytes[device] { return known }
    let graph = problem.model.graph
    let list = nodes.map { layer in
      layer.reduce(0) { total, id in
        graph[id].weights.reduce(total) {
          $0
            + problem.layouts[device].byteCount(of: graph[$1], type: problem.model.types[$1.index])
            .roundedUp(to: Plan.bufferAlignment)
        }
      }
    }
    bytes[device] = list
    return list
  }

  /// Seconds of sending a layer's input to the host and its result back.
  func copySeconds(layer: Int, device: Int, host: Int, links: [[Fleet.LinkRate]], _ load: PassLoad) -> Double
  {
    let graph = problem.model.graph
    return nodes[layer].reduce(0) { total, id in
      let node = graph[id]
      let there = links[device][host]
      let back = links[host][device]
      let sent = node.inputs.reduce(0) { $0 + graph[$1].width * 4 } * load.tokens
      return total + Double(node.inputs.count) * there.latencySeconds + Double(sent) / there.bytesPerSecond
        + back.latencySeconds + Double(node.width * 4 * load.tokens) / back.bytesPerSecond
    }
  }
}
