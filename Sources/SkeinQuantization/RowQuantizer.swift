import CKernels
import SkeinDevices
import SkeinTensor
import Synchronization

/// Quantizes runs of rows on a team of threads: each thread asks for a row, makes its blocks, and takes the measure of
/// what they stand for. Scratch is two rows of float32 a thread.
struct RowQuantizer {
  /// Fills in the values of one row.
  typealias Read = @Sendable (_ row: Int, UnsafeMutableBufferPointer<Float>) throws -> Void

  /// A row that could not be quantized: the first one, whatever thread found it.
  struct Fault {
    var row: Int
    var reason: Reason

    enum Reason {
      case notFinite(column: Int, value: Float)
      case tooLarge(column: Int, value: Float)
      case unreadable(any Error)
    }
  }

  /// Sums of squares over rows: of the error, and of the values.
  struct SquareSums {
    var error = 0.0
    var values = 0.0
  }

  private let team: RowTeam

  init(cores: [Int], mostColumns: Int) throws(DeviceError) {
    team = try RowTeam(cores: cores, scratchBytes: 2 * mostColumns * MemoryLayout<Float>.stride)
  }

  /// Makes the blocks of rows `rows`, which go to `blocks` one after the other, and adds to `sums` in the order of
  /// the rows, so that sums are the same for any number of threads. The result is the first fault.
  func quantize(
    _ type: ElementType, rows: Range<Int>, columns: Int, into blocks: UnsafeMutableRawBufferPointer,
    adding sums: inout SquareSums, read: @escaping Read
  ) -> Fault? {
    let rowBytes = type.rowBytes(elementCount: columns)!
    precondition(blocks.count == rows.count * rowBytes, "memory of another size than the blocks")
    let results = UnsafeMutableBufferPointer<SquareSums>.allocate(capacity: rows.count)
    results.initialize(repeating: SquareSums())
    defer { results.deallocate() }
    let shared = Shared(blocks: blocks, results: results)
    let firstFault = FirstFault()
    team.run(rows: rows.count) { run, scratch in
      let floats = scratch.bindMemory(to: Float.self)
      let values = UnsafeMutableBufferPointer(rebasing: floats[..<columns])
      let decoded = UnsafeMutableBufferPointer(rebasing: floats[columns..<2 * columns])
      for index in run {
        let row = rows.lowerBound + index
        do {
          try read(row, values)
        } catch {
          firstFault.note(Fault(row: row, reason: .unreadable(error)))
          continue
        }
        let block = UnsafeMutableRawBufferPointer(
          rebasing: shared.blocks[index * rowBytes..<(index + 1) * rowBytes])
        if let reason = Self.quantizeRow(type, values, into: block) {
          firstFault.note(Fault(row: row, reason: reason))
        } else {
          shared.results[index] = Self.squareSums(type, block, values, decoded)
        }
      }
    }
    for result in results {
      sums.error += result.error
      sums.values += result.values
    }
    return firstFault.fault
  }

  private static func quantizeRow(
    _ type: ElementType, _ values: UnsafeMutableBufferPointer<Float>,
    into block: UnsafeMutableRawBufferPointer
  ) -> Fault.Reason? {
    var status: UInt8 = 0
    withUnsafeMutablePointer(to: &status) { status in
      var args = skein_quantize_rows_args(
        x: values.baseAddress, type: type.rawValue, columns: Int32(values.count), y: block.baseAddress,
        row_bytes: Int64(block.count), faults: status)
      skein_quantize_rows(&args, 0, 1, nil)
    }
    switch Int(status) {
    case SKEIN_QUANTIZED: return nil
    case SKEIN_QUANTIZE_NOT_FINITE:
      let column = values.firstIndex { !$0.isFinite } ?? 0
      return .notFinite(column: column, value: values[column])
    default:
      let column = values.indices.max { abs(values[$0]) < abs(values[$1]) } ?? 0
      return .tooLarge(column: column, value: values[column])
    }
  }

  /// Of a row: what its blocks stand for, compared with what it is.
  private static func squareSums(
    _ type: ElementType, _ block: UnsafeMutableRawBufferPointer, _ values: UnsafeMutableBufferPointer<Float>,
    _ decoded: UnsafeMutableBufferPointer<Float>
  ) -> SquareSums {
    var args = skein_dequantize_args(
      x: block.baseAddress, row_bytes: Int64(block.count), type: type.rawValue, columns: Int32(values.count),
      y: decoded.baseAddress)
    skein_kernels_named(nil).pointee.dequantize(&args, 0, 1, nil)
    var sums = SquareSums()
    for (value, stored) in zip(values, decoded) {
      let difference = Double(value) - Double(stored)
      sums.error += difference * difference
      sums.values += Double(value) * Double(value)
    }
    return sums
  }

  /// What threads write to, each to the places of its own rows.
  private struct Shared: @unchecked Sendable {
    let blocks: UnsafeMutableRawBufferPointer
    let results: UnsafeMutableBufferPointer<SquareSums>
  }

  private final class FirstFault: Sendable {
    private let first = Mutex<UncheckedFault?>(nil)

    /// An error of any kind passes from the thread that found it to the caller, once.
    private struct UncheckedFault: @unchecked Sendable { var fault: Fault }

    var fault: Fault? { first.withLock { $0?.fault } }

    func note(_ fault: Fault) {
      let new = UncheckedFault(fault: fault)
      first.withLock { if new.fault.row < $0?.fault.row ?? .max { $0 = new } }
    }
  }
}
