import SkeinGraph
import SkeinModels

/// Nodes that no rule names.
///
/// A node without weights goes where its work is: with the first of its inputs that has a place in the same
/// layer, or else the first node of the layer that takes its result; and where the layer has no such node, with
/// any input, then with any taker. So the sum that follows a layer's attention runs where that attention ends,
/// and the sum that follows its experts where the sum before them ran.
struct UnnamedNodes {
  let graph: Graph
  private let takers: [[NodeID]]

  init(_ graph: Graph) {
    self.graph = graph
    var takers = [[NodeID]](repeating: [], count: graph.nodes.count)
    for node in graph.nodes { for input in node.inputs { takers[input.index].append(node.id) } }
    self.takers = takers
  }

  /// Gives every node without weights and without a place the place of a neighbour.
  func place(_ shares: inout [[DeviceShare]]) {
    for isSameLayer in [true, false] {
      var changes = true
      while changes {
        changes = adopt(graph.nodes, from: \.inputs, isSameLayer, &shares)
        changes =
          adopt(graph.nodes.reversed(), from: { takers[$0.id.index] }, isSameLayer, &shares) || changes
      }
    }
  }

  private func adopt(
    _ nodes: some Sequence<Node>, from neighbours: (Node) -> [NodeID], _ isSameLayer: Bool,
    _ shares: inout [[DeviceShare]]
  ) -> Bool {
    var changes = false
    for node in nodes where node.weights.isEmpty && shares[node.id.index].isEmpty {
      let placed = neighbours(node).filter { other in
        !shares[other.index].isEmpty && (!isSameLayer || graph[other].name.layer == node.name.layer)
      }
      // What adds something to the result of experts goes with that: experts are what is sent elsewhere.
      let isHome = { (id: NodeID) in if case .experts = graph[id].op { false } else { true } }
      guard let neighbour = placed.first(where: isHome) ?? placed.first else { continue }
      shares[node.id.index] = follow(neighbour, shares[neighbour.index])
      changes = true
    }
    return changes
  }

  /// Devices that share a layer all have the residual stream, so that none waits for another's sum. Where only experts
  /// are shared, what follows runs on the device with the largest part.
  private func follow(_ neighbour: NodeID, _ shares: [DeviceShare]) -> [DeviceShare] {
    guard case .experts = graph[neighbour].op else { return shares }
    let largest = shares.max { $0.fraction < $1.fraction }
    return largest.map { [DeviceShare($0.device)] } ?? []
  }

  /// Gives nodes with weights that have no place the default device, and says so: a warning if there is a
  /// default, an error if not.
  func placeRest(
    _ shares: inout [[DeviceShare]], default device: DeviceID?, modules: ModuleTree
  ) -> [Finding] {
    var names: [String] = []
    for node in graph.nodes where !node.weights.isEmpty && shares[node.id.index].isEmpty {
      names.append(modules.module(of: node.id).name)
      if let device { shares[node.id.index] = [DeviceShare(device)] }
    }
    guard !names.isEmpty else { return [] }
    let listed = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? "..." : "")
    let subject = "nothing says where \(names.count == 1 ? "a module runs" : "\(names.count) modules run")"
    guard let device else {
      return [
        Finding(.error, "\(subject): \(listed). Add a rule at the end that names them (\".\" names all)")
      ]
    }
    return [Finding(.warning, "\(subject): \(listed). They go to \(device)")]
  }
}
