import SkeinTensor

extension WeightSlice {
  /// What a slice of a mixture takes of one of the mixture's weights; nil where it takes all of it.
  ///
  /// - Parameter isInner: whether the columns of the weight's matrices are the inner values (down), not the rows.
  init?(_ slice: ExpertSlice, of weight: Weight, isInner: Bool) {
    let extents = Self.stackExtents(of: weight.shape)
    let (rows, columns) = (0..<extents[1], 0..<extents[2])
    if weight.shape.extents.count == 3 {
      self.init(
        matrices: slice.experts, rows: isInner ? rows : slice.inner, columns: isInner ? slice.inner : columns)
    } else {
      // A vector an expert, such as a bias: of mixtures with such weights only whole experts are dealt.
      self.init(matrices: slice.experts, rows: rows, columns: columns)
    }
    if matrices == ExpertSet(0..<extents[0]), self.rows == rows, self.columns == columns { return nil }
  }

  /// Rows (of a stack, matrices) and columns of a weight of this shape; nil where that is all of it.
  init?(of shape: Shape, rows: Range<Int>? = nil, columns: Range<Int>? = nil) {
    let extents = Self.stackExtents(of: shape)
    self.init(
      matrices: ExpertSet(rows ?? 0..<extents[0]), rows: 0..<extents[1], columns: columns ?? 0..<extents[2])
    if matrices == ExpertSet(0..<extents[0]), self.columns == 0..<extents[2] { return nil }
  }

  /// The shape of a stack of matrices; of a matrix as if each row were a matrix, so that any rows of it can be
  /// taken; of a vector as if it were one row.
  fileprivate static func stackExtents(of shape: Shape) -> [Int] {
    let extents = shape.extents
    switch extents.count {
    case 1: return [1, 1, extents[0]]
    case 2: return [extents[0], 1, extents[1]]
    default: return extents
    }
  }
}

/// Where the rows of a stack of matrices go in the memory of a device that holds a slice of it.
///
/// The stack counts as one tall matrix. Of a row that the device holds, `columnBytes` bytes from `columnOffset` on are
/// its own.
public struct SlicedRows: Hashable, Sendable {
  /// Bytes of a row of the stack.
  public let rowBytes: Int
  /// From the start of a row to what is taken of it, in bytes.
  public let columnOffset: Int
  /// Bytes taken of a row.
  public let columnBytes: Int
  private let slice: WeightSlice
  private let rowsPerMatrix: Int

  /// The rows of a stack of this shape, whose rows and columns are whole blocks of the format.
  public init(_ slice: WeightSlice, of shape: Shape, type: ElementType) {
    self.slice = slice
    rowsPerMatrix = WeightSlice.stackExtents(of: shape)[1]
    rowBytes = type.rowBytes(elementCount: shape.columns) ?? 0
    columnOffset = type.rowBytes(elementCount: slice.columns.lowerBound) ?? 0
    columnBytes = type.rowBytes(elementCount: slice.columns.count) ?? 0
  }

  /// Where a row's bytes go, in bytes from the start of the slice; nil for a row that is elsewhere.
  public func destination(ofRow row: Int) -> Int? {
    let (matrix, own) = row.quotientAndRemainder(dividingBy: rowsPerMatrix)
    guard slice.rows.contains(own) else { return nil }
    var before = 0
    for run in slice.matrices.runs {
      if run.contains(matrix) {
        let place = before + matrix - run.lowerBound
        return (place * slice.rows.count + own - slice.rows.lowerBound) * columnBytes
      }
      before += run.count
    }
    return nil
  }
}

extension Weight {
  /// The weight as a device holds it that has a slice of it; all of it where that is nil.
  public func sliced(_ slice: WeightSlice?) -> Weight {
    guard let slice else { return self }
    let extents = [slice.matrices.count, slice.rows.count, slice.columns.count]
    switch shape.extents.count {
    case 1: return Weight(name: name, shape: Shape([extents[2]]))
    case 2: return Weight(name: name, shape: Shape([extents[0], extents[2]]))
    default: return Weight(name: name, shape: Shape(extents))
    }
  }
}
