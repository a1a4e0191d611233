import SkeinTensor

/// A model's mathematics: a list of named operations in the order of execution.
///
/// A plain value. It holds no weights, no devices and no batch size, so one graph serves every
/// checkpoint format, placement and batch.
public struct Graph: Hashable, Sendable {
  /// The operations, each after its inputs.
  public var nodes: [Node]
  /// The weights that nodes refer to.
  public var weights: [Weight]
  /// The key-value caches that nodes refer to, in order of layers.
  public var caches: [Cache]
  /// Number of repeated layers.
  public var layerCount: Int
  /// Number of different tokens: ids are below it, and logits are that wide.
  public var vocabularySize: Int

  /// The node with this id.
  public subscript(id: NodeID) -> Node { nodes[id.index] }
  /// The weight with this id.
  public subscript(id: WeightID) -> Weight { weights[id.index] }
  /// The cache with this id.
  public subscript(id: CacheID) -> Cache { caches[id.index] }

  /// The node whose result is the logits: the last.
  public var output: Node { nodes[nodes.count - 1] }
}

/// Where a graph or a plan breaks its own rules.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    case invalidGraph, invalidPlacement, invalidPlan, doesNotFit, unsupported
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String
  /// The node, weight or device that it is about.
  public var place: String?

  /// A fault at `place`.
  public init(_ code: Code, _ message: String, at place: String? = nil) {
    self.code = code
    self.message = message
    self.place = place
  }

  /// The place, then the message.
  public var description: String { (place.map { "\($0): " } ?? "") + message }
}

extension Graph {
  /// Throws unless every node has a unique name, takes only earlier nodes, and has inputs and weights of
  /// the number and the shapes that its op states.
  public func validate() throws(GraphError) {
    guard !nodes.isEmpty else { throw GraphError(.invalidGraph, "the graph has no nodes") }
    var names: Set<NodeName> = []
    for (index, node) in nodes.enumerated() {
      func fail(_ message: String) -> GraphError {
        GraphError(.invalidGraph, message + " (\(node.source))", at: node.name.description)
      }
      if node.id.index != index { throw fail("its id is \(node.id.index), its place \(index)") }
      if !names.insert(node.name).inserted { throw fail("another node has this name") }
      for input in node.inputs where input.index < 0 || input.index >= index {
        throw fail("takes node \(input.index), which is not before it")
      }
      for weight in node.weights where !weights.indices.contains(weight.index) {
        throw fail("takes weight \(weight.index), which does not exist")
      }
      // Kernels count in 32 bits.
      if !(1...1 << 28).contains(node.width) { throw fail("its width is \(node.width)") }
      if let problem = problem(of: node) { throw fail(problem) }
    }
    if output.width != vocabularySize || output.rows != .outputs {
      throw GraphError(.invalidGraph, "the last node must give logits", at: output.name.description)
    }
  }

  /// Rows of the table of positions that a node takes; nil for nodes that take none.
  public func positionCount(_ node: Node) -> Int? {
    guard case .embedding(let embedding) = node.op, embedding.index == .position else { return nil }
    return node.weights.first.flatMap { self[$0].shape.extents.first }
  }

  /// Whether a node outside the layers comes before them, as embeddings do, and not after.
  public func isBeforeLayers(_ node: Node) -> Bool {
    node.name.layer == nil && !nodes[..<node.id.index].contains { $0.name.layer != nil }
  }

  /// What is wrong with the inputs and weights of a node, if anything.
  private func problem(of node: Node) -> String? {
    let inputs = node.inputs.map { self[$0] }
    func expect(_ inputWidths: [Int], _ weights: [[Int]], rows: RowCount?) -> String? {
      mismatch(node, inputWidths, weights, rows: rows)
    }
    switch node.op {
    case .embedding(let embedding):
      let rows = embedding.index == .token ? vocabularySize : positionCount(node) ?? 0
      return expect([], [[rows, node.width]], rows: nil)
    case .linear:
      guard let x = inputs.first else { return "takes nothing" }
      let bias = node.weights.count > 1 ? [[node.width]] : []
      return expect([x.width], [[node.width, x.width]] + bias, rows: node.rows)
    case .layerNorm:
      return expect(
        [node.width], node.weights.count > 1 ? [[node.width], [node.width]] : [[node.width]], rows: node.rows)
    case .rmsNorm(let norm):
      let width = node.width - norm.passedWidth
      let isWhole = norm.passedWidth == 0 || (norm.passedWidth > 0 && width == norm.groupWidth)
      if norm.groupWidth <= 0 || width <= 0 || width % norm.groupWidth != 0 || !isWhole {
        return "its groups do not fill its width"
      }
      return expect([node.width], [[norm.groupWidth]], rows: node.rows)
    case .rope(let rope):
      if rope.headCount * rope.headWidth != node.width { return "its heads do not fill its width" }
      let most = rope.headWidth - rope.first
      if rope.dimensions % 2 != 0 || rope.dimensions <= 0 || rope.first < 0 || rope.dimensions > most {
        return "cannot rotate \(rope.dimensions) values of heads of \(rope.headWidth)"
      }
      return expect([node.width], [], rows: .tokens)
    case .attention(let attention):
      guard caches.indices.contains(attention.cache.index) else { return "its cache does not exist" }
      let kv = attention.keyValueHeadCount
      if kv <= 0 || attention.headCount % kv != 0 { return "\(attention.headCount) heads cannot share \(kv)" }
      if attention.headCount * attention.valueWidth != node.width { return "its heads do not fill its width" }
      let queries = attention.headCount * attention.keyWidth
      return expect(
        [queries, kv * attention.keyWidth, kv * attention.valueWidth],
        node.weights.isEmpty ? [] : [[attention.headCount]], rows: .tokens)
    case .latentAttention, .expandLatent, .expertRouter, .experts, .sigmoidGate:
      return problemOfMixture(node)
    case .activation(let activation):
      if activation.isGatedOnly { return "its activation needs a gate" }
      return expect([node.width], [], rows: node.rows)
    case .softCap(let cap):
      if !(cap > 0 && cap.isFinite) { return "its cap is \(cap)" }
      return expect([node.width], [], rows: node.rows)
    case .gatedActivation, .add:
      return expect([node.width, node.width], [], rows: node.rows)
    case .selectRows:
      return expect([node.width], [], rows: .tokens)
    }
  }

  /// The same for mixtures of experts and latent attention.
  private func problemOfMixture(_ node: Node) -> String? {
    let inputs = node.inputs.map { self[$0] }
    func expect(_ inputWidths: [Int], _ weights: [[Int]], rows: RowCount?) -> String? {
      mismatch(node, inputWidths, weights, rows: rows)
    }
    switch node.op {
    case .latentAttention(let attention):
      guard caches.indices.contains(attention.cache.index) else { return "its cache does not exist" }
      let heads = attention.heads
      if heads.headCount * heads.valueWidth != node.width { return "its heads do not fill its width" }
      let split = [heads.keyUpExtents, heads.valueUpExtents]
      return expect(
        [heads.headCount * heads.keyWidth, heads.latentWidth],
        node.weights.count > 1 ? split : [heads.keyValueUpExtents], rows: .tokens)
    case .expandLatent(let expansion):
      if expansion.resultWidth != node.width { return "its heads do not fill its width" }
      let heads = expansion.heads
      let split = expansion.part == .keys ? heads.keyUpExtents : heads.valueUpExtents
      let isSplit = node.weights.first.map { self[$0].shape.extents.count } == split.count
      return expect([heads.latentWidth], [isSplit ? split : heads.keyValueUpExtents], rows: .tokens)
    case .expertRouter(let router):
      guard let x = inputs.first else { return "takes nothing" }
      if let problem = router.problem { return problem }
      if router.resultWidth != node.width { return "its choice does not fill its width" }
      let biases = [[Int]](repeating: [router.expertCount], count: min(max(node.weights.count - 1, 0), 2))
      return expect([x.width], [[router.expertCount, x.width]] + biases, rows: node.rows)
    case .experts(let experts):
      let outer = [experts.expertCount, experts.expertWidth, node.width]
      let inner = [experts.expertCount, node.width, experts.expertWidth]
      let biases = node.weights.count > 3 ? [outer, outer, inner].map { Array($0.prefix(2)) } : []
      return expect([node.width, 2 * experts.chosenCount], [outer, outer, inner] + biases, rows: node.rows)
    case .sigmoidGate:
      return expect([node.width, 1], [], rows: node.rows)
    default:
      return nil
    }
  }

  /// Where the inputs and weights of a node are not those that its op takes.
  private func mismatch(_ node: Node, _ widths: [Int], _ weights: [[Int]], rows: RowCount?) -> String? {
    let inputs = node.inputs.map { self[$0] }
    let shapes = node.weights.map { self[$0].shape.extents }
    if inputs.map(\.width) != widths {
      return "takes widths \(inputs.map(\.width)), must take \(widths)"
    }
    if shapes != weights { return "has weights \(shapes), must have \(weights)" }
    if let rows, inputs.contains(where: { $0.rows != rows }) { return "mixes rows of tokens and outputs" }
    return nil
  }
}
