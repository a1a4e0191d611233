import CKernels
import SkeinDevices
import SkeinFiles
import SkeinModels
import SkeinTensor

/// Turns weights from the format of a checkpoint into the one that devices are to be given, a few rows at a time.
final class WeightConversion {
  private let files: [MappedFile]
  private let values: UnsafeMutableBufferPointer<Float>
  private let results: UnsafeMutableRawBufferPointer
  private let faults: UnsafeMutableBufferPointer<UInt8>

  /// Elements that are converted at a time. More than any row has, or a row goes in one piece all the same.
  private static let chunkElements = 1 << 22
  private static let chunkRows = 1 << 14

  init(files: [MappedFile]) {
    self.files = files
    values = .allocate(capacity: Self.chunkElements)
    results = .allocate(byteCount: Self.chunkElements * 4, alignment: 64)
    faults = .allocate(capacity: Self.chunkRows)
  }

  deinit {
    values.deallocate()
    results.deallocate()
    faults.deallocate()
  }

  /// Hands over the converted weight, part by part, in order.
  ///
  /// - Throws: `SkeinError` where a value does not fit the format, or what `body` throws.
  func convert(
    _ weight: StoredWeight, parallel: any ParallelWork, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    guard weight.columnCount <= Self.chunkElements else {
      throw SkeinError(
        .invalidInput, "\(weight.runs[0].tensorName) has rows of \(weight.columnCount) elements")
    }
    let most = min(Self.chunkElements / max(weight.columnCount, 1), Self.chunkRows)
    var firstOfRun = 0
    for run in weight.runs {
      for first in stride(from: 0, to: run.count, by: most) {
        let rows = first..<min(first + most, run.count)
        try convert(rows, of: run, weight, parallel)
        let bytes = UnsafeRawBufferPointer(rebasing: results[..<(rows.count * weight.rowBytes)])
        try body(bytes, (firstOfRun + first) * weight.rowBytes)
        release(rows, of: run)
      }
      firstOfRun += run.count
    }
  }

  private func convert(
    _ rows: Range<Int>, of run: StoredRun, _ weight: StoredWeight, _ parallel: any ParallelWork
  ) throws {
    let chunk = Chunk(
      rows: rows, run: run, columnCount: weight.columnCount, addend: weight.addend, type: weight.type,
      rowBytes: weight.rowBytes,
      files: files, values: values.baseAddress!, results: results.baseAddress!, faults: faults.baseAddress!)
    let shares = (rows.count + Chunk.shareRows - 1) / Chunk.shareRows
    withUnsafePointer(to: chunk) { chunk in
      parallel.forEach(shares, chunk) { context, share in
        context.assumingMemoryBound(to: Chunk.self).pointee.convert(share: share)
      }
    }
    guard let row = faults[..<rows.count].firstIndex(where: { $0 != UInt8(SKEIN_QUANTIZED) }) else { return }
    let isFinite = faults[row] != UInt8(SKEIN_QUANTIZE_NOT_FINITE)
    throw SkeinError(
      .invalidInput,
      "\(files[run.part].path): tensor \"\(run.tensorName)\": row \(rows.lowerBound + row) "
        + (isFinite
          ? "has a value that \(weight.type.name) cannot hold; choose another format with --weights"
          : "has a value that is not a number; download the model again"))
  }

  /// Lets the system drop what was read.
  private func release(_ rows: Range<Int>, of run: StoredRun) {
    guard run.order == .rows else { return }
    files[run.part].release(
      run.rowOffset(rows.lowerBound)..<run.rowOffset(rows.upperBound - 1) + run.strideBytes)
  }
}

/// Rows on their way: read by several threads, each of which has its own rows.
private struct Chunk {
  /// Rows of one thread's share. Rows of stored columns are gathered from whole cache lines.
  static let shareRows = 16

  let rows: Range<Int>
  let run: StoredRun
  let columnCount: Int
  let addend: Float
  let type: ElementType
  let rowBytes: Int
  let files: [MappedFile]
  let values: UnsafeMutablePointer<Float>
  let results: UnsafeMutableRawPointer
  let faults: UnsafeMutablePointer<UInt8>

  /// Converts one thread's share of the rows.
  func convert(share: Int) {
    let first = share * Self.shareRows
    convert(first..<min(first + Self.shareRows, rows.count), firstOfRun: rows.lowerBound)
  }

  /// Converts these rows of the chunk, whose first row is row `firstOfRun` of the run.
  private func convert(_ rows: Range<Int>, firstOfRun: Int) {
    let source = StoredRows(run: run, columnCount: columnCount, files: files)
    let floats = values + rows.lowerBound * columnCount
    source.read(rows.lowerBound + firstOfRun..<rows.upperBound + firstOfRun, into: floats)
    if addend != 0 {
      for index in 0..<rows.count * columnCount { floats[index] += addend }
    }
    var arguments = skein_quantize_rows_args(
      x: floats, type: type.rawValue, columns: Int32(columnCount), y: results + rows.lowerBound * rowBytes,
      row_bytes: Int64(rowBytes), faults: faults + rows.lowerBound)
    skein_quantize_rows(&arguments, 0, Int32(rows.count), nil)
  }
}
