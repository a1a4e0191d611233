import CKernels
import Testing

/// rms_norm, gated_activation, sigmoid_gate, add and select_rows: each instruction set against plain double arithmetic.
@Suite struct ElementwiseTests {
  static let widths = [1, 2, 7, 8, 15, 16, 17, 31, 64, 65, 100, 127, 1024, 4099]

  @Test(arguments: instructionSets, widths)
  func rmsNorm(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let rows = 5
    let weight = random.floats(columns, in: 0.5...1.5)
    for (weighted, epsilon, passed) in [(true, Float(1e-5), 0), (false, 1e-6, 0), (true, 0, 0), (true, 0, 3)]
    {
      let stride = columns + passed
      let x = random.floats(rows * stride, in: -3...3)
      let input = GuardedBuffer(x)
      let weights = GuardedBuffer(weight)
      let y = GuardedBuffer<Float>(count: rows * stride, repeating: .nan)
      let arguments = skein_rms_norm_args(
        x: input.pointer, weight: weighted ? weights.pointer : nil, y: y.pointer, columns: Int32(columns),
        epsilon: epsilon, passed: Int32(passed))
      run(kernels(set).rms_norm, arguments, items: rows, piece: 2)
      var expected: [Double] = []
      for row in 0..<rows {
        let values = x[row * stride..<(row + 1) * stride].map(Double.init)
        let mean = values.prefix(columns).reduce(0) { $0 + $1 * $1 } / Double(columns)
        let scale = 1 / (mean + Double(epsilon)).squareRoot()
        expected += zip(values, weight).map { $0 * scale * (weighted ? Double($1) : 1) }
        expected += values.suffix(passed)
      }
      #expect(maximumRelativeError(y.array, expected, elementwise: true) < 5e-7)
      // In place.
      var inPlace = arguments
      inPlace.y = input.pointer
      run(kernels(set).rms_norm, inPlace, items: rows)
      #expect(sameBits(input.array, y.array))
    }
  }

  @Test(arguments: instructionSets, widths)
  func sigmoidGate(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let gates: [Float] = [0, 1, -3, 90, -90, 200, -200]
    let x = random.floats(gates.count * columns)
    let input = GuardedBuffer(x)
    let gate = GuardedBuffer(gates)
    let arguments = skein_sigmoid_gate_args(
      x: input.pointer, gate: gate.pointer, y: input.pointer, columns: Int32(columns))
    run(kernels(set).sigmoid_gate, arguments, items: gates.count, piece: 2)
    let expected = x.enumerated().map { Double($1) / (1 + exponential(-Double(gates[$0 / columns]))) }
    #expect(maximumRelativeError(input.array, expected) < 5e-7)
  }

  @Test(arguments: instructionSets, widths)
  func add(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let a = random.floats(3 * columns)
    let b = random.floats(3 * columns)
    let left = GuardedBuffer(a)
    let right = GuardedBuffer(b)
    let arguments = skein_add_args(
      a: left.pointer, b: right.pointer, y: left.pointer, columns: Int32(columns))
    run(kernels(set).add, arguments, items: 3, piece: 1)
    #expect(sameBits(left.array, zip(a, b).map { $0 + $1 }))
  }

  @Test(arguments: instructionSets, widths)
  func selectRows(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let x = random.floats(4 * columns)
    let rows: [Int32] = [3, 0, 3, 2, 1, 3]
    let input = GuardedBuffer(x)
    let indices = GuardedBuffer(rows)
    let y = GuardedBuffer<Float>(count: rows.count * columns, repeating: .nan)
    let arguments = skein_select_rows_args(
      x: input.pointer, rows: indices.pointer, y: y.pointer, columns: Int32(columns))
    run(kernels(set).select_rows, arguments, items: rows.count, piece: 4)
    #expect(sameBits(y.array, rows.flatMap { x[Int($0) * columns..<(Int($0) + 1) * columns] }))
  }

  @Test(arguments: instructionSets, widths)
  func gatedActivation(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let gate = random.floats(3 * columns, in: -20...20)
    let up = random.floats(3 * columns)
    let y = gated(set, gate: gate, up: up, rows: 3)
    let expected = zip(gate, up).map { silu(Double($0)) * Double($1) }
    #expect(maximumRelativeError(y, expected, elementwise: true) < 5e-7)
  }

  /// The whole range in which exp is a normal number: this is also the check of the vector exp.
  @Test(arguments: instructionSets)
  func gatedActivationOverTheWholeRange(set: String) {
    let gate = (0...200_000).map { -87 + Float($0) * (174 / 200_000) }
    let y = gated(set, gate: gate, up: gate.map { _ in 1 }, rows: 1)
    #expect(maximumRelativeError(y, gate.map { silu(Double($0)) }, elementwise: true) < 3.5e-7)
  }

  @Test(arguments: instructionSets)
  func gatedActivationAtTheLimits(set: String) {
    let gate: [Float] = [
      -.infinity, -1e30, -1e4, -104, -0.0, 0, 0x1p-133, 89, 1e4, .greatestFiniteMagnitude, .infinity,
    ]
    let y = gated(set, gate: gate, up: gate.map { _ in 1 }, rows: 1)
    for (value, x) in zip(y, gate) {
      let limit = x > 0 ? (x < 1 ? x / 2 : x) : 0
      #expect(value == limit || abs(value - limit) < 0x1p-133, "silu(\(x)) is \(value)")
    }
    #expect(gated(set, gate: [.nan], up: [1], rows: 1)[0].isNaN)
  }

  private func silu(_ x: Double) -> Double { x / (1 + exponential(-x)) }

  private func gated(_ set: String, gate: [Float], up: [Float], rows: Int) -> [Float] {
    let gates = GuardedBuffer(gate)
    let ups = GuardedBuffer(up)
    let arguments = skein_gated_activation_args(
      gate: gates.pointer, up: ups.pointer, y: ups.pointer, columns: Int32(gate.count / rows))
    run(kernels(set).gated_activation, arguments, items: rows, piece: 2)
    return ups.array
  }
}
