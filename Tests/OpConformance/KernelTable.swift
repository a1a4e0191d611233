import CKernels
import SkeinTensor
import Testing

/// The kernels of one instruction set that this processor can run.
struct KernelTable: CustomTestStringConvertible, Sendable {
  let name: String
  var kernels: skein_kernels { OpConformance.kernels(name) }
  var testDescription: String { name }

  static let reference = KernelTable(name: "reference")

  /// Every instruction set of this processor, the reference first.
  static let all = instructionSets.map { KernelTable(name: $0) }

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
  func quantizeActivations(_ x: [Float], tokens: Int, columns: Int) -> GuardedBuffer<UInt8> {
    let source = GuardedBuffer(x)
    let result = GuardedBuffer<UInt8>(
      count: tokens * skein_quantized_activation_bytes(Int32(columns)), repeating: 0xFF)
    var args = skein_quantize_activations_args(
      x: source.pointer, columns: Int32(columns), y: result.raw)
    kernels.quantize_activations(&args, 0, Int32(tokens), nil)
    return result
  }
}
