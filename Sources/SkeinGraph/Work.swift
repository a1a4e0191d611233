import SkeinTensor

/// What a node costs, whatever runs it: the numbers that a price is made from.
public struct Work: Hashable, Sendable {
  /// Multiplications and additions.
  public var floatingPointOperations: Double
  /// Bytes of weights that are read.
  public var weightBytes: Double
  /// Bytes of activations and cache that are read and written.
  public var activationBytes: Double
}

extension ExpertSlice {
  /// The part of a mixture's work, where every expert is as likely.
  public func fraction(of experts: Experts) -> Double {
    Double(self.experts.count * inner.count) / Double(experts.expertCount * experts.expertWidth)
  }
}

extension Graph {
  /// The work of putting so many parts of a node's result side by side in a pass.
  public func workOfJoining(_ node: Node, tokens: Int, outputs: Int) -> Work {
    let values = Double(node.rows.count(tokens: tokens, outputs: outputs) * node.width)
    return Work(floatingPointOperations: 0, weightBytes: 0, activationBytes: 2 * values * 4)
  }

  /// The work of adding up so many parts of a node's result in a pass.
  public func workOfReducing(_ node: Node, parts: Int, tokens: Int, outputs: Int) -> Work {
    let values = Double(node.rows.count(tokens: tokens, outputs: outputs) * node.width)
    return Work(
      floatingPointOperations: values * Double(parts - 1), weightBytes: 0,
      activationBytes: values * Double(3 * (parts - 1)) * 4)
  }

  /// Bytes that a token adds to the cache of a node, or of a part of one; 0 where it has none.
  public func cachedBytesPerToken(_ node: Node, _ type: ElementType) -> Int {
    guard let id = node.op.cache else { return 0 }
    var cache = self[id]
    cache.keyValueHeadCount = node.op.cachedHeadCount(cache)
    return cache.bytesPerToken(type)
  }

  /// The work of `node` in a pass.
  ///
  /// - Parameters:
  ///   - tokens: tokens in the pass.
  ///   - outputs: tokens whose logits are wanted.
  ///   - contextTokens: positions that each token attends to (where a window does not limit it).
  ///   - cacheType: the format of the key-value cache.
  ///   - slice: the part of the node that is computed; nil for all of it.
  ///   - weightBytes: bytes of a weight as it is stored; where there is a slice, of the part that it takes.
  public func work(
    of node: Node, tokens: Int, outputs: Int, contextTokens: Int, cacheType: ElementType = .f16,
    slice: NodeSlice? = nil, weightBytes: (WeightID) -> Int
  ) -> Work {
    let whole = node
    let node = slice.flatMap { part($0, of: whole) } ?? whole
    func inputWidth(_ index: Int) -> Int {
      slice.flatMap { columns(of: $0, of: whole, input: index)?.count } ?? self[node.inputs[index]].width
    }
    let rows = Double(node.rows.count(tokens: tokens, outputs: outputs))
    let stored = node.weights.reduce(0.0) { $0 + Double(weightBytes($1)) }
    let written = rows * Double(node.width) * 4
    let read = node.inputs.enumerated().reduce(0.0) { total, input in
      let rows = self[input.element].rows.count(tokens: tokens, outputs: outputs)
      return total + Double(rows * inputWidth(input.offset)) * 4
    }
    var work = Work(floatingPointOperations: 0, weightBytes: stored, activationBytes: read + written)
    switch node.op {
    case .embedding:
      // Only the rows of the tokens are read.
      let tableRows = self[node.weights[0]].shape.rows
      work.weightBytes = min(stored, rows * stored / Double(max(tableRows, 1)))
    case .linear:
      work.floatingPointOperations = 2 * rows * Double(node.width) * Double(inputWidth(0))
    case .rmsNorm:
      work.floatingPointOperations = 4 * rows * Double(node.width)
    case .layerNorm:
      work.floatingPointOperations = 6 * rows * Double(node.width)
    case .rope:
      work.floatingPointOperations = 3 * rows * Double(node.width)
    case .attention(let attention):
      let seen = Double(min(contextTokens, attention.window ?? contextTokens))
      let perPosition = Double(attention.headCount * (attention.keyWidth + attention.valueWidth))
      work.floatingPointOperations = 2 * rows * seen * perPosition
      // The context is read once for the pass.
      work.activationBytes += seen * Double(cachedBytesPerToken(node, cacheType))
    case .latentAttention(let attention):
      let heads = attention.heads
      let isExpanded = tokens >= heads.leastExpandedTokens
      let perPosition = Double(isExpanded ? heads.expandedProducts : heads.absorbedProducts)
      let projected = isExpanded ? Double(contextTokens) : rows
      work.floatingPointOperations =
        2 * (rows * Double(contextTokens) * perPosition + projected * Double(heads.projectionProducts))
      work.activationBytes += Double(contextTokens * cachedBytesPerToken(node, cacheType))
    case .expandLatent(let expansion):
      let heads = expansion.heads
      let width = expansion.part == .keys ? heads.plainWidth : heads.valueWidth
      work.floatingPointOperations = 2 * rows * Double(heads.headCount * heads.rank * width)
      // Of a matrix of both parts only the rows of one.
      if self[node.weights[0]].name.node.role == .keyValueUp {
        work.weightBytes = stored * Double(width) / Double(heads.plainWidth + heads.valueWidth)
      }
    case .expertRouter(let router):
      work.floatingPointOperations = 2 * rows * Double(router.expertCount * self[node.inputs[0]].width)
    case .experts(let experts):
      let matrices = Double(3 * experts.expertWidth * node.width)
      let part = slice?.experts?.fraction(of: experts) ?? 1
      work.floatingPointOperations = 2 * rows * Double(experts.chosenCount) * matrices * part
      work.weightBytes = stored * experts.expectedCount(tokens: Int(rows)) / Double(experts.expertCount)
      // What is between up and down is written and read.
      work.activationBytes += 8 * rows * Double(experts.chosenCount * experts.expertWidth) * part
    case .sigmoidGate:
      work.floatingPointOperations = rows * Double(node.width)
    case .activation, .gatedActivation, .softCap:
      work.floatingPointOperations = 6 * rows * Double(node.width)
    case .add:
      work.floatingPointOperations = rows * Double(node.width)
    case .selectRows:
      work.activationBytes = 2 * written
    }
    return work
  }
}
