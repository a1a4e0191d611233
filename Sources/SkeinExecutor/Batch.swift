/// Tokens to compute together: each with a sequence and a position, from one sequence or many.
public struct Batch: Sendable {
  /// Token ids.
  public private(set) var tokens: [Int32] = []
  /// The position of each token in its sequence, from 0.
  public private(set) var positions: [Int32] = []
  /// The sequence of each token.
  public private(set) var sequences: [Int32] = []
  /// Indices of the tokens whose logits are wanted, ascending.
  public private(set) var outputs: [Int32] = []

  /// An empty batch with room for `capacity` tokens.
  public init(capacity: Int = 0) {
    tokens.reserveCapacity(capacity)
    positions.reserveCapacity(capacity)
    sequences.reserveCapacity(capacity)
    outputs.reserveCapacity(capacity)
  }

  /// Number of tokens.
  public var count: Int { tokens.count }

  /// Adds a token.
  public mutating func append(_ token: Int32, position: Int, sequence: Int = 0, wantsLogits: Bool) {
    if wantsLogits { outputs.append(Int32(tokens.count)) }
    tokens.append(token)
    positions.append(Int32(clamping: position))
    sequences.append(Int32(clamping: sequence))
  }

  /// Empties the batch and keeps its room.
  public mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    sequences.removeAll(keepingCapacity: true)
    outputs.removeAll(keepingCapacity: true)
  }
}
