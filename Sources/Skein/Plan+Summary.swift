import SkeinGraph

/// What one device of a plan holds, for people.
public struct PlacementPart: Hashable, Sendable {
  /// The device's name.
  public var device: String
  /// `embedding, layers 0-7`
  public var contents: String
  /// Bytes that the device has reserved.
  public var bytes: Int
}

extension Plan {
  /// What each device holds, in the plan's order.
  public var placementSummary: [PlacementPart] {
    devices.indices.map { index in
      let nodes = devices[index].steps.filter { $0.kind == .compute && $0.part == nil }.map { graph[$0.node] }
      let isExpert = { (node: Node) in node.name.role == .experts }
      var parts: [String] = []
      if nodes.contains(where: { $0.name.role == .tokenEmbedding }) { parts.append("embedding") }
      if let share = shared(.tokenEmbedding, device: index) { parts.append("\(share) of the embedding") }
      let cut = Set(splits.keys.map { graph[$0] }.filter { !isExpert($0) }.compactMap(\.name.layer))
      let all = Set(nodes.filter { !isExpert($0) }.compactMap(\.name.layer))
      let layers = all.subtracting(cut).sorted()
      if let runs = Plan.runs(of: layers) { parts.append("layers \(runs)") }
      let held = heldShare(of: cut, device: index)
      if held > 0, let runs = Plan.runs(of: cut.sorted()) {
        parts.append("\(Plan.percent(held)) of layers \(runs)")
      }
      // Experts are worth a word where they are not with their layer.
      let experts = Set(nodes.filter(isExpert).compactMap(\.name.layer))
      let away = graph.nodes.filter {
        isExpert($0) && splits[$0.id] == nil && layers.contains($0.name.layer ?? -1)
      }
      .compactMap(\.name.layer).filter { !experts.contains($0) }
      if let runs = Plan.runs(of: away.sorted()) { parts.append("without the experts of \(runs)") }
      if let runs = Plan.runs(of: experts.subtracting(layers).sorted()) {
        parts.append("experts of layers \(runs)")
      }
      if let share = sharedExperts(device: index) { parts.append(share) }
      if nodes.contains(where: { $0.name.role == .head }) { parts.append("head") }
      if let share = shared(.head, device: index) { parts.append("\(share) of the head") }
      if !devices[index].streamed.isEmpty {
        parts.append("\(devices[index].streamed.count) weights streamed")
      }
      return PlacementPart(
        device: devices[index].device.name, contents: parts.joined(separator: ", "),
        bytes: byteCount(device: index))
    }
  }

  /// `40%` of a node outside the layers, where the device shares it with others.
  private func shared(_ role: Role, device: Int) -> String? {
    guard let node = graph.nodes.first(where: { $0.name == NodeName(role) }),
      case .columns(let columns) = splits[node.id]?.first(where: { $0.device == device })?.slice
    else { return nil }
    return Plan.percent(Double(columns.count) / Double(node.width))
  }

  /// The part of the weights of some layers, but for their experts, that a device has.
  private func heldShare(of layers: Set<Int>, device: Int) -> Double {
    func count(_ weight: Weight) -> Int {
      let isIncluded =
        weight.name.node.layer.map(layers.contains) ?? false
        && ![.expertGate, .expertUp, .expertDown].contains(weight.name.node.role)
      return isIncluded ? weight.shape.elementCount ?? 0 : 0
    }
    let slots = devices[device].weights + devices[device].streamed
    let held = slots.reduce(0) { $0 + count(graph[$1.weight].sliced($1.slice)) }
    return Double(held) / Double(max(graph.weights.reduce(0) { $0 + count($1) }, 1))
  }

  private static func percent(_ part: Double) -> String { "\(Int((part * 100).rounded()))%" }

  /// `40% of the experts of 0-3`, where the device shares them with others.
  private func sharedExperts(device: Int) -> String? {
    var layers: [Int] = []
    var fraction = 0.0
    for (id, parts) in splits {
      guard case .experts(let experts) = graph[id].op, let part = parts.first(where: { $0.device == device })
      else { continue }
      layers.append(graph[id].name.layer ?? 0)
      fraction += part.slice.experts?.fraction(of: experts) ?? 0
    }
    guard let runs = Plan.runs(of: layers.sorted()) else { return nil }
    return "\(Plan.percent(fraction / Double(layers.count))) of the experts of \(runs)"
  }

  /// `0-3, 6` for 0, 1, 2, 3 and 6.
  private static func runs(of numbers: [Int]) -> String? {
    guard var first = numbers.first else { return nil }
    var runs: [String] = []
    for (index, number) in numbers.enumerated() {
      let isLast = index == numbers.count - 1 || numbers[index + 1] != number + 1
      guard isLast else { continue }
      runs.append(first == number ? "\(number)" : "\(first)-\(number)")
      if index < numbers.count - 1 { first = numbers[index + 1] }
    }
    return runs.joined(separator: ", ")
  }
}
