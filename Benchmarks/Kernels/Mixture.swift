import CKernels

extension Case {
  /// A mixture's three kernels with the rounding between them: 64 experts of 512, of which a token takes 8. No cache
  /// holds the weights of all.
  static func experts(_ format: Format, tokens: Int) -> Case {
    let mixture = Mixture(format, tokens: tokens)
    let matrix = Double(Mixture.width * Mixture.inner)
    return Case(
      operations: 2 * 3 * matrix * Double(tokens * Mixture.chosen),
      bytes: Double(mixture.takenCount) * 3 * matrix / Double(format.blockElements)
        * Double(format.blockBytes), peak: format.peak
    ) { _ in mixture.run() }
  }
}

/// A mixture of experts with its memory.
private final class Mixture {
  static let (width, inner, count, chosen) = (2048, 512, 64, 8)
  private let format: Format
  private let slots: Int
  private let up: Matrices
  private let down: Matrices
  private let input: Activations
  private let memory: [Memory]
  private var arguments = skein_experts_args()
  private let quantizedInner: Memory
  private let workspace: Memory

  /// Experts that some token takes.
  var takenCount: Int { Int(arguments.groups.count) }

  init(_ format: Format, tokens: Int) {
    let (width, inner, count, chosen) = (Self.width, Self.inner, Self.count, Self.chosen)
    self.format = format
    slots = tokens * chosen
    up = Matrices(format, rows: count * inner, columns: width, count: 2)
    down = Matrices(format, rows: count * width, columns: inner, count: 1)
    input = Activations(tokens: tokens, columns: width)
    quantizedInner = Memory(byteCount: slots * skein_quantized_activation_bytes(Int32(inner)))
    // Every token chooses other experts than the one before, all as often.
    let choice = Memory(Float.self, count: tokens * 2 * chosen)
    for token in 0..<tokens {
      for index in 0..<chosen {
        choice.floats[token * 2 * chosen + index] = Float((token * 11 + index * 5) % count)
        choice.floats[token * 2 * chosen + chosen + index] = 0.125
      }
    }
    let (numbers, starts) = (Memory(Int32.self, count: count), Memory(Int32.self, count: count + 1))
    let (places, weights) = (Memory(Int32.self, count: slots), Memory(Float.self, count: slots))
    let gathered = Memory(Float.self, count: slots * width)
    let quantized = Memory(byteCount: slots * skein_quantized_activation_bytes(Int32(width)))
    let (values, output) = (
      Memory(Float.self, count: slots * inner), Memory(Float.self, count: tokens * width)
    )
    memory = [numbers, starts, places, weights, gathered, quantized, values, output]
    arguments.groups.experts = numbers.integers
    arguments.groups.starts = starts.integers
    arguments.groups.tokens = places.integers
    arguments.groups.weights = weights.floats
    skein_group_by_expert(
      choice.floats, Int32(tokens), Int32(chosen), Int32(count), nil, &arguments.groups)
    arguments.gate = Mixture.stack(up, 0, rows: inner)
    arguments.up = Mixture.stack(up, 1, rows: inner)
    arguments.down = Mixture.stack(down, 0, rows: width)
    workspace = Memory(
      byteCount: skein_experts_workspace_bytes(
        &arguments.gate, &arguments.up, &arguments.down, Int32(tokens)))
    arguments.tokens = Int32(tokens)
    arguments.x = UnsafePointer(input.floats.floats)
    arguments.quantized_x = input.quantized
    arguments.gathered = format.isInteger || tokens == 1 ? nil : gathered.floats
    arguments.quantized_gathered = format.isInteger && tokens > 1 ? quantized.address : nil
    arguments.inner = values.floats
    arguments.quantized_inner = format.isInteger ? UnsafeRawPointer(quantizedInner.address) : nil
    arguments.y = output.floats
  }

  /// One of the matrices as a stack of experts of so many rows.
  private static func stack(_ matrices: Matrices, _ index: Int, rows: Int) -> skein_expert_matrix {
    var matrix = skein_expert_matrix()
    matrix.weights = matrices[index]
    matrix.row_bytes = Int64(matrices.format.rowBytes(matrices.columns))
    matrix.type = matrices.format.type
    matrix.rows = Int32(rows)
    matrix.columns = Int32(matrices.columns)
    return matrix
  }

  func run() {
    if arguments.tokens > 1 { kernels.experts_gather(&arguments, 0, Int32(slots), workspace.address) }
    kernels.experts_up(&arguments, 0, arguments.groups.count * arguments.gate.rows, workspace.address)
    if format.isInteger {
      var rounding = skein_quantize_activations_args(
        x: UnsafePointer(arguments.inner), columns: Int32(Self.inner), y: quantizedInner.address)
      kernels.quantize_activations(&rounding, 0, Int32(slots), nil)
    }
    kernels.experts_down(&arguments, 0, arguments.down.rows, workspace.address)
  }
}
