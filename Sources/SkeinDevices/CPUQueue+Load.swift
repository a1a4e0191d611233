import CKernels
import SkeinGraph
import SkeinTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension CPUQueue {
  func load(
    _ slot: WeightSlot, from part: UnsafeRawBufferPointer, at offset: Int
  ) throws(DeviceError) {
    let shape = graph[slot.weight].shape
    let rowBytes = slot.type.rowBytes(elementCount: shape.columns) ?? 0
    guard let source = part.baseAddress, offset >= 0, part.count <= rowBytes * shape.rows - offset else {
      throw DeviceError(
        .failed,
        "\(graph[slot.weight].name) of \(rowBytes * shape.rows) bytes was given \(part.count) at \(offset)",
        device: device.device.name)
    }
    let destination = address(slot.buffer, slot: 0)
    if slot.isPacked {
      return pack(slot, shape, source, rows: part.count / rowBytes, from: offset / rowBytes)
    }
    guard let slice = slot.slice else {
      return copyInParallel(source, to: destination + offset, byteCount: part.count)
    }
    let rows = SlicedRows(slice, of: shape, type: slot.type)
    var copy = SlicedCopy(
      source: source, destination: destination, rows: rows, firstRow: offset / rows.rowBytes)
    team.run(
      { arguments, begin, end, _ in
        let copy = arguments!.assumingMemoryBound(to: SlicedCopy.self)
        for row in Int(begin)..<Int(end) { copy.pointee.copy(row) }
      }, &copy, items: part.count / rows.rowBytes, grain: 64)
  }

  /// Rows first ..< first + count of a stack of matrices, counted through, into the packed matrices of the slot.
  private func pack(
    _ slot: WeightSlot, _ shape: Shape, _ source: UnsafeRawPointer, rows count: Int, from first: Int
  ) {
    let columns = slot.slice?.columns ?? 0..<shape.columns
    let rowBytes = slot.type.rowBytes(elementCount: shape.columns) ?? 0
    let columnOffset = slot.type.rowBytes(elementCount: columns.lowerBound) ?? 0
    let matrixBytes = MatrixStack(graph[slot.weight].sliced(slot.slice).shape).packedBytes(slot.type)
    let destination = address(slot.buffer, slot: 0)
    for run in PackedRun.runs(of: slot.slice, shape) {
      let here = run.rows.clamped(to: first..<first + count)
      if here.isEmpty { continue }
      var args = skein_pack_weights_args()
      args.rows = source + (here.lowerBound - first) * rowBytes + columnOffset
      args.row_bytes = Int64(rowBytes)
      args.type = slot.type.rawValue
      args.columns = Int32(columns.count)
      args.first_row = Int32(run.firstRow + here.lowerBound - run.rows.lowerBound)
      args.packed = destination + run.matrix * matrixBytes
      team.run(kernels.pointee.pack_weights, &args, items: here.count, grain: Self.packedRowsARun)
    }
  }

  /// Whole panels, where a part begins with one.
  private static var packedRowsARun: Int { 64 }

  /// Every thread copies, and so first touches, its part.
  private func copyInParallel(
    _ source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, byteCount: Int
  ) {
    var copy = ParallelCopy(source: source, destination: destination, byteCount: byteCount)
    let runs = (byteCount + ParallelCopy.runBytes - 1) / ParallelCopy.runBytes
    team.run(
      { arguments, begin, end, _ in
        let copy = arguments!.assumingMemoryBound(to: ParallelCopy.self).pointee
        let first = Int(begin) * ParallelCopy.runBytes
        let last = min(Int(end) * ParallelCopy.runBytes, copy.byteCount)
        memcpy(copy.destination + first, copy.source + first, last - first)
      }, &copy, items: runs, grain: 1)
  }
}

/// A weight as matrices of the same shape, one after the other.
struct MatrixStack {
  let count: Int
  let rows: Int
  let columns: Int

  init(_ shape: Shape) {
    columns = shape.columns
    rows = shape.extents.dropLast().last ?? 1
    count = shape.extents.dropLast(2).reduce(1, *)
  }

  /// Bytes of one matrix, packed.
  func packedBytes(_ type: ElementType) -> Int {
    Int(skein_packed_bytes(type.rawValue, Int32(rows), Int32(columns)))
  }
}

/// Rows of a stack of matrices that lie together in one of the packed matrices of a device.
private struct PackedRun {
  /// In the stack, all matrices' rows counted through.
  var rows: Range<Int>
  /// Which of the device's matrices.
  var matrix: Int
  /// Where the first of the rows is in it.
  var firstRow: Int

  /// What a device holds that has a slice of a weight. Of a single matrix a slice names rows as if each were a matrix.
  static func runs(of slice: WeightSlice?, _ shape: Shape) -> [PackedRun] {
    let stack = MatrixStack(shape)
    guard let slice else {
      return (0..<stack.count).map {
        PackedRun(rows: $0 * stack.rows..<($0 + 1) * stack.rows, matrix: $0, firstRow: 0)
      }
    }
    var count = 0
    if shape.extents.count == 2 {
      return slice.matrices.runs.map { run in
        defer { count += run.count }
        return PackedRun(rows: run, matrix: 0, firstRow: count)
      }
    }
    return slice.matrices.numbers.enumerated().map { place, matrix in
      let first = matrix * stack.rows
      return PackedRun(
        rows: first + slice.rows.lowerBound..<first + slice.rows.upperBound, matrix: place, firstRow: 0)
    }
  }
}

/// Rows of a stack, of which a device holds a slice.
private struct SlicedCopy {
  var source: UnsafeRawPointer
  var destination: UnsafeMutableRawPointer
  var rows: SlicedRows
  var firstRow: Int

  func copy(_ row: Int) {
    guard let place = rows.destination(ofRow: firstRow + row) else { return }
    memcpy(destination + place, source + row * rows.rowBytes + rows.columnOffset, rows.columnBytes)
  }
}

private struct ParallelCopy {
  static let runBytes = 1 << 20
  var source: UnsafeRawPointer
  var destination: UnsafeMutableRawPointer
  var byteCount: Int
}
