import CKernels

extension Case {
  /// A mixture's three kernels with the rounding between them: 64 experts of 512, of which a token takes 8. Experts
  /// take turns: no cache holds the weights of all.
  static func experts(_ format: Format, tokens: Int) -> Case {
    let mixture = Mixture(format, tokens: tokens)
    let matrix = Double(Mixture.width * Mixture.inner)
    return Case(
      operations: 2 * 3 * matrix * Double(tokens * Mixture.chosen), bytes: Double(mixture.byteCountTaken),
      peak: format.peak
    ) { turn in mixture.run(turn) }
  }
}

/// A mixture of experts with its memory.
private final class Mixture {
  static let (width, inner, count, chosen) = (2048, 512, 64, 8)
  private let slots: Int
  /// Those of gate, then those of up.
  private let up: Matrices
  private let down: Matrices
  private let input: Inputs
  /// The input of every slot.
  private let gathered: Memory
  private let inner: Inputs
  /// One a turn, until all experts had theirs.
  private let choices: [Choice]
  private let output: Memory
  private let arguments: skein_experts_args
  private let workspace: Memory

  /// Bytes of the experts that some token takes.
  var byteCountTaken: Int { Int(choices[0].groups.count) * (2 * up.byteCountEach + down.byteCountEach) }

  init(_ format: Format, tokens: Int) {
    let (width, inner, count, chosen) = (Self.width, Self.inner, Self.count, Self.chosen)
    let form = format.inputForm(tokens: tokens)
    slots = tokens * chosen
    up = Matrices(format, rows: inner, columns: width, count: 2 * count)
    down = Matrices(format, rows: width, columns: inner, count: count)
    input = Inputs(.random(count: tokens * width), rows: tokens, columns: width, form: form)
    gathered = Memory(byteCount: tokens > 1 ? slots * input.rowBytes : 0)
    self.inner = Inputs(
      Memory(Float.self, count: slots * inner), rows: slots, columns: inner, form: form)
    choices = (0..<count / chosen).map { turn in
      Choice(tokens: tokens, chosen: chosen, of: count, from: turn * chosen)
    }
    output = Memory(Float.self, count: tokens * width)
    var arguments = skein_experts_args()
    arguments.gate = Mixture.stack(up, from: 0)
    arguments.up = Mixture.stack(up, from: count)
    arguments.down = Mixture.stack(down, from: 0)
    workspace = Memory(
      byteCount: skein_experts_workspace_bytes(
        &arguments.gate, &arguments.up, &arguments.down, Int32(tokens)))
    arguments.tokens = Int32(tokens)
    arguments.gate_x = tokens > 1 ? UnsafeRawPointer(gathered.address) : input.address
    arguments.up_x = arguments.gate_x
    arguments.inner = self.inner.floats.floats
    arguments.down_x = self.inner.address
    arguments.y = output.floats
    self.arguments = arguments
  }

  /// Matrices from one on as a stack, one an expert.
  private static func stack(_ matrices: Matrices, from first: Int) -> skein_expert_matrix {
    var matrix = skein_expert_matrix()
    matrix.weights = matrices[first]
    matrix.row_bytes = Int64(matrices.format.rowBytes(matrices.columns))
    matrix.type = matrices.format.type
    matrix.layout = matrices.format.layout
    matrix.rows = Int32(matrices.rows)
    matrix.columns = Int32(matrices.columns)
    return matrix
  }

  func run(_ turn: Int) {
    var arguments = arguments
    arguments.groups = choices[turn % choices.count].groups
    if arguments.tokens > 1 {
      var gather = skein_experts_gather_args(
        x: input.address, row_bytes: input.rowBytes, tokens: arguments.groups.tokens, y: gathered.address)
      kernels.experts_gather(&gather, 0, Int32(slots), workspace.address)
    }
    kernels.experts_up(&arguments, 0, arguments.groups.count * arguments.gate.rows, workspace.address)
    inner.round()
    kernels.experts_down(&arguments, 0, arguments.down.rows, workspace.address)
  }
}

/// The experts that tokens choose: every token other ones than the one before, all as often.
private final class Choice {
  let groups: skein_expert_groups
  private let memory: [Memory]

  /// - Parameter first: the first expert of the first token. One token has no expert in common with the choices from
  ///   8, 16, 24, ... experts on.
  init(tokens: Int, chosen: Int, of count: Int, from first: Int) {
    let choice = Memory(Float.self, count: tokens * 2 * chosen)
    for token in 0..<tokens {
      for index in 0..<chosen {
        choice.floats[token * 2 * chosen + index] = Float((first + token * 11 + index * 5) % count)
        choice.floats[token * 2 * chosen + chosen + index] = 1 / Float(chosen)
      }
    }
    let (numbers, starts) = (Memory(Int32.self, count: count), Memory(Int32.self, count: count + 1))
    let (places, weights) = (
      Memory(Int32.self, count: tokens * chosen), Memory(Float.self, count: tokens * chosen)
    )
    memory = [numbers, starts, places, weights]
    var groups = skein_expert_groups()
    groups.experts = numbers.integers
    groups.starts = starts.integers
    groups.tokens = places.integers
    groups.weights = weights.floats
    skein_group_by_expert(choice.floats, Int32(tokens), Int32(chosen), Int32(count), nil, &groups)
    self.groups = groups
  }
}
