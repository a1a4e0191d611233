import CKernels
import Testing

@Suite struct RopeTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var heads: Int
    var width: Int
    var dimensions: Int
    var first = 0
    var testDescription: String { "\(heads) heads of \(width), \(dimensions) rotated from \(first)" }
  }

  static let shapes = [
    Shape(heads: 1, width: 2, dimensions: 2), Shape(heads: 3, width: 8, dimensions: 6),
    Shape(heads: 2, width: 24, dimensions: 24), Shape(heads: 4, width: 64, dimensions: 64),
    Shape(heads: 5, width: 80, dimensions: 20), Shape(heads: 2, width: 128, dimensions: 128),
    Shape(heads: 8, width: 48, dimensions: 16, first: 32),
    Shape(heads: 1, width: 97, dimensions: 32, first: 64),
    Shape(heads: 1, width: 81, dimensions: 66), Shape(heads: 2, width: 1100, dimensions: 1050),
  ]

  @Test(arguments: instructionSets, shapes)
  func rotates(set: String, shape: Shape) {
    for interleaved in [false, true] {
      let (heads, width, dimensions) = (shape.heads, shape.width, shape.dimensions)
      let pairs = dimensions / 2
      let positions: [Int32] = [0, 1, 2, 100, 4095, 131_071, 1_000_000]
      var random = SeededGenerator(seed: UInt64(width + dimensions))
      let x = random.floats(positions.count * heads * width)
      let frequencies = (0..<pairs).map { Float(power(10_000, -Double($0) / Double(pairs))) }
      let magnitude: Float = 1.25
      var expected = x.map(Double.init)
      for (token, position) in positions.enumerated() {
        for pair in 0..<pairs {
          let (sine, cosine) = sineAndCosine(Double(Float(position) * frequencies[pair]))
          for head in 0..<heads {
            let start = (token * heads + head) * width + shape.first
            let first = start + (interleaved ? 2 * pair : pair)
            let second = start + (interleaved ? 2 * pair + 1 : pair + pairs)
            let (a, b) = (Double(x[first]), Double(x[second]))
            expected[first] = Double(magnitude) * (a * cosine - b * sine)
            expected[second] = Double(magnitude) * (b * cosine + a * sine)
          }
        }
      }
      let input = GuardedBuffer(x)
      let y = GuardedBuffer<Float>(count: x.count, repeating: .nan)
      let where_ = GuardedBuffer(positions)
      let table = GuardedBuffer(frequencies)
      var arguments = skein_rope_args(
        x: input.pointer, y: y.pointer, positions: where_.pointer, frequencies: table.pointer,
        heads: Int32(heads), head_width: Int32(width), dimensions: Int32(dimensions),
        first: Int32(shape.first), interleaved: interleaved, magnitude: magnitude)
      run(kernels(set).rope, arguments, items: positions.count, piece: 3)
      #expect(maximumRelativeError(y.array, expected) < 2e-7)
      arguments.y = input.pointer
      run(kernels(set).rope, arguments, items: positions.count)
      #expect(sameBits(input.array, y.array), "in place")
    }
  }

  /// A head of (1, 0) turns into (cos, sin): their own error, at angles of every size.
  @Test(arguments: instructionSets)
  func sineAndCosineAreAccurate(set: String) {
    let positions = (0..<4000).map { Int32($0 * $0 / 16 + $0) } + [16_777_216, 2_147_483_520]
    let x = GuardedBuffer(positions.flatMap { _ in [Float(1), 0] })
    let frequency = GuardedBuffer<Float>(count: 1, repeating: 0.987_654_3)
    let where_ = GuardedBuffer(positions)
    let arguments = skein_rope_args(
      x: x.pointer, y: x.pointer, positions: where_.pointer, frequencies: frequency.pointer, heads: 1,
      head_width: 2, dimensions: 2, first: 0, interleaved: true, magnitude: 1)
    run(kernels(set).rope, arguments, items: positions.count)
    let expected = positions.flatMap { position in
      let (sine, cosine) = sineAndCosine(Double(Float(position) * frequency[0]))
      return [cosine, sine]
    }
    #expect(maximumRelativeError(x.array, expected, elementwise: true) < 1e-7)
  }
}
