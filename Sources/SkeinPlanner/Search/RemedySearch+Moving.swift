import SkeinGraph

/// Rungs that move or stream weights of as few layers as will do, device by device.
extension RemedySearch {
  /// Experts of the last layers of each device that lacks memory, on the first processor of the fleet.
  func hostExperts() -> Remedy? {
    guard let host = problem.fleet.devices.first(where: { $0.kind == .cpu })?.id,
      shortages.allSatisfy({ !$0.devices.contains(host) })
    else { return nil }
    let groups = layerGroups { $0.contains { $0.isExperts } ? $0.filter { $0.isExperts } : [] }
    return moving(groups, saved: { bytes, _ in bytes }) { nodes in
      var changed = placement
      var place = changed.devices.firstIndex(of: host)
      if place == nil {
        changed.devices.append(host)
        place = changed.devices.count - 1
      }
      for node in nodes { changed.shares[node.index] = [Share(device: place!, fraction: 1)] }
      return changed
    } describe: { counts in
      (.hostExperts(counts, host: host), "experts of \(layers(counts)) on \(host)")
    }
  }

  /// Feed-forward or expert weights of the last layers of each device that lacks memory, brought for each pass.
  func streamedWeights() -> Remedy? {
    let groups = layerGroups { nodes in
      let experts = nodes.filter { $0.isExperts }
      return experts.isEmpty ? nodes.filter { [.gate, .up, .down].contains($0.name.role) } : experts
    }
    // One buffer for the largest step takes the place of what rested.
    return moving(groups, saved: { bytes, largest in bytes - largest }) { nodes in
      var changed = placement
      changed.streamed.formUnion(nodes)
      return changed
    } describe: { counts in
      (.streamed(counts), "streamed feed-forward weights of \(layers(counts))")
    }
  }

  /// What may be moved of one layer on one device.
  private struct Group {
    var device: Int
    var nodes: [NodeID]
    var byteCount: Int
    /// Bytes of the node with the most.
    var largest: Int
  }

  /// For each device that lacks memory the groups of its layers, the last layer first.
  private func layerGroups(_ choose: ([Node]) -> [Node]) -> [Int: [Group]] {
    let graph = problem.model.graph
    let layouts = problem.layouts(of: placement)
    let short = Set(shortages.flatMap(\.devices))
    var nodes: [Int: [Int: [Node]]] = [:]
    for node in graph.nodes where !node.weights.isEmpty && !placement.streamed.contains(node.id) {
      guard let layer = node.name.layer, let device = placement.device(of: node.id),
        short.contains(placement.devices[device])
      else { continue }
      nodes[device, default: [:]][layer, default: []].append(node)
    }
    var result: [Int: [Group]] = [:]
    for (device, layers) in nodes {
      result[device] = layers.sorted { $0.key > $1.key }.compactMap { _, nodes in
        let chosen = choose(nodes)
        let bytes = chosen.map { node in
          node.weights.reduce(0) {
            $0
              + layouts[device].byteCount(of: graph[$1], type: problem.model.types[$1.index])
              .roundedUp(to: Plan.bufferAlignment)
          }
        }
        guard let largest = bytes.max() else { return nil }
        return Group(
          device: device, nodes: chosen.map(\.id), byteCount: bytes.reduce(0, +), largest: largest)
      }
    }
    return result
  }

  /// Moves groups until what each pool lacks is saved, makes the plan, and mends what that shows to lack.
  ///
  /// - Parameter saved: bytes that moving saves on a device, from the sum of the groups' bytes and those of the
  ///   largest node.
  private func moving(
    _ groups: [Int: [Group]], saved: (Int, Int) -> Int, apply: ([NodeID]) -> Placement,
    describe: ([DeviceID: Int]) -> (Remedy.Change, String)
  ) -> Remedy? {
    guard groups.values.contains(where: { !$0.isEmpty }) else { return nil }
    // What lacks of each pool in sum: that of the placement, and what plans have shown to lack more.
    var lack = shortages.map { $0.neededBytes - $0.availableBytes }
    var found: Remedy?
    for _ in 0..<Self.mostAttempts {
      var (counts, nodes): ([DeviceID: Int], [NodeID]) = ([:], [])
      for (shortage, lack) in zip(shortages, lack) {
        let moved = fewest(of: shortage, lack, groups, saved)
        nodes += moved.flatMap(\.nodes)
        for group in moved { counts[placement.devices[group.device], default: 0] += 1 }
      }
      let (change, action) = describe(counts)
      let former = found
      found = remedy(change, action, problem, apply(nodes))
      guard let found, !found.fits, found.change != former?.change else { break }
      for still in found.shortages {
        guard let index = shortages.firstIndex(where: { !Set($0.devices).isDisjoint(with: still.devices) })
        else { return found }
        lack[index] += still.neededBytes - still.availableBytes
      }
    }
    return found
  }

  /// The fewest groups of a pool's devices that save so many bytes; all of them where none is enough.
  private func fewest(
    of shortage: MemoryShortage, _ lack: Int, _ groups: [Int: [Group]], _ saved: (Int, Int) -> Int
  ) -> [Group] {
    let devices = placement.devices.indices.filter { shortage.devices.contains(placement.devices[$0]) }
    var (moved, sum): ([Group], Int) = ([], 0)
    for device in devices {
      var (bytes, largest, before) = (0, 0, sum)
      for group in groups[device] ?? [] {
        if sum >= lack { return moved }
        bytes += group.byteCount
        largest = max(largest, group.largest)
        moved.append(group)
        sum = before + saved(bytes, largest)
      }
      before = sum
    }
    return moved
  }

  /// `15 layers (cuda:0 3, cuda:1 12)`
  private func layers(_ counts: [DeviceID: Int]) -> String {
    let sum = counts.values.reduce(0, +)
    let each = placement.devices.compactMap { id in counts[id].map { "\(id) \($0)" } }
    return "\(sum) \(sum == 1 ? "layer" : "layers") (\(each.joined(separator: ", ")))"
  }
}

extension Node {
  /// Whether its weights are those of experts.
  fileprivate var isExperts: Bool {
    if case .experts = op { return true }
    return false
  }
}
