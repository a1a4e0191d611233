import SkeinGraph

/// A weight that checkpoints hold as a run of rows of a larger tensor: queries, keys and values in one matrix.
///
/// The graph keeps them apart, since a placement may put or split them apart.
public struct FusedRows: Hashable, Sendable {
  /// The role that the whole tensor is named by: `.queryKeyValue` or `.gateUp`.
  public var role: Role
  /// The rows (or, of a bias, the values) that are the weight's.
  public var rows: Range<Int>
  /// The rows of the whole tensor.
  public var rowCount: Int

  /// Rows `rows` of the `rowCount` rows of the tensor of `role`.
  public init(role: Role, rows: Range<Int>, rowCount: Int) {
    self.role = role
    self.rows = rows
    self.rowCount = rowCount
  }

  /// The whole tensor's name, where `weight` is a part of it.
  public func name(for weight: WeightName) -> WeightName {
    WeightName(NodeName(layer: weight.node.layer, role), weight.part)
  }
}

extension FusedRows {
  /// Where a role's rows lie in a tensor of several roles, one after the other.
  ///
  /// - Parameter parts: the roles and their rows, in the order of the tensor; nil is the answer for others.
  init?(_ role: Role, in fused: Role, _ parts: [(role: Role, rows: Int)]) {
    guard let place = parts.firstIndex(where: { $0.role == role }) else { return nil }
    let first = parts[..<place].reduce(0) { $0 + $1.rows }
    self.init(
      role: fused, rows: first..<first + parts[place].rows, rowCount: parts.reduce(0) { $0 + $1.rows })
  }
}

extension DecoderConfiguration {
  /// The place of queries, keys and values in one tensor: all queries, then all keys, then all values.
  func fusedQueryKeyValue(_ role: Role) -> FusedRows? {
    FusedRows(
      role, in: .queryKeyValue,
      [
        (.query, headCount * keyWidth), (.key, keyValueHeadCount * keyWidth),
        (.value, keyValueHeadCount * valueWidth),
      ])
  }
}
