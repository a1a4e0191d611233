import CKernels
import Testing

/// rms_norm, layer_norm, sigmoid_gate, soft_cap, add and select_rows: each instruction set against plain double arithmetic.
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

  /// Rows whose mean is far from zero, and, of one value, without any variance.
  @Test(arguments: instructionSets, widths)
  func layerNorm(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    let rows = 5
    let weight = random.floats(columns, in: 0.5...1.5)
    let bias = random.floats(columns)
    for (biased, epsilon, mean) in [(true, Float(1e-5), Float(0)), (false, 1e-12, 0), (true, 1e-5, 40)] {
      let x = random.floats(rows * columns, in: mean - 3...mean + 3)
      let input = GuardedBuffer(x)
      let weights = GuardedBuffer(weight)
      let biases = GuardedBuffer(bias)
      let y = GuardedBuffer<Float>(count: rows * columns, repeating: .nan)
      let arguments = skein_layer_norm_args(
        x: input.pointer, weight: weights.pointer, bias: biased ? UnsafePointer(biases.pointer) : nil,
        y: y.pointer, columns: Int32(columns), epsilon: epsilon)
      run(kernels(set).layer_norm, arguments, items: rows, piece: 2)
      var expected: [Double] = []
      for row in 0..<rows {
        let values = x[row * columns..<(row + 1) * columns].map(Double.init)
        let average = values.reduce(0, +) / Double(columns)
        let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(columns)
        let scale = 1 / (variance + Double(epsilon)).squareRoot()
        expected += values.enumerated().map {
          ($1 - average) * scale * Double(weight[$0]) + (biased ? Double(bias[$0]) : 0)
        }
      }
      // A value of 40 is known to 2e-6, and so are differences of a few.
      #expect(maximumRelativeError(y.array, expected) < (mean == 0 ? 5e-7 : 3e-6))
      var inPlace = arguments
      inPlace.y = input.pointer
      run(kernels(set).layer_norm, inPlace, items: rows)
      #expect(sameBits(input.array, y.array))
    }
  }

  @Test(arguments: instructionSets, widths)
  func softCap(set: String, columns: Int) {
    var random = SeededGenerator(seed: UInt64(columns))
    for cap: Float in [0.5, 1.5, 30] {
      let x = random.floats(3 * columns, in: -60...60)
      let input = GuardedBuffer(x)
      let arguments = skein_soft_cap_args(
        x: input.pointer, y: input.pointer, columns: Int32(columns), cap: cap)
      run(kernels(set).soft_cap, arguments, items: 3, piece: 2)
      let expected = x.map { Double(cap) * hyperbolicTangent(Double($0) / Double(cap)) }
      #expect(maximumRelativeError(input.array, expected, elementwise: true) < 5e-7)
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
}
