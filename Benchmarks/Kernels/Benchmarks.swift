import Benchmark
import CKernels

// Each is measured on one thread, against what that thread can do at most. What comes from memory is too large for
// caches; what is computed many times over lies in them.
let benchmarks: @Sendable () -> Void = {
  for format in Format.all {
    for (rows, columns) in [(8192, 2048), (2048, 8192)] {
      for tokens in [1, 8, 256] {
        measure("linear \(format.name) \(rows)x\(columns), \(tokens) tokens", readsMemory: tokens <= 8) {
          .linear(format, rows: rows, columns: columns, tokens: tokens)
        }
      }
    }
  }
  for (name, type) in [("F16", SKEIN_F16), ("BF16", SKEIN_BF16), ("Q8_0", SKEIN_Q8_0)] {
    for context in [512, 8192] {
      measure("attention \(name), 1 token at \(context)", readsMemory: true) {
        .attention(type: type, context: context, tokens: 1)
      }
      measure("attention \(name), 256 tokens at \(context)", readsMemory: false) {
        .attention(type: type, context: context, tokens: 256)
      }
    }
  }
  for name in ["Q8_0", "Q4_K", "BF16"] {
    let format = Format.all.first { $0.name == name }!
    for tokens in [1, 8, 256] {
      measure("experts \(name), 8 of 64, \(tokens) tokens", readsMemory: tokens <= 8) {
        .experts(format, tokens: tokens)
      }
    }
  }
  for tokens in [1, 256] {
    measure("rms_norm 2048, \(tokens) tokens", readsMemory: true) { .rmsNorm(columns: 2048, tokens: tokens) }
    for (name, form) in [
      ("quantize_activations", SKEIN_INPUT_INT8), ("round_activations", SKEIN_INPUT_BF16),
    ] {
      measure("\(name) 2048, \(tokens) tokens", readsMemory: true) {
        .rounding(to: Int32(form), columns: 2048, tokens: tokens)
      }
    }
  }
}

extension Case {
  /// Its bytes are those that it reads and writes, which caches hold: it may be faster than memory.
  static func rmsNorm(columns: Int, tokens: Int) -> Case {
    let input = Memory.random(count: tokens * columns)
    let weight = Memory.random(count: columns)
    let output = Memory(Float.self, count: tokens * columns)
    var arguments = skein_rms_norm_args()
    arguments.x = UnsafePointer(input.floats)
    arguments.weight = UnsafePointer(weight.floats)
    arguments.y = output.floats
    arguments.columns = Int32(columns)
    arguments.epsilon = 1e-5
    return Case(
      operations: 4 * Double(tokens * columns), bytes: 8 * Double(tokens * columns), peak: \.float32
    ) { [arguments] _ in
      var arguments = arguments
      kernels.rms_norm(&arguments, 0, Int32(tokens), nil)
      withExtendedLifetime((input, weight, output)) {}
    }
  }

  /// Likewise.
  static func rounding(to form: Int32, columns: Int, tokens: Int) -> Case {
    let inputs = Inputs(.random(count: tokens * columns), rows: tokens, columns: columns, form: form)
    return Case(
      operations: 2 * Double(tokens * columns), bytes: Double(tokens * (4 * columns + inputs.rowBytes)),
      peak: \.float32
    ) { _ in inputs.round() }
  }
}
