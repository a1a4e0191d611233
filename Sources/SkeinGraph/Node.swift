import SkeinTensor

/// A node's place in `Graph.nodes`.
public struct NodeID: Hashable, Sendable, Comparable {
  /// Index into `Graph.nodes`.
  public let index: Int
  /// The node at `index`.
  public init(_ index: Int) { self.index = index }
  /// Order of execution.
  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
}

/// A weight's place in `Graph.weights`.
public struct WeightID: Hashable, Sendable {
  /// Index into `Graph.weights`.
  public let index: Int
  /// The weight at `index`.
  public init(_ index: Int) { self.index = index }
}

/// A key-value cache's place in `Graph.caches`.
public struct CacheID: Hashable, Sendable {
  /// Index into `Graph.caches`.
  public let index: Int
  /// The cache at `index`.
  public init(_ index: Int) { self.index = index }
}

/// What part a node plays in a model. Weights are named by the node that owns them, or, where a node owns
/// several matrices, by the part that each of them plays.
public enum Role: String, Hashable, Sendable, CaseIterable {
  case tokenEmbedding, positionEmbedding, embedded
  case attentionNorm, query, key, value, queryNorm, keyNorm, queryRope, keyRope
  // Latent attention. `keyUp` and `valueUp` are nodes where keys and values are cached; where compressed rows
  // are, the attention itself takes the weights of that name. `keyValueUp` is both weights in one.
  case queryDown, queryDownNorm, queryUp, keyValueDown, keyValueNorm, keyUp, valueUp, keyValueUp
  // `attentionSinks` is a weight of `attention`.
  case attention, attentionSinks, attentionOutput, postAttentionNorm, attentionResidual
  case feedForwardNorm, gate, up, activation, down, postFeedForwardNorm, feedForwardResidual
  // Mixtures of experts. `expertGate`, `expertUp` and `expertDown` are weights of `experts`.
  case router, experts, expertGate, expertUp, expertDown
  case sharedGate, sharedUp, sharedActivation, sharedDown, sharedRouter, sharedWeighted, mixture
  case selectedAttention, selectedResidual, outputNorm, head, cappedHead
  // No nodes: tensors of a checkpoint that hold several of the weights above, one after the other.
  case queryKeyValue, gateUp
}

/// A node's name: its layer, if it is in one, and its role there.
public struct NodeName: Hashable, Sendable, CustomStringConvertible {
  /// Index of the layer, or nil before the first and after the last.
  public var layer: Int?
  /// The part it plays.
  public var role: Role

  /// A name in `layer`.
  public init(layer: Int? = nil, _ role: Role) {
    self.layer = layer
    self.role = role
  }

  /// `layers.3.attentionNorm`
  public var description: String { (layer.map { "layers.\($0)." } ?? "") + role.rawValue }
}

/// Which of a node's weights.
public enum WeightPart: String, Hashable, Sendable {
  case weight, bias
  /// What a router adds to what its matrix gives; its `bias` is added to scores, for choosing only.
  case logitBias
}

/// A weight's name: the node that owns it, and which part.
public struct WeightName: Hashable, Sendable, CustomStringConvertible {
  /// The node that owns it. A tied head uses the weight that the embedding owns.
  public var node: NodeName
  /// Matrix (or stack of matrices, or gain), or bias.
  public var part: WeightPart

  /// The weight `part` of `node`.
  public init(_ node: NodeName, _ part: WeightPart = .weight) {
    self.node = node
    self.part = part
  }

  /// `layers.3.query.bias`
  public var description: String { "\(node).\(part.rawValue)" }
}

/// A weight as the mathematics sees it: a name and a shape, no format and no storage.
public struct Weight: Hashable, Sendable {
  /// Its name.
  public var name: WeightName
  /// `[rows, columns]` of a matrix, `[columns]` of a vector, `[experts or heads, rows, columns]` of a stack.
  public var shape: Shape

  /// The weight `name` of these extents.
  public init(name: WeightName, shape: Shape) {
    self.name = name
    self.shape = shape
  }
}

/// A key-value cache of one layer: a named input of the graph.
public struct Cache: Hashable, Sendable {
  /// The layer that it belongs to.
  public var layer: Int
  /// Heads of keys and values.
  public var keyValueHeadCount: Int
  /// Values a head in keys.
  public var keyWidth: Int
  /// Values a head in values; 0 where the first values of the keys serve as values (latent attention).
  public var valueWidth: Int

  /// Bytes that one token adds, keys and values of all heads, in a cache of `type`.
  public func bytesPerToken(_ type: ElementType) -> Int {
    keyValueHeadCount * (Cache.rowBytes(keyWidth, type) + Cache.rowBytes(valueWidth, type))
  }

  /// Bytes of the keys or values of one token and head: `width` values, the last block padded.
  public static func rowBytes(_ width: Int, _ type: ElementType) -> Int {
    width.dividedUp(by: type.blockElementCount) * type.blockBytes
  }
}

/// How many rows a node's result has. Symbolic: one graph serves every batch.
public enum RowCount: Hashable, Sendable {
  /// A row a token of the pass.
  case tokens
  /// A row a token whose logits are wanted.
  case outputs

  /// The number of rows in a pass of `tokens` tokens of which `outputs` are wanted.
  public func count(tokens: Int, outputs: Int) -> Int { self == .tokens ? tokens : outputs }
}

/// One operation of a model: an immutable value.
public struct Node: Hashable, Sendable {
  /// Its place in the graph.
  public let id: NodeID
  /// Its name, unique in the graph.
  public let name: NodeName
  /// What it computes.
  public let op: Op
  /// The nodes whose results it takes, all earlier in the graph.
  public let inputs: [NodeID]
  /// The weights it takes, in the order the op states.
  public let weights: [WeightID]
  /// Rows of the result.
  public let rows: RowCount
  /// Values a row of the result, float32.
  public let width: Int
  /// Where the family wrote it: `SkeinModels/Llama.swift:31`.
  public let source: String
}
