import CKernels

/// Inputs of products: float32, and the form of them that products with a matrix take.
final class Inputs {
  let floats: Memory
  /// Bytes of an input in that form.
  let rowBytes: Int
  private let form: Int32
  private let rows: Int
  private let columns: Int
  private let rounded: Memory?

  /// - Parameter form: `SKEIN_INPUT_...`
  init(_ floats: Memory, rows: Int, columns: Int, form: Int32) {
    self.floats = floats
    self.form = form
    self.rows = rows
    self.columns = columns
    rowBytes = skein_input_row_bytes(form, Int32(columns))
    rounded = form == Int32(SKEIN_INPUT_FLOAT32) ? nil : Memory(byteCount: rows * rowBytes)
    round()
  }

  /// The inputs as products take them.
  var address: UnsafeRawPointer { UnsafeRawPointer((rounded ?? floats).address) }

  /// Brings the floats into that form.
  func round() {
    guard let rounded else { return }
    let x = UnsafePointer(floats.floats)
    if form == Int32(SKEIN_INPUT_INT8) {
      var arguments = skein_quantize_activations_args(x: x, columns: Int32(columns), y: rounded.address)
      kernels.quantize_activations(&arguments, 0, Int32(rows), nil)
    } else {
      var arguments = skein_round_activations_args(x: x, columns: Int32(columns), y: rounded.address)
      kernels.round_activations(&arguments, 0, Int32(rows), nil)
    }
  }
}
