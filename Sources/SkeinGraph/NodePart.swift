/// What one device computes of a node that several share.
///
/// A part is a smaller node: fewer heads, a smaller width, a slice of the weights. So kernels know nothing of parts.
public enum NodeSlice: Hashable, Sendable {
  /// Columns of the result, from rows of the weights: whole heads, inner values, entries of the vocabulary. The parts,
  /// side by side, are the result.
  case columns(Range<Int>)
  /// Of a linear layer, the products of these columns of its input with those of its matrix. The parts, added up, are
  /// the result; the first has the bias.
  case inner(Range<Int>)
  /// Of a mixture, some experts, and of each some inner values. The parts, added up, are the result.
  case experts(ExpertSlice)

  /// The part of a mixture; nil for a part of any other node.
  public var experts: ExpertSlice? { if case .experts(let slice) = self { slice } else { nil } }

  /// Whether parts are put side by side, and not added up.
  public var isColumns: Bool { if case .columns = self { true } else { false } }
}

/// A part of a node on one device of a plan.
public struct NodePart: Hashable, Sendable {
  /// Index into `Plan.devices`.
  public var device: Int
  /// What of the node is there.
  public var slice: NodeSlice

  /// A part of a node.
  public init(device: Int, slice: NodeSlice) {
    self.device = device
    self.slice = slice
  }
}

extension Graph {
  /// A part of a node as a node of its own; nil where the op cannot be cut so. Its weights are those of the node that
  /// it takes, of which `NodeSlice.slice(of:at:in:)` says what. A part of a mixture keeps the mixture's op, since the
  /// router's numbers are those of all experts.
  public func part(_ slice: NodeSlice, of node: Node) -> Node? {
    switch (slice, node.op) {
    case (.experts, .experts):
      return node
    case (.inner(let columns), .linear):
      guard !columns.isEmpty, columns.lowerBound >= 0, columns.upperBound <= self[node.inputs[0]].width else {
        return nil
      }
      return node.part(
        .linear, width: node.width, weights: columns.lowerBound == 0 ? node.weights.count : 1)
    case (.columns(let columns), _):
      guard !columns.isEmpty, columns.lowerBound >= 0, columns.upperBound <= node.width else { return nil }
      return node.op.part(columns, width: node.width).map {
        node.part($0, width: columns.count, weights: node.weights.count)
      }
    default:
      return nil
    }
  }

  /// The columns of an input that a part takes; nil where it takes all of them.
  func columns(of slice: NodeSlice, of node: Node, input index: Int) -> Range<Int>? {
    switch (slice, node.op) {
    case (.inner(let columns), _):
      return columns
    case (.columns(let columns), .attention(let attention)):
      guard let heads = columns.divided(by: attention.valueWidth) else { return nil }
      if index == 0 { return heads.times(attention.keyWidth) }
      let shared = heads.divided(by: attention.headCount / attention.keyValueHeadCount)
      return shared?.times(index == 1 ? attention.keyWidth : attention.valueWidth)
    case (.columns(let columns), .latentAttention(let attention)):
      let heads = columns.divided(by: attention.heads.valueWidth)
      return index == 0 ? heads?.times(attention.heads.keyWidth) : nil
    case (.columns(let columns), _):
      switch node.op {
      case .rope, .rmsNorm, .activation, .gatedActivation, .softCap, .add, .selectRows: return columns
      default: return nil
      }
    default:
      return nil
    }
  }

  /// Which part of an input a part of a node takes: the one on the same device. Nil where it takes all of it.
  func inputPart(
    _ part: NodePart, of node: Node, at index: Int, _ splits: [NodeID: [NodePart]]
  ) -> Int? {
    guard columns(of: part.slice, of: node, input: index) != nil else { return nil }
    return splits[node.inputs[index]]?.firstIndex { $0.device == part.device }
  }
}

extension Node {
  fileprivate func part(_ op: Op, width: Int, weights count: Int) -> Node {
    Node(
      id: id, name: name, op: op, inputs: inputs, weights: Array(weights.prefix(count)), rows: rows,
      width: width, source: source)
  }
}

extension Op {
  /// The op that makes these columns of the result, of `width`; nil where they cannot be made alone.
  fileprivate func part(_ columns: Range<Int>, width: Int) -> Op? {
    switch self {
    case .embedding, .linear, .activation, .gatedActivation, .softCap, .add, .selectRows:
      return self
    case .rmsNorm(let norm):
      let isGrouped = norm.passedWidth == 0 && norm.groupWidth < width
      return isGrouped && columns.divided(by: norm.groupWidth) != nil ? self : nil
    case .rope(var rope):
      guard let heads = columns.divided(by: rope.headWidth) else { return nil }
      rope.headCount = heads.count
      return .rope(rope)
    case .attention(var attention):
      let group = attention.headCount / attention.keyValueHeadCount
      guard let heads = columns.divided(by: attention.valueWidth), let shared = heads.divided(by: group)
      else {
        return nil
      }
      attention.headCount = heads.count
      attention.keyValueHeadCount = shared.count
      return .attention(attention)
    case .latentAttention(var attention):
      guard let heads = columns.divided(by: attention.heads.valueWidth) else { return nil }
      attention.heads.headCount = heads.count
      return .latentAttention(attention)
    case .expandLatent(var expansion):
      guard let heads = columns.divided(by: expansion.headWidth) else { return nil }
      expansion.heads.headCount = heads.count
      return .expandLatent(expansion)
    case .layerNorm, .expertRouter, .experts, .sigmoidGate:
      return nil
    }
  }
}

extension LatentExpansion {
  /// Values a head in the result.
  var headWidth: Int { part == .keys ? heads.keyWidth : heads.valueWidth }
}

extension NodeSlice {
  /// What a part takes of the weight at `index` of its node; nil for all of it.
  public func slice(of weight: Weight, at index: Int, in node: Node) -> WeightSlice? {
    switch (self, node.op) {
    case (.experts(let slice), _):
      return WeightSlice(slice, of: weight, isInner: index == 2)
    case (.inner(let columns), _):
      return index == 0 ? WeightSlice(of: weight.shape, columns: columns) : nil
    case (.columns(let columns), .linear):
      return index == 0
        ? WeightSlice(of: weight.shape, rows: columns) : WeightSlice(of: weight.shape, columns: columns)
    case (.columns(let columns), .embedding):
      return WeightSlice(of: weight.shape, columns: columns)
    case (.columns(let columns), .attention(let attention)):
      return columns.divided(by: attention.valueWidth).flatMap {
        WeightSlice(of: weight.shape, columns: $0)
      }
    case (.columns(let columns), .latentAttention(let attention)):
      return Self.heads(columns.divided(by: attention.heads.valueWidth), of: weight, attention.heads)
    case (.columns(let columns), .expandLatent(let expansion)):
      return Self.heads(columns.divided(by: expansion.headWidth), of: weight, expansion.heads)
    default:
      return nil
    }
  }

  /// A stack has a matrix a head; keys and values in one have a run of rows a head.
  private static func heads(_ heads: Range<Int>?, of weight: Weight, _ latent: LatentHeads) -> WeightSlice? {
    guard let heads else { return nil }
    let isStack = weight.shape.extents.count == 3
    return WeightSlice(
      of: weight.shape, rows: isStack ? heads : heads.times(latent.plainWidth + latent.valueWidth))
  }
}

extension Range<Int> {
  /// The range counted in units; nil where it does not begin and end at one.
  func divided(by unit: Int) -> Range<Int>? {
    lowerBound % unit == 0 && upperBound % unit == 0 ? lowerBound / unit..<upperBound / unit : nil
  }

  /// Units counted in what they are made of.
  func times(_ unit: Int) -> Range<Int> { lowerBound * unit..<upperBound * unit }
}
