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

  /// The shape of a stack of matrices; of a stack of vectors as if each were a matrix of one row.
  fileprivate static func stackExtents(of shape: Shape) -> [Int] {
    shape.extents.count == 2 ? [shape.extents[0], 1, shape.extents[1]] : shape.extents
  }

  /// Bytes that lie at equal distances in the checkpoint's tensor and one behind the other in the slice.
  public struct Bytes: Hashable, Sendable {
    /// From the start of the tensor to the first run.
    public var offset: Int
    /// Of each run.
    public var byteCount: Int
    /// From the start of a run to that of the next.
    public var stride: Int
    /// Runs.
    public var count: Int

    /// Runs at equal distances.
    public init(offset: Int, byteCount: Int, stride: Int, count: Int) {
      self.offset = offset
      self.byteCount = byteCount
      self.stride = stride
      self.count = count
    }

    /// Where the last run ends.
    public var end: Int { offset + (count - 1) * stride + byteCount }
  }

  /// Tells where the slice lies in a stack of this shape, in the order of the slice; nothing where the columns are
  /// not whole blocks of the format. Allocates nothing.
  ///
  /// Whole experts are one run for each run of their numbers, rows one for each expert, columns one for each row.
  public func forEachBytes(of shape: Shape, type: ElementType, _ body: (Bytes) -> Void) {
    let (count, last) = (shape.extents.count, shape.columns)
    guard count == 2 || count == 3, let rowBytes = type.rowBytes(elementCount: last),
      let before = type.rowBytes(elementCount: columns.lowerBound),
      let taken = type.rowBytes(elementCount: columns.count)
    else { return }
    let rowCount = count == 3 ? shape.extents[1] : 1
    let matrixBytes = rowCount * rowBytes
    let start = rows.lowerBound * rowBytes
    for run in matrices.runs {
      if columns.count < last {
        for matrix in run {
          body(
            Bytes(
              offset: matrix * matrixBytes + start + before, byteCount: taken, stride: rowBytes,
              count: rows.count))
        }
      } else if rows.count < rowCount {
        body(
          Bytes(
            offset: run.lowerBound * matrixBytes + start, byteCount: rows.count * rowBytes,
            stride: matrixBytes, count: run.count))
      } else {
        let bytes = run.count * matrixBytes
        body(Bytes(offset: run.lowerBound * matrixBytes, byteCount: bytes, stride: bytes, count: 1))
      }
    }
  }
}

extension Weight {
  /// The weight as a device holds it that has a slice of it; all of it where that is nil.
  public func sliced(_ slice: WeightSlice?) -> Weight {
    guard let slice else { return self }
    let extents = [slice.matrices.count, slice.rows.count, slice.columns.count]
    return Weight(name: name, shape: Shape(shape.extents.count == 2 ? [extents[0], extents[2]] : extents))
  }
}
