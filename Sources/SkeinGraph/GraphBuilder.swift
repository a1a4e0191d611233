import SkeinTensor

/// Writes a graph, a line an operation.
///
///     var g = GraphBuilder(vocabularySize: 32_000, layerCount: 32) { checkpoint.has($0) }
///     let x = g.embedding(.tokenEmbedding, width: 4096)
///
/// Every method names the node by its role in the current `layer` and returns its id.
public struct GraphBuilder {
  private var graph: Graph
  private var weightIndex: [WeightName: WeightID] = [:]
  private let isStored: (WeightName) -> Bool
  /// The layer that nodes are added to; nil before the first and after the last.
  public var layer: Int?

  private let options: GraphOptions

  /// A builder of a graph.
  ///
  /// - Parameters:
  ///   - options: what a family leaves open.
  ///   - isStored: whether the checkpoint has a weight; optional weights (biases) are taken where it has them.
  public init(
    vocabularySize: Int, layerCount: Int, options: GraphOptions = GraphOptions(),
    isStored: @escaping (WeightName) -> Bool
  ) {
    self.options = options
    graph = Graph(
      nodes: [], weights: [], caches: [], layerCount: layerCount, vocabularySize: vocabularySize)
    self.isStored = isStored
  }

  /// The finished graph. Throws where a rule of graphs is broken.
  public func finish() throws(GraphError) -> Graph {
    try graph.validate()
    return graph
  }

  /// Rows of the embedding table, times `scale`.
  public mutating func embedding(
    _ role: Role, width: Int, scale: Float = 1, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    let table = weight(WeightName(name(role)), [graph.vocabularySize, width])
    return add(
      role, .embedding(Embedding(scale: scale)), [], [table], rows: .tokens, width: width, file, line)
  }

  /// Rows of a table by position, of which there are `count`.
  public mutating func positionEmbedding(
    _ role: Role, count: Int, width: Int, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    let table = weight(WeightName(name(role)), [count, width])
    return add(
      role, .embedding(Embedding(index: .position)), [], [table], rows: .tokens, width: width, file, line)
  }

  /// A linear layer from x to `width` values, with the bias that the checkpoint may have for it.
  ///
  /// - Parameter sharing: takes the matrix of another node (a tied head).
  public mutating func linear(
    _ x: NodeID, _ role: Role, width: Int, sharing: WeightName? = nil, file: String = #fileID,
    line: Int = #line
  ) -> NodeID {
    var weights = [weight(sharing ?? WeightName(name(role)), [width, graph[x].width])]
    let bias = WeightName(name(role), .bias)
    if isStored(bias) { weights.append(weight(bias, [width])) }
    return add(role, .linear, [x], weights, rows: graph[x].rows, width: width, file, line)
  }

  /// Root mean square normalization over the whole width, or over each run of `groupWidth` (a head).
  ///
  /// - Parameter passedWidth: values at the end of each row that are passed on as they are.
  public mutating func rmsNorm(
    _ x: NodeID, _ role: Role, epsilon: Float, groupWidth: Int? = nil, passedWidth: Int = 0,
    file: String = #fileID, line: Int = #line
  ) -> NodeID {
    let width = graph[x].width
    let norm = RMSNorm(
      groupWidth: groupWidth ?? width - passedWidth, epsilon: epsilon, passedWidth: passedWidth)
    let gain = weight(WeightName(name(role)), [norm.groupWidth])
    return add(role, .rmsNorm(norm), [x], [gain], rows: graph[x].rows, width: width, file, line)
  }

  /// Normalization by mean and variance, with the bias that the checkpoint may have.
  public mutating func layerNorm(
    _ x: NodeID, _ role: Role, epsilon: Float, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    let width = graph[x].width
    var weights = [weight(WeightName(name(role)), [width])]
    let bias = WeightName(name(role), .bias)
    if isStored(bias) { weights.append(weight(bias, [width])) }
    return add(
      role, .layerNorm(LayerNorm(epsilon: epsilon)), [x], weights, rows: graph[x].rows, width: width, file,
      line)
  }

  /// Rotary position embedding.
  public mutating func rope(
    _ x: NodeID, _ role: Role, _ rope: Rope, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    add(role, .rope(rope), [x], [], rows: .tokens, width: graph[x].width, file, line)
  }

  /// Attention over a new cache of the current layer, with the sinks that the checkpoint may have.
  ///
  /// - Parameters:
  ///   - scale: of the scores; nil for `1 / sqrt(width of a key)`.
  ///   - window: the latest positions that a token sees; nil for all.
  ///   - softCap: what scores stay below; nil for no such thing.
  public mutating func attention(
    _ queries: NodeID, _ keys: NodeID, _ values: NodeID, headCount: Int, keyValueHeadCount: Int,
    scale: Float? = nil, window: Int? = nil, softCap: Float? = nil, file: String = #fileID,
    line: Int = #line
  ) -> NodeID {
    let keyWidth = graph[queries].width / headCount
    let valueWidth = graph[values].width / keyValueHeadCount
    let attention = Attention(
      cache: cache(heads: keyValueHeadCount, keyWidth: keyWidth, valueWidth: valueWidth),
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, keyWidth: keyWidth, valueWidth: valueWidth,
      scale: scale ?? 1 / Float(keyWidth).squareRoot(), window: window, softCap: softCap)
    let sinks = WeightName(name(.attentionSinks))
    return add(
      .attention, .attention(attention), [queries, keys, values],
      isStored(sinks) ? [weight(sinks, [headCount])] : [], rows: .tokens,
      width: headCount * valueWidth, file, line)
  }

  /// Multi-head latent attention over a new cache of the current layer, which holds compressed rows or the keys
  /// and values made from them, as the graph's options say.
  ///
  /// - Parameters:
  ///   - queries: `[heads, plainWidth + ropeWidth]` a token, rotated.
  ///   - latent: `[rank + ropeWidth]` a token: normalized, then rotated.
  public mutating func latentAttention(
    _ queries: NodeID, _ latent: NodeID, _ heads: LatentHeads, scale: Float, file: String = #fileID,
    line: Int = #line
  ) -> NodeID {
    let isSplit = !isStored(WeightName(name(.keyValueUp)))
    let both = isSplit ? nil : weight(WeightName(name(.keyValueUp)), heads.keyValueUpExtents)
    let keyUp = both ?? weight(WeightName(name(.keyUp)), heads.keyUpExtents)
    let valueUp = both ?? weight(WeightName(name(.valueUp)), heads.valueUpExtents)
    switch options.latentCache {
    case .compressed:
      let cache = cache(heads: 1, keyWidth: heads.latentWidth, valueWidth: 0)
      return add(
        .attention, .latentAttention(LatentAttention(cache: cache, heads: heads, scale: scale)),
        [queries, latent], isSplit ? [keyUp, valueUp] : [keyUp], rows: .tokens,
        width: heads.headCount * heads.valueWidth, file, line)
    case .expanded:
      let keys = LatentExpansion(heads: heads, part: .keys)
      let values = LatentExpansion(heads: heads, part: .values)
      let k = add(
        .keyUp, .expandLatent(keys), [latent], [keyUp], rows: .tokens, width: keys.resultWidth, file, line)
      let v = add(
        .valueUp, .expandLatent(values), [latent], [valueUp], rows: .tokens, width: values.resultWidth, file,
        line)
      return attention(
        queries, k, v, headCount: heads.headCount, keyValueHeadCount: heads.headCount, scale: scale,
        file: file, line: line)
    }
  }

  /// The experts of each token and their weights, with the biases of logits and of choosing that the checkpoint may
  /// have.
  public mutating func expertRouter(
    _ x: NodeID, _ role: Role, _ router: ExpertRouter, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    var weights = [weight(WeightName(name(role)), [router.expertCount, graph[x].width])]
    for part in [WeightPart.logitBias, .bias] {
      let bias = WeightName(name(role), part)
      if isStored(bias) { weights.append(weight(bias, [router.expertCount])) }
    }
    return add(
      role, .expertRouter(router), [x], weights, rows: graph[x].rows, width: router.resultWidth, file, line)
  }

  /// The experts that `choice`, a router's result, names, with the biases that the checkpoint may have.
  public mutating func experts(
    _ x: NodeID, _ choice: NodeID, _ role: Role, _ experts: Experts, file: String = #fileID,
    line: Int = #line
  ) -> NodeID {
    let width = graph[x].width
    let outer = [experts.expertCount, experts.expertWidth, width]
    let inner = [experts.expertCount, width, experts.expertWidth]
    let stacks: [(role: Role, extents: [Int])] = [
      (.expertGate, outer), (.expertUp, outer), (.expertDown, inner),
    ]
    var weights = stacks.map { weight(WeightName(name($0.role)), $0.extents) }
    if isStored(WeightName(name(.expertGate), .bias)) {
      weights += stacks.map { weight(WeightName(name($0.role), .bias), Array($0.extents.prefix(2))) }
    }
    return add(role, .experts(experts), [x, choice], weights, rows: graph[x].rows, width: width, file, line)
  }

  /// `x / (1 + exp(-gate))`, with one value of gate a row.
  public mutating func sigmoidGate(
    _ x: NodeID, _ gate: NodeID, _ role: Role, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    add(role, .sigmoidGate, [x, gate], [], rows: graph[x].rows, width: graph[x].width, file, line)
  }

  /// `activation(gate) * up`
  public mutating func gatedActivation(
    _ gate: NodeID, _ up: NodeID, _ role: Role, _ activation: Activation = .silu, file: String = #fileID,
    line: Int = #line
  ) -> NodeID {
    add(
      role, .gatedActivation(activation), [gate, up], [], rows: graph[gate].rows, width: graph[gate].width,
      file,
      line)
  }

  /// `activation(x)`
  public mutating func activation(
    _ x: NodeID, _ role: Role, _ activation: Activation, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    add(role, .activation(activation), [x], [], rows: graph[x].rows, width: graph[x].width, file, line)
  }

  /// `cap * tanh(x / cap)`
  public mutating func softCap(
    _ x: NodeID, _ role: Role, cap: Float, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    add(role, .softCap(cap), [x], [], rows: graph[x].rows, width: graph[x].width, file, line)
  }

  /// `a + b`
  public mutating func add(
    _ a: NodeID, _ b: NodeID, _ role: Role, file: String = #fileID, line: Int = #line
  ) -> NodeID {
    add(role, .add, [a, b], [], rows: graph[a].rows, width: graph[a].width, file, line)
  }

  private mutating func selectRows(_ x: NodeID, _ role: Role, file: String, line: Int) -> NodeID {
    add(role, .selectRows, [x], [], rows: .outputs, width: graph[x].width, file, line)
  }

  /// Keeps only the rows whose logits are wanted, of the residual stream and of the last layer's attention:
  /// all that follows is computed for them alone.
  public mutating func selectOutputs(
    _ residual: NodeID, _ attention: NodeID, file: String = #fileID, line: Int = #line
  ) -> (residual: NodeID, attention: NodeID) {
    let x = selectRows(residual, .selectedResidual, file: file, line: line)
    return (x, selectRows(attention, .selectedAttention, file: file, line: line))
  }

  private mutating func cache(heads: Int, keyWidth: Int, valueWidth: Int) -> CacheID {
    graph.caches.append(
      Cache(layer: layer ?? 0, keyValueHeadCount: heads, keyWidth: keyWidth, valueWidth: valueWidth))
    return CacheID(graph.caches.count - 1)
  }

  private func name(_ role: Role) -> NodeName { NodeName(layer: layer, role) }

  private mutating func weight(_ name: WeightName, _ extents: [Int]) -> WeightID {
    if let known = weightIndex[name] { return known }
    let id = WeightID(graph.weights.count)
    graph.weights.append(Weight(name: name, shape: Shape(extents)))
    weightIndex[name] = id
    return id
  }

  private mutating func add(
    _ role: Role, _ op: Op, _ inputs: [NodeID], _ weights: [WeightID], rows: RowCount, width: Int,
    _ file: String, _ line: Int
  ) -> NodeID {
    let id = NodeID(graph.nodes.count)
    graph.nodes.append(
      Node(
        id: id, name: name(role), op: op, inputs: inputs, weights: weights, rows: rows, width: width,
        source: "\(file):\(line)"))
    return id
  }
}
