import SkeinGraph
import SkeinTensor

/// Where the values of one of a graph's weights lie in a checkpoint, and the format in which devices are given them.
///
/// A weight may be a tensor of the checkpoint as it is, or be put together: from the matrices of single experts,
/// from some rows of a larger matrix, from a matrix that is stored the other way round.
public struct StoredWeight: Hashable, Sendable {
  /// The format in which devices are given it.
  public var type: ElementType
  /// Rows; a stack of experts counts as one tall matrix, and a vector has rows of one element.
  public var rowCount: Int
  /// Elements of a row.
  public var columnCount: Int
  /// Its rows, in order.
  public var runs: [StoredRun]
  /// Added to every element.
  public var addend: Float = 0

  /// Bytes of a row in the format that devices are given.
  public var rowBytes: Int { type.rowBytes(elementCount: columnCount) ?? 0 }
  /// Bytes in the format that devices are given.
  public var byteCount: Int { rowBytes * rowCount }
  /// Where the weight's bytes are in the file of its first run, where they are one run as devices are given them and
  /// lie so that numbers can be read in place; else nil.
  public var mappableRange: Range<Int>? {
    guard isGivenAsStored, let first = runs.first else { return nil }
    var end = first.rowOffset(0)
    for run in runs {
      guard run.part == first.part, run.rowOffset(0) == end else { return nil }
      end += run.count * rowBytes
    }
    // Blocks are read byte by byte, plain numbers whole.
    let alignment = type.blockElementCount == 1 ? type.blockBytes : 2
    return first.rowOffset(0) % alignment == 0 ? first.rowOffset(0)..<end : nil
  }
  /// Whether the bytes of the checkpoint are those that devices are given, run by run.
  public var isGivenAsStored: Bool {
    addend == 0
      && runs.allSatisfy {
        $0.encoding == .blocks(type) && $0.order == .rows && ($0.step == 1 || $0.count == 1)
      }
  }
}

/// Rows of a weight that lie in one matrix of a checkpoint at equal distances.
public struct StoredRun: Hashable, Sendable {
  /// How elements are stored.
  public enum Encoding: Hashable, Sendable {
    /// As kernels read them.
    case blocks(ElementType)
    /// 8-bit floating-point numbers (4 bits of exponent, 3 of mantissa) with factors; nil for none.
    case f8(StoredFactors?)
    /// 4-bit floating-point numbers, two a byte, the first in the low half, and in another tensor an exponent for
    /// each 32 of a row.
    case mxfp4(scalePart: Int, scaleOffset: Int)
    /// 64-bit floating-point numbers.
    case f64
  }
  /// Which extent of the stored matrix the weight's rows run along.
  public enum Order: Hashable, Sendable {
    /// The weight's rows are stored rows.
    case rows
    /// The weight's rows are stored columns.
    case columns
  }

  /// The tensor that the matrix is in, for errors.
  public var tensorName: String
  /// Which of the checkpoint's files.
  public var part: Int
  /// Where the matrix begins in the file, in bytes.
  public var offset: Int
  /// Bytes from a stored row to the next.
  public var strideBytes: Int
  /// How elements are stored.
  public var encoding: Encoding
  /// Whether the matrix is stored the other way round.
  public var order = Order.rows
  /// The stored row (or column) of the run's first row.
  public var first = 0
  /// Stored rows (or columns) from a row of the run to the next.
  public var step = 1
  /// Rows of the weight.
  public var count: Int

  /// Where a row's bytes begin in the file.
  public func rowOffset(_ row: Int) -> Int { offset + (first + row * step) * strideBytes }
}

/// A matrix of factors, each of which multiplies a block of another matrix.
public struct StoredFactors: Hashable, Sendable {
  /// Which of the checkpoint's files.
  public var part: Int
  /// Where the factors begin in the file, in bytes.
  public var offset: Int
  /// F32, F16 or BF16.
  public var type: ElementType
  /// Rows of a block.
  public var blockRows: Int
  /// Columns of a block.
  public var blockColumns: Int
  /// Factors of a row of blocks.
  public var columnCount: Int
}

extension StoredWeight {
  /// The format that a weight has where nobody asks for another: what the checkpoint has, or the nearest that
  /// kernels read. Vectors are always F32.
  static func naturalType(_ runs: [StoredRun], of weight: Weight) -> ElementType {
    if !weight.isMatrix { return .f32 }
    switch runs[0].encoding {
    case .blocks(let type): return type
    case .f8: return .bf16
    case .mxfp4: return .mxfp4
    case .f64: return .f32
    }
  }

  /// Rows and columns of a weight as it is read.
  static func matrix(_ weight: Weight) -> (rows: Int, columns: Int) {
    weight.isMatrix
      ? (weight.shape.rows, weight.shape.columns) : (weight.shape.rows * weight.shape.columns, 1)
  }

  /// A weight of these runs.
  ///
  /// - Parameter format: what devices are to be given; nil for what the checkpoint has.
  /// - Throws: `ModelError` where rows are not whole blocks of the format.
  init(_ weight: Weight, runs: [StoredRun], addend: Float = 0, format: WeightFormat?, path: String)
    throws(ModelError)
  {
    if case .bitsPerElement? = format {
      throw ModelError(
        .unsupported, "a number of bits is for planning only; to run, name a format such as q8_0",
        path: "--weights")
    }
    let (rowCount, columnCount) = Self.matrix(weight)
    self.init(
      type: format.map { $0.type(of: weight) } ?? Self.naturalType(runs, of: weight), rowCount: rowCount,
      columnCount: columnCount, runs: runs, addend: addend)
    guard type.rowBytes(elementCount: columnCount) != nil else {
      throw ModelError(
        .unsupported, "its rows of \(columnCount) are not whole blocks of \(type.name)", path: path,
        place: weight.name.description)
    }
  }
}
