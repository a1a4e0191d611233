import SkeinGraph

/// All devices work on every layer: each has some heads, some inner values, some rows of the head.
///
/// A token is then written in the time of reading a device's part of the weights, and not of all of them one device
/// after the other; for that a layer hands over twice. Parts go by the speed at which the devices write, as far as
/// their memory allows. (Megatron-LM: Shoeybi and others 2019, arXiv 1909.08053.)
struct TensorSplit: Strategy {
  let name = "tensor split"

  /// The slowest links that it is tried over, where devices do not share a memory: such as NVLink has. Over slower ones
  /// nothing was measured; placement files may ask for it.
  private static let leastBytesPerSecond = 40e9
  private static let mostLatencySeconds = 10e-6
  /// How often parts are cut again, after a plan has shown what a device needs.
  private static let mostAttempts = 3

  /// Whether it proposes anything for these devices.
  ///
  /// Parts of weights are copies: where weights are to stay in the pages of a file, nothing is split.
  static func applies(to devices: [Int], _ problem: PlanningProblem) -> Bool {
    let fleet = problem.fleet
    guard devices.count > 1, problem.sharesLayers, problem.model.mapping.isEmpty else { return false }
    if Set(devices.map { fleet.devices[$0].memoryPool }).count == 1 { return true }
    return devices.allSatisfy { from in
      devices.allSatisfy { to in
        let link = fleet.link(from: from, to: to)
        return from == to
          || (link.bytesPerSecond >= leastBytesPerSecond && link.latencySeconds <= mostLatencySeconds)
      }
    }
  }

  func candidates(_ problem: PlanningProblem, _ costs: CostTables, devices: [Int]) -> [Candidate] {
    guard Self.applies(to: devices, problem) else { return [] }
    let evaluator = PipelineEvaluator(problem, costs, deviceCount: devices.count)
    let load = evaluator.decode.loads[0]
    let seconds = devices.map { costs.times(device: $0, load).seconds(0, costs.layerCount, load) }
    let memories = devices.map { costs.memory(device: $0) }
    var most = memories.map { Double($0.available) / Double(max($0.held[costs.layerCount], 1)) }
    for _ in 0..<Self.mostAttempts {
      guard let fractions = Self.fractions(speeds: seconds.map { 1 / $0 }, most: most) else { return [] }
      let shares = fractions.enumerated().map { Share(device: $0, fraction: $1) }
      let placement = Placement(
        devices: devices.map { problem.fleet.devices[$0].id },
        shares: problem.model.graph.nodes.map { _ in shares })
      let candidate = Candidate(
        placement: placement, estimatedSeconds: zip(seconds, fractions).map(*).max() ?? 0, isExact: false,
        strategy: name)
      guard let plan = try? problem.lower(placement) else { return [candidate] }
      let shortages = plan.shortages(devices.map { problem.layouts[$0] })
      // Devices of one pool lack it together, whatever their parts.
      let short = shortages.filter { $0.devices.count == 1 }
      if short.isEmpty { return [candidate] }
      for shortage in short {
        guard let place = placement.devices.firstIndex(of: shortage.devices[0]) else { continue }
        most[place] = fractions[place] * Double(shortage.availableBytes) / Double(shortage.neededBytes) * 0.99
      }
    }
    return []
  }

  /// Parts that go by speed, none above its most; nil where they do not reach 1.
  static func fractions(speeds: [Double], most: [Double]) -> [Double]? {
    guard most.reduce(0, +) >= 1 else { return nil }
    var fractions = [Double](repeating: 0, count: speeds.count)
    var open = Set(speeds.indices)
    var rest = 1.0
    while true {
      let speed = open.reduce(0) { $0 + speeds[$1] }
      let full = open.filter { speeds[$0] / speed * rest > most[$0] }
      if full.isEmpty {
        for device in open { fractions[device] = speeds[device] / speed * rest }
        return fractions
      }
      for device in full {
        fractions[device] = most[device]
        rest -= most[device]
      }
      open.subtract(full)
    }
  }
}
