import CKernels
import Testing

/// activation and gated_activation: each instruction set against the definitions in double.
@Suite struct ActivationTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    var name: String
    var activation: skein_activation
    /// Of a gate and what it gates.
    var value: @Sendable (Double, Double) -> Double
    var testDescription: String { name }
    var isGatedOnly: Bool { activation.kind == Int32(SKEIN_ACTIVATION_CLAMPED_SWISH) }

    init(
      _ name: String, _ kind: Int, alpha: Float = 0, limit: Float = 0,
      _ value: @escaping @Sendable (Double, Double) -> Double
    ) {
      self.name = name
      activation = skein_activation(kind: Int32(kind), alpha: alpha, limit: limit)
      self.value = value
    }
  }

  static let silu = Kind("silu", SKEIN_ACTIVATION_SILU) { $0 / (1 + exponential(-$0)) * $1 }
  static let kinds = [
    silu,
    Kind("gelu", SKEIN_ACTIVATION_GELU) { $0 / 2 * errorFunctionComplement(-$0 / 2.0.squareRoot()) * $1 },
    Kind("geluTanh", SKEIN_ACTIVATION_GELU_TANH) {
      // (1 + tanh(z)) / 2, without its cancellation below zero.
      let z = (2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)
      return $0 / (1 + exponential(-2 * z)) * $1
    },
    Kind("clampedSwish", SKEIN_ACTIVATION_CLAMPED_SWISH, alpha: 1.702, limit: 7) {
      let gate = min($0, 7)
      return gate / (1 + exponential(-Double(Float(1.702)) * gate)) * (min(max($1, -7), 7) + 1)
    },
  ]

  private func gated(_ set: String, _ kind: Kind, gate: [Float], up: [Float], rows: Int) -> [Float] {
    let gates = GuardedBuffer(gate)
    let ups = GuardedBuffer(up)
    let arguments = skein_gated_activation_args(
      gate: gates.pointer, up: ups.pointer, y: ups.pointer, columns: Int32(gate.count / rows),
      activation: kind.activation)
    run(kernels(set).gated_activation, arguments, items: rows, piece: 2)
    return ups.array
  }

  private func plain(_ set: String, _ kind: Kind, _ x: [Float], rows: Int = 1) -> [Float] {
    let values = GuardedBuffer(x)
    let arguments = skein_activation_args(
      x: values.pointer, y: values.pointer, columns: Int32(x.count / rows), activation: kind.activation)
    run(kernels(set).activation, arguments, items: rows, piece: 2)
    return values.array
  }

  @Test(arguments: instructionSets, kinds)
  func followsTheDefinition(set: String, kind: Kind) {
    for columns in ElementwiseTests.widths {
      var random = SeededGenerator(seed: UInt64(columns))
      let gate = random.floats(3 * columns, in: -20...20)
      let up = random.floats(3 * columns, in: -9...9)
      let y = gated(set, kind, gate: gate, up: up, rows: 3)
      #expect(maximumRelativeError(y, zip(gate, up).map { kind.value(Double($0), Double($1)) }) < 5e-7)
      if kind.isGatedOnly { continue }
      let single = plain(set, kind, gate, rows: 3)
      #expect(maximumRelativeError(single, gate.map { kind.value(Double($0), 1) }) < 5e-7)
    }
  }

  /// Relative to each value, as far as results are normal numbers: this is also the check of the vector exp. GELUs
  /// fall off as exp(-x^2 / 2), whose rounding grows with the exponent.
  @Test(arguments: instructionSets, kinds)
  func overTheWholeRange(set: String, kind: Kind) {
    let (first, bound): (Float, Double) =
      switch Int(kind.activation.kind) {
      case SKEIN_ACTIVATION_GELU: (-12.5, 6e-7)
      case SKEIN_ACTIVATION_GELU_TANH: (-9, 1.2e-5)
      case SKEIN_ACTIVATION_CLAMPED_SWISH: (-50, 6e-6)
      default: (-87, 3.5e-7)
      }
    let gate = (0...200_000).map { first + Float($0) * ((87 - first) / 200_000) }
    let y = gated(set, kind, gate: gate, up: gate.map { _ in 1 }, rows: 1)
    #expect(maximumRelativeError(y, gate.map { kind.value(Double($0), 1) }, elementwise: true) < bound)
  }

  @Test(arguments: instructionSets, kinds)
  func atTheLimits(set: String, kind: Kind) {
    let gate: [Float] = [
      -.infinity, -1e30, -1e4, -104, -0.0, 0, 0x1p-133, 89, 1e4, .greatestFiniteMagnitude, .infinity,
    ]
    let y = gated(set, kind, gate: gate, up: gate.map { _ in 1 }, rows: 1)
    for (value, x) in zip(y, gate) {
      let limit: Float =
        kind.isGatedOnly ? (x > 0 ? (x < 1 ? x : 14) : 0) : (x > 0 ? (x < 1 ? x / 2 : x) : 0)
      #expect(
        value == limit || abs(value - limit) < max(0x1p-132, limit * 1e-4), "\(kind.name)(\(x)) is \(value)")
    }
    #expect(gated(set, kind, gate: [.nan], up: [1], rows: 1)[0].isNaN)
    if !kind.isGatedOnly { #expect(plain(set, kind, [.nan])[0].isNaN) }
  }
}
