import CKernels

/// The form in which a matrix product takes its input: `SKEIN_INPUT_...`.
struct InputForm: RawRepresentable, Hashable {
  let rawValue: Int32

  static let float32 = InputForm(rawValue: Int32(SKEIN_INPUT_FLOAT32))
  static let int8 = InputForm(rawValue: Int32(SKEIN_INPUT_INT8))
  static let bf16 = InputForm(rawValue: Int32(SKEIN_INPUT_BF16))

  /// Bytes of one token's input.
  func rowBytes(columns: Int32) -> Int { skein_input_row_bytes(rawValue, columns) }

  /// Those that products with weights of a type may ask for, on any instruction set and in any layout.
  static func all(type: Int32) -> [InputForm] {
    if skein_linear_takes_quantized(type) { return [.int8] }
    return type == Int32(SKEIN_BF16) ? [.float32, .bf16] : [.float32]
  }
}

extension CPUQueue {
  /// The form in which products with a matrix take the inputs of `tokens` tokens.
  func inputForm(type: Int32, layout: Int32, tokens: Int) -> InputForm {
    InputForm(rawValue: kernels.pointee.linear_input(type, layout, Int32(tokens)))
  }

  /// A node's first input in a form: itself, or rounded, at the front of the workspace. Query, key and value (gate and
  /// up, router and experts) take the same input: it is rounded for the first of them.
  func input(
    _ x: UnsafePointer<Float>, as form: InputForm, columns: Int32, rows: Int, _ step: CPUStep,
    _ pass: PassShape
  ) -> UnsafeRawPointer {
    // A node with another input may put its threads' scratch where the rounded rows are.
    if rounded?.node != step.firstInput || rounded?.pass != pass.serial { rounded = nil }
    if form == .float32 { return UnsafeRawPointer(x) }
    if rounded?.form != form {
      round(x, to: form, columns: columns, rows: rows, y: workspace)
      rounded = (pass.serial, step.firstInput!, form)
    }
    return UnsafeRawPointer(workspace)
  }

  /// Rows of activations in a form other than float32.
  func round(
    _ x: UnsafePointer<Float>, to form: InputForm, columns: Int32, rows: Int, y: UnsafeMutableRawPointer
  ) {
    let grain = team.grain(items: rows)
    if form == .int8 {
      var args = skein_quantize_activations_args(x: x, columns: columns, y: y)
      team.run(kernels.pointee.quantize_activations, &args, items: rows, grain: grain)
    } else {
      var args = skein_round_activations_args(x: x, columns: columns, y: y)
      team.run(kernels.pointee.round_activations, &args, items: rows, grain: grain)
    }
  }
}
