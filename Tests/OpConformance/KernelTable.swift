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

  /// Activations in the form that products with a matrix take, in memory that ends at a guard page.
  func input(
    _ x: [Float], tokens: Int, columns: Int, type: ElementType, layout: WeightLayout, batchTokens: Int
  ) -> KernelInput {
    let form = kernels.linear_input(type.rawValue, layout.rawValue, Int32(batchTokens))
    let rowBytes = skein_input_row_bytes(form, Int32(columns))
    switch form {
    case Int32(SKEIN_INPUT_INT8):
      let rows = KernelTable.reference.quantizeActivations(x, tokens: tokens, columns: columns)
      return KernelInput(bytes: rows, rowBytes: rowBytes)
    case Int32(SKEIN_INPUT_BF16):
      let source = GuardedBuffer(x)
      let rows = GuardedBuffer<UInt8>(count: tokens * rowBytes, repeating: 0xFF)
      var args = skein_round_activations_args(x: source.pointer, columns: Int32(columns), y: rows.raw)
      withExtendedLifetime(source) { kernels.round_activations(&args, 0, Int32(tokens), nil) }
      return KernelInput(bytes: rows, rowBytes: rowBytes)
    default:
      let rows = GuardedBuffer<UInt8>(count: tokens * rowBytes, repeating: 0)
      x.withUnsafeBytes { rows.raw.copyMemory(from: $0.baseAddress!, byteCount: tokens * rowBytes) }
      return KernelInput(bytes: rows, rowBytes: rowBytes)
    }
  }

  /// A matrix of rows, packed; not one byte more.
  func pack(_ type: ElementType, _ weights: UnsafeRawPointer, rows: Int, columns: Int) -> GuardedBuffer<UInt8>
  {
    let packed = GuardedBuffer<UInt8>(
      count: Int(skein_packed_bytes(type.rawValue, Int32(rows), Int32(columns))), repeating: 0xFF)
    var args = skein_pack_weights_args(
      rows: weights, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
      columns: Int32(columns), first_row: 0, packed: packed.raw)
    kernels.pack_weights(&args, 0, Int32(rows), nil)
    return packed
  }
}

/// How weights lie.
enum WeightLayout: Int32, CaseIterable {
  case rows = 0
  case packed = 1
}

/// Rows of activations in some form.
struct KernelInput {
  let bytes: GuardedBuffer<UInt8>
  let rowBytes: Int
  var raw: UnsafeMutableRawPointer { bytes.raw }
}
