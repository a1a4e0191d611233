import SkeinGraph

/// Where it was counted how often each expert is chosen: the most used experts of the layers whose experts go to the
/// host stay on the accelerator, as far as its memory goes.
///
/// A layer's experts are then on both, by name, and both compute at once. How many layers are parted so is tried: a
/// few, whose experts did not fit anyway, or more, so that what stays is used more. Each way is a plan with a price.
struct HotExperts {
  let problem: PlanningProblem
  let usage: ExpertUsage
  let experts: ExpertTables
  /// For each accelerator of the placement, in its order, the layers that it has.
  let layers: [Range<Int>]
  /// For each accelerator, the layers among them whose experts do not fit.
  let moved: [[Int]]
  /// The places of accelerators and then hosts in the fleet, as the placement has them.
  let devices: [Int]

  /// Ways that are tried: parts of the layers, beyond those that do not fit, whose experts are parted.
  private static let parted = [0, 0.25, 0.5, 1]
  /// How often the experts that stay are chosen again, after a plan has shown what it needs beside them.
  private static let mostAttempts = 4

  /// The fastest placement with experts parted by use; nil where none fits.
  ///
  /// - Parameter base: with whole layers' experts on the hosts.
  func best(_ base: Placement) -> (placement: Placement, seconds: Double)? {
    var seen: Set<[[Int]]> = []
    return Self.parted.compactMap { part in
      let parted = layers.indices.map { partedLayers($0, part) }
      return seen.insert(parted).inserted ? fitting(base, parted) : nil
    }.min { $0.seconds < $1.seconds }
  }

  /// The layers of an accelerator whose experts are parted.
  private func partedLayers(_ stage: Int, _ part: Double) -> [Int] {
    let all = layers[stage].filter { !experts.nodes[$0].isEmpty }
    let count = moved[stage].count + Int((part * Double(all.count - moved[stage].count)).rounded())
    return Array(all.suffix(count))
  }

  private func fitting(_ base: Placement, _ parted: [[Int]]) -> (placement: Placement, seconds: Double)? {
    let layouts = devices.map { problem.layouts[$0] }
    guard let plan = try? problem.lower(placement(base, parted, budgets: parted.map { _ in 0 })) else {
      return nil
    }
    var budgets = layers.indices.map { stage in
      let pool = layouts[stage].memoryPool
      let members = layouts.indices.filter { layouts[$0].memoryPool == pool }
      return layouts[stage].memoryBytes - members.reduce(0) { $0 + plan.byteCount(device: $1) }
    }
    for _ in 0..<Self.mostAttempts {
      let placement = placement(base, parted, budgets: budgets)
      guard let plan = try? problem.lower(placement) else { return nil }
      let shortages = plan.shortages(layouts)
      if shortages.isEmpty {
        return (
          placement,
          plan.price(problem.model, on: problem.fleet, request: problem.request).requestSeconds
        )
      }
      for shortage in shortages {
        guard let stage = layers.indices.first(where: { shortage.devices.contains(layouts[$0].id) }) else {
          return nil
        }
        budgets[stage] -= shortage.neededBytes - shortage.availableBytes
      }
    }
    return nil
  }

  /// The base with the experts of these layers parted, those with most use for their bytes on the accelerator.
  private func placement(_ base: Placement, _ parted: [[Int]], budgets: [Int]) -> Placement {
    var placement = base
    let hosts = Array(layers.count..<devices.count)
    var turn = 0
    for stage in layers.indices {
      let hot = hotExperts(of: parted[stage], device: devices[stage], budget: budgets[stage])
      for layer in parted[stage] {
        let host = hosts[turn % hosts.count]
        for node in experts.nodes[layer] {
          guard case .experts(let mixture) = problem.model.graph[node].op else { continue }
          let kept = ExpertSet(hot[layer, default: []])
          let rest = ExpertSet((0..<mixture.expertCount).filter { !kept.contains($0) })
          placement.shares[node.index] = [(stage, kept), (host, rest)].filter { $0.1.count > 0 }.map {
            Share(
              device: $0.0, fraction: Double($0.1.count) / Double(mixture.expertCount),
              experts: $0.1.count < mixture.expertCount ? $0.1 : nil)
          }
        }
        turn += 1
      }
    }
    return placement
  }

  /// The experts of some layers that stay on a device, by layer.
  private func hotExperts(of layers: [Int], device: Int, budget: Int) -> [Int: [Int]] {
    struct Expert {
      var layer: Int
      var number: Int
      var bytes: Int
      var chance: Double
    }
    let bytes = experts.bytes(device: device)
    var all: [Expert] = []
    for layer in layers {
      guard let node = experts.nodes[layer].first,
        case .experts(let mixture) = problem.model.graph[node].op,
        let chances = usage.chances(layer: problem.model.graph[node].name.layer ?? layer, mixture)
      else { continue }
      let each = (bytes[layer] + mixture.expertCount - 1) / mixture.expertCount
      all += chances.enumerated().map { Expert(layer: layer, number: $0, bytes: each, chance: $1) }
    }
    // Buffers of a part begin at multiples of the alignment.
    var left = budget - layers.count * 4 * Plan.bufferAlignment
    var kept: [Int: [Int]] = [:]
    all.sort {
      let (a, b) = ($0.chance / Double($0.bytes), $1.chance / Double($1.bytes))
      return a != b ? a > b : ($0.layer, $0.number) < ($1.layer, $1.number)
    }
    for expert in all where expert.bytes <= left {
      left -= expert.bytes
      kept[expert.layer, default: []].append(expert.number)
    }
    return kept
  }
}
