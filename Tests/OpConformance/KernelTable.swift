import CKernels
import SkeinTensor
import Testing

/// The kernels of one instruction set that this processor can run.
struct KernelTable: CustomTestStringConvertible, Sendable {
  let name: String
  var kernels: skein_kernels { skein_kernels_named(name)!.pointee }
  var testDescription: String { name }

  static let reference = KernelTable(name: "reference")

  /// Every instruction set of this processor, the reference first.
  static var all: [KernelTable] {
    var index: Int32 = 0
    var tables: [KernelTable] = []
    while let name = skein_kernels_name(index) {
      tables.append(KernelTable(name: String(cString: name)))
      index += 1
    }
    return tables
  }

  /// The values of `rows` rows of blocks, by this instruction set.
  func dequantize(_ type: ElementType, _ weights: UnsafeRawPointer, rows: Int, columns: Int) -> [Float] {
    var values = [Float](repeating: 0, count: rows * columns)
    values.withUnsafeMutableBufferPointer { y in
      var args = skein_dequantize_args(
        x: weights, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
        columns: Int32(columns), y: y.baseAddress)
      kernels.dequantize(&args, 0, Int32(rows), nil)
    }
    return values
  }

  /// Quantized activations, in memory that ends at a guard page.
  func quantizeActivations(_ x: [Float], tokens: Int, columns: Int) -> GuardedBuffer {
    let source = GuardedBuffer(x)
    let result = GuardedBuffer(byteCount: tokens * skein_quantized_activation_bytes(Int32(columns)))
    var args = skein_quantize_activations_args(
      x: source.base.assumingMemoryBound(to: Float.self), columns: Int32(columns), y: result.base)
    kernels.quantize_activations(&args, 0, Int32(tokens), nil)
    return result
  }
}
