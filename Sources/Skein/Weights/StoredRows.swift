import CKernels
import SkeinFiles
import SkeinModels
import SkeinTensor

/// Reads rows of a run as float32.
struct StoredRows {
  let run: StoredRun
  let columnCount: Int
  let files: [MappedFile]

  /// Reads rows of the run: `[rows.count][columnCount]`.
  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    if run.order == .columns { return readColumns(rows, into: values) }
    switch run.encoding {
    case .blocks(let type):
      for (index, row) in rows.enumerated() {
        decode(address(run.rowOffset(row)), type, columnCount, values + index * columnCount)
      }
    case .f64:
      for (index, row) in rows.enumerated() {
        let source = address(run.rowOffset(row))
        for column in 0..<columnCount {
          values[index * columnCount + column] = Float(
            source.loadUnaligned(fromByteOffset: column * 8, as: Double.self))
        }
      }
    case .f8(let factors):
      for (index, row) in rows.enumerated() { readF8(row, factors, into: values + index * columnCount) }
    case .mxfp4(let part, let offset):
      for (index, row) in rows.enumerated() {
        let scales =
          files[part].bytes.baseAddress! + offset + (run.first + row * run.step) * (columnCount / 32)
        decodeMXFP4(address(run.rowOffset(row)), scales, into: values + index * columnCount)
      }
    }
  }

  private func address(_ offset: Int) -> UnsafeRawPointer { files[run.part].bytes.baseAddress! + offset }

  private func decode(
    _ source: UnsafeRawPointer, _ type: ElementType, _ count: Int, _ values: UnsafeMutablePointer<Float>
  ) {
    var arguments = skein_dequantize_args(
      x: source, row_bytes: 0, type: type.rawValue, columns: Int32(count), y: values)
    Self.dequantize(&arguments, 0, 1, nil)
  }

  private func readF8(_ row: Int, _ factors: StoredFactors?, into values: UnsafeMutablePointer<Float>) {
    let storedRow = run.first + row * run.step
    let blockColumns = factors?.blockColumns ?? columnCount
    for (block, first) in stride(from: 0, to: columnCount, by: blockColumns).enumerated() {
      var factor: Float = 1
      if let factors {
        let place = storedRow / factors.blockRows * factors.columnCount + block
        let size = factors.type.blockBytes
        decode(
          files[factors.part].bytes.baseAddress! + factors.offset + place * size, factors.type, 1, &factor)
      }
      let count = min(blockColumns, columnCount - first)
      var arguments = skein_float8_rows_args(
        x: address(run.rowOffset(row) + first).assumingMemoryBound(to: UInt8.self), x_stride: 0,
        columns: Int32(count), scale: factor, y: values + first, y_stride: 0)
      skein_float8_rows(&arguments, 0, 1, nil)
    }
  }

  /// Rows that are stored columns: of every stored row the elements of these columns, one after the other.
  private func readColumns(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    let span = (rows.count - 1) * run.step + 1
    guard case .blocks(let type) = run.encoding, type.blockElementCount == 1, span <= 64 else {
      preconditionFailure("only matrices of plain numbers are stored the other way round")
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { elements in
      for column in 0..<columnCount {
        let start = run.first + rows.lowerBound * run.step
        let first = run.offset + column * run.strideBytes + start * type.blockBytes
        decode(address(first), type, span, elements.baseAddress!)
        for row in 0..<rows.count { values[row * columnCount + column] = elements[row * run.step] }
      }
    }
  }

  /// 32 values of four bits have one exponent of eight; the first of two values is in the low half of their byte.
  private func decodeMXFP4(
    _ source: UnsafeRawPointer, _ scales: UnsafeRawPointer, into values: UnsafeMutablePointer<Float>
  ) {
    for block in 0..<columnCount / 32 {
      let exponent = scales.load(fromByteOffset: block, as: UInt8.self)
      let scale = Float(sign: .plus, exponent: Int(exponent) - 127, significand: 1)
      for pair in 0..<16 {
        let byte = source.load(fromByteOffset: block * 16 + pair, as: UInt8.self)
        values[block * 32 + 2 * pair] = Self.fourBitValues[Int(byte & 15)] * scale
        values[block * 32 + 2 * pair + 1] = Self.fourBitValues[Int(byte >> 4)] * scale
      }
    }
  }

  /// The same on every processor.
  private static let dequantize = skein_kernels_named(nil)!.pointee.dequantize!
  private static let fourBitValues: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]
}
