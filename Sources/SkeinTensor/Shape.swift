/// The extents of a tensor, outermost first: a matrix is `[rows, columns]` and `columns` is contiguous.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  /// Extents, outermost first. Empty for a scalar.
  public var extents: [Int]

  /// A shape with these extents, outermost first.
  public init(_ extents: [Int]) { self.extents = extents }

  /// Number of values, or nil where the product overflows or an extent is negative.
  public var elementCount: Int? {
    var count = 1
    for extent in extents {
      guard extent >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      count = product
    }
    return count
  }

  /// The contiguous extent; 1 for a scalar.
  public var columns: Int { extents.last ?? 1 }

  /// All other extents multiplied: a stack of experts counts as one tall matrix.
  public var rows: Int { extents.dropLast().reduce(1, *) }

  /// `[4096, 1024]`
  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
