import SkeinTensor

/// Cuts the nodes that several devices share.
///
/// What becomes of a node follows from its op and from what becomes of its inputs:
///
/// - A linear layer is cut by rows, into columns of its result. Where its input is cut already, it takes the columns
///   that are there, and its parts are added up: so a layer hands over twice, after attention and after the
///   feed-forward network.
/// - Attention is cut by heads, with its cache; an embedding by columns.
/// - What works on single values or heads is cut as its inputs are.
/// - Experts are cut inside, or dealt (`ExpertSplit`).
/// - All else (norms of whole rows, sums with the residual stream, routers) each device computes for itself: that is
///   cheaper than handing over.
///
/// Nodes that take each other's parts are a group and cut at the same places.
struct NodeSplit {
  private let graph: Graph
  private let placement: Placement
  private let type: (WeightID) -> ElementType
  /// How a node is cut: into columns of its result, or by columns of its input.
  private enum Cut { case columns, inner }
  private var cuts: [NodeID: Cut] = [:]
  /// For each node that is cut, the node that its group goes by.
  private var groups: [NodeID: NodeID] = [:]
  /// For each of those, the nodes of the group.
  private var members: [NodeID: [NodeID]] = [:]
  private var parts: [NodeID: [NodePart]] = [:]

  init(_ graph: Graph, _ placement: Placement, type: @escaping (WeightID) -> ElementType) {
    self.graph = graph
    self.placement = placement
    self.type = type
  }

  /// The parts of every node that is cut, each in the order of its shares. Nodes with several shares that are not
  /// among them are computed by each of their devices.
  static func parts(
    _ graph: Graph, _ placement: Placement, type: @escaping (WeightID) -> ElementType
  ) throws(GraphError) -> [NodeID: [NodePart]] {
    var split = NodeSplit(graph, placement, type: type)
    for node in graph.nodes where placement.shares[node.id.index].count > 1 { try split.choose(node) }
    for group in split.members.keys.sorted() {
      try split.cut(split.members[group]!.sorted().map { graph[$0] })
    }
    return split.parts
  }

  private func shares(_ node: NodeID) -> [Share] { placement.shares[node.index] }

  private func fail(_ node: Node, _ message: String) -> GraphError {
    GraphError(.invalidPlacement, message, at: node.name.description)
  }

  /// Whether an input is cut into columns on the devices of the node.
  private func isCut(_ input: NodeID, like node: Node) -> Bool {
    cuts[input] == .columns && shares(input) == shares(node.id)
  }

  /// Decides how a node is cut, if at all.
  private mutating func choose(_ node: Node) throws(GraphError) {
    try validate(node)
    switch node.op {
    case .experts(let experts):
      let shares = shares(node.id)
      let slices = try ExpertSplit(
        node: node, experts: experts, shares: shares, innerType: type(node.weights[2])
      ).slices()
      parts[node.id] = zip(shares, slices).map { NodePart(device: $0.device, slice: .experts($1)) }
    case .embedding, .expandLatent:
      add(node, .columns, with: [])
    case .linear:
      let isInner = isCut(node.inputs[0], like: node)
      add(node, isInner ? .inner : .columns, with: isInner ? node.inputs : [])
    case .attention(let attention):
      let (heads, count) = (attention.keyValueHeadCount, shares(node.id).count)
      if heads < count {
        throw fail(
          node,
          "\(count) devices cannot share its \(heads) heads of keys and values; give it to \(heads) at most")
      }
      try require(node.inputs, of: node)
      add(node, .columns, with: node.inputs)
    case .latentAttention:
      try require(Array(node.inputs.prefix(1)), of: node)
      add(node, .columns, with: Array(node.inputs.prefix(1)))
    case .rmsNorm(let norm) where norm.groupWidth == node.width || norm.passedWidth > 0:
      break
    case .rmsNorm, .rope, .activation, .gatedActivation, .softCap, .add, .selectRows:
      if node.inputs.allSatisfy({ isCut($0, like: node) }) { add(node, .columns, with: node.inputs) }
    case .layerNorm, .expertRouter, .sigmoidGate:
      break
    }
  }

  private func validate(_ node: Node) throws(GraphError) {
    let shares = shares(node.id)
    if Set(shares.map(\.device)).count < shares.count {
      throw fail(node, "has two shares on one device; add them up")
    }
    if shares.contains(where: { $0.experts != nil }) {
      guard case .experts = node.op else { throw fail(node, "its shares name experts, of which it has none") }
      return
    }
    let fractions = shares.map(\.fraction)
    // The sum of what a file says may be off by a thousandth.
    if !fractions.allSatisfy({ $0 > 0 }) || !(abs(fractions.reduce(0, +) - 1) <= 0.01) {
      throw fail(node, "its shares are \(fractions); they must be above zero and sum to 1")
    }
  }

  /// Attention works on the heads that its device has, so its inputs must be cut as it is.
  private func require(_ inputs: [NodeID], of node: Node) throws(GraphError) {
    for input in inputs where !isCut(input, like: node) {
      throw fail(
        node,
        "its heads are shared by \(shares(node.id).count) devices, but \(graph[input].name) is not, or not in the"
          + " same way; give both the same shares")
    }
  }

  private mutating func add(_ node: Node, _ cut: Cut, with inputs: [NodeID]) {
    cuts[node.id] = cut
    groups[node.id] = node.id
    members[node.id] = [node.id]
    for input in inputs {
      let (former, group) = (groups[input]!, groups[node.id]!)
      guard former != group, let others = members.removeValue(forKey: former) else { continue }
      for member in others { groups[member] = group }
      members[group]! += others
    }
  }

  /// Cuts the nodes of a group at the same places.
  private mutating func cut(_ members: [Node]) throws(GraphError) {
    let shares = shares(members[0].id)
    var grid = Grid(members.map { member(of: $0) }, valueUnit: Grid.valueUnit)
    if grid.isBound, grid.unitCount < shares.count {
      // Few values are cut where their blocks allow it.
      grid = Grid(members.map { member(of: $0) }, valueUnit: 1)
    }
    guard let sizes = apportion(grid.unitCount, shares.map(\.fraction)) else {
      // A result that is needed whole anyway is made by each device for itself.
      if !grid.isBound { return }
      let node = members.first { $0.op.cache != nil } ?? members[members.count - 1]
      let values = node.op.cache == nil ? "values" : "heads of keys and values"
      throw fail(node, grid.refusal(devices: shares.count, of: values))
    }
    for node in members {
      let member = member(of: node)
      var first = 0
      parts[node.id] = zip(shares, sizes).map { share, size in
        defer { first += size }
        let columns = grid.columns(first..<first + size, of: member)
        let slice = cuts[node.id] == .inner ? NodeSlice.inner(columns) : .columns(columns)
        return NodePart(device: share.device, slice: slice)
      }
    }
  }

  /// What a node asks of the places at which its group is cut.
  private func member(of node: Node) -> Grid.Member {
    let isInner = cuts[node.id] == .inner
    let extent = isInner ? graph[node.inputs[0]].width : node.width
    var member = Grid.Member(extent: extent, pieces: extent, unit: 1)
    switch node.op {
    case .linear where isInner:
      member.unit = type(node.weights[0]).blockElementCount
      member.isBound = true
    case .embedding: member.unit = type(node.weights[0]).blockElementCount
    case .rmsNorm(let norm): member.unit = norm.groupWidth
    case .rope(let rope): member.unit = rope.headWidth
    case .attention(let attention): member.pieces = attention.keyValueHeadCount
    case .latentAttention(let attention): member.pieces = attention.heads.headCount
    case .expandLatent(let expansion): member.pieces = expansion.heads.headCount
    default: break
    }
    member.isBound = member.isBound || node.op.cache != nil
    return member
  }
}

/// The places at which a group of nodes can be cut: all are cut into the same number of units.
struct Grid {
  /// A node of a group.
  struct Member {
    /// Values that are cut.
    var extent: Int
    /// Pieces of them that must stay whole, such as heads with the keys and values that they share.
    var pieces: Int
    /// The number of values that every cut must be a multiple of.
    var unit: Int
    /// Whether others depend on its being cut.
    var isBound = false
  }

  /// Where no heads say otherwise, values are cut at multiples of this many: a vector, and what the activations'
  /// rounding goes with.
  static let valueUnit = 32

  /// The most pieces that all members can be cut into.
  private let pieces: Int
  /// Pieces in a unit.
  private let piecesPerUnit: Int
  /// Units that are dealt to devices; the last may be smaller.
  let unitCount: Int
  /// Whether the group cannot be left whole.
  let isBound: Bool

  init(_ members: [Member], valueUnit: Int) {
    pieces = members.reduce(0) { greatestCommonDivisor($0, $1.pieces) }
    let hasHeads = members.contains { $0.pieces < $0.extent }
    var multiple = 1
    for member in members {
      let perPiece = member.extent / pieces
      let unit = hasHeads ? member.unit : leastCommonMultiple(member.unit, valueUnit)
      multiple = leastCommonMultiple(multiple, unit / greatestCommonDivisor(unit, perPiece))
    }
    piecesPerUnit = multiple
    unitCount = pieces.dividedUp(by: multiple)
    isBound = members.contains(where: \.isBound)
  }

  /// The values of a run of units.
  func columns(_ units: Range<Int>, of member: Member) -> Range<Int> {
    let perPiece = member.extent / pieces
    let end = min(units.upperBound * piecesPerUnit, pieces)
    return units.lowerBound * piecesPerUnit * perPiece..<end * perPiece
  }

  /// Why it cannot be cut for so many devices.
  func refusal(devices: Int, of values: String) -> String {
    let runs = piecesPerUnit > 1 ? ", which blocks of the weights keep in runs of \(piecesPerUnit)" : ""
    return "\(devices) devices cannot share its \(pieces) \(values)\(runs); give it to \(unitCount) at most"
  }
}

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

func leastCommonMultiple(_ a: Int, _ b: Int) -> Int { a / greatestCommonDivisor(a, b) * b }
