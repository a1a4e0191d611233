/// The values of a plan by number: the result of every node, then the parts of those that are cut.
struct PlanValues {
  /// How many there are.
  let count: Int
  private let graph: Graph
  private let splits: [NodeID: [NodePart]]
  private let firstParts: [NodeID: Int]

  init(_ graph: Graph, _ splits: [NodeID: [NodePart]]) {
    self.graph = graph
    var firstParts: [NodeID: Int] = [:]
    var count = graph.nodes.count
    for (node, parts) in splits.sorted(by: { $0.key < $1.key }) {
      firstParts[node] = count
      count += parts.count
    }
    self.firstParts = firstParts
    self.count = count
    self.splits = splits
  }

  /// The result of a node, or a part of it; nil where there is no such part.
  func index(of node: NodeID, part: Int?) -> Int? {
    guard let part else { return node.index }
    guard (0..<(splits[node]?.count ?? 0)).contains(part) else { return nil }
    return firstParts[node]! + part
  }

  /// The node that a value is the result of, or a part of the result of.
  func name(of value: Int) -> NodeName {
    let owner =
      value < graph.nodes.count
      ? NodeID(value)
      : firstParts.first {
        ($0.value..<$0.value + splits[$0.key]!.count).contains(value)
      }!.key
    return graph[owner].name
  }

  /// Values in a row of the result of a node, or of a part of it.
  func width(of node: NodeID, part: Int?) -> Int {
    guard let part, case .columns(let columns) = splits[node]?[part].slice else { return graph[node].width }
    return columns.count
  }

  /// What a step takes, in the order of its inputs.
  func inputs(of step: Step) -> [Int] {
    switch step.kind {
    case .compute:
      let node = graph[step.node]
      guard let part = step.part.flatMap({ splits[node.id]?[$0] }) else { return node.inputs.map(\.index) }
      return node.inputs.enumerated().map { place, input in
        index(of: input, part: graph.inputPart(part, of: node, at: place, splits)) ?? input.index
      }
    case .reduce, .join: return (splits[step.node] ?? []).indices.map { firstParts[step.node]! + $0 }
    case .fetch, .copy, .output: return []
    }
  }
}

/// Writes the steps of every device, with buffers that have a size but no place yet.
struct StepMaker {
  private let graph: Graph
  private let placement: Placement
  private let splits: [NodeID: [NodePart]]
  private let values: PlanValues
  private let resident: [Set<WeightID>]
  private var lists: [[Step]]
  /// Where each value was made; nil before that.
  private var maker: [StepReference?]
  /// For each device, the values that are there.
  private var isOn: [[Bool]]

  private static let unplaced = Buffer(.scratch, offset: 0, byteCount: 0)

  init(
    _ graph: Graph, _ placement: Placement, _ splits: [NodeID: [NodePart]], _ values: PlanValues,
    _ resident: [Set<WeightID>]
  ) {
    self.graph = graph
    self.placement = placement
    self.splits = splits
    self.values = values
    self.resident = resident
    lists = placement.devices.map { _ in [] }
    maker = Array(repeating: nil, count: values.count)
    isOn = placement.devices.map { _ in [Bool](repeating: false, count: values.count) }
  }

  /// The steps of all devices.
  mutating func steps() -> [[Step]] {
    for node in graph.nodes {
      if let parts = splits[node.id] {
        for (index, part) in parts.enumerated() { compute(node, part: index, on: part.device) }
      } else {
        for share in placement.shares[node.id.index] { compute(node, part: nil, on: share.device) }
      }
    }
    let last = graph.output.id
    // A result that nobody has put together yet goes to the device with the first part.
    let home = maker[last.index]?.device ?? placement.shares[last.index][0].device
    bring(last, to: home)
    append(.output, last, to: home)
    return lists
  }

  private mutating func append(_ kind: Step.Kind, _ node: NodeID, part: Int? = nil, to device: Int) {
    lists[device].append(
      Step(kind: kind, node: node, part: part, inputs: [], result: Self.unplaced))
  }

  /// Appends a step that makes a value.
  private mutating func make(_ kind: Step.Kind, _ node: NodeID, part: Int?, on device: Int) {
    let value = values.index(of: node, part: part)!
    if maker[value] == nil { maker[value] = StepReference(device: device, step: lists[device].count) }
    isOn[device][value] = true
    append(kind, node, part: part, to: device)
  }

  private mutating func compute(_ node: Node, part: Int?, on device: Int) {
    for (place, input) in node.inputs.enumerated() {
      let own = part.flatMap { graph.inputPart(splits[node.id]![$0], of: node, at: place, splits) }
      // A part of an input was made where it is needed.
      if own == nil { bring(input, to: device) }
    }
    if placement.streamed.contains(node.id), node.weights.contains(where: { !resident[device].contains($0) })
    {
      // The range is filled in when the weights get their places.
      append(.fetch(0..<0), node.id, part: part, to: device)
    }
    make(.compute, node.id, part: part, on: device)
  }

  /// The result of a node is there, whoever made it. Of a result that several made the parts of, a device that has
  /// one fetches the others and puts them together itself: a copy of what another has put together would be a
  /// hand-over more. All do so in the same order, and so get the same bits.
  private mutating func bring(_ node: NodeID, to device: Int) {
    if isOn[device][node.index] { return }
    let parts = splits[node] ?? []
    if maker[node.index] != nil, !parts.contains(where: { $0.device == device }) {
      return copy(node, part: nil, to: device)
    }
    for part in parts.indices where !isOn[device][values.index(of: node, part: part)!] {
      copy(node, part: part, to: device)
    }
    make(parts[0].slice.isColumns ? .join : .reduce, node, part: nil, on: device)
  }

  private mutating func copy(_ node: NodeID, part: Int?, to device: Int) {
    let value = values.index(of: node, part: part)!
    let source = maker[value]!
    lists[source.device][source.step].isAwaited = true
    append(.copy(from: source, source: Self.unplaced), node, part: part, to: device)
    isOn[device][value] = true
  }
}
