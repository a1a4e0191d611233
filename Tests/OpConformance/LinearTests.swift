import CKernels
import SkeinTensor
import Testing

/// A product with everything that the kernels read at the end of a mapping.
private struct LinearCase {
  let type: ElementType
  let rows: Int
  let columns: Int
  let tokens: Int
  let weights: GuardedBuffer<UInt8>
  let x: [Float]
  /// Float32 or quantized, as the format takes them.
  let activations: UnsafeRawPointer
  private let activationOwner: AnyObject
  let bias: [Float]?

  static let strideBeyondRows = 3
  static let untouched: Float = -12345

  init(
    _ type: ElementType, rows: Int, columns: Int, tokens: Int, bias: Bool = true,
    pattern: WeightPattern = .random,
    x: [Float]? = nil
  ) {
    self.type = type
    self.rows = rows
    self.columns = columns
    self.tokens = tokens
    var generator = SeededGenerator(seed: UInt64(rows * 7 + columns * 3 + tokens))
    let values = x ?? (0..<tokens * columns).map { _ in generator.normal() }
    self.x = values
    self.bias = bias ? (0..<rows).map { _ in generator.normal() } : nil
    weights = GuardedBuffer(
      sampleWeights(type, rows: rows, columns: columns, pattern: pattern, seed: UInt64(rows)))
    if skein_linear_takes_quantized(type.rawValue) {
      let buffer = KernelTable.reference.quantizeActivations(values, tokens: tokens, columns: columns)
      (activations, activationOwner) = (UnsafeRawPointer(buffer.raw), buffer)
    } else {
      let buffer = GuardedBuffer(values)
      (activations, activationOwner) = (UnsafeRawPointer(buffer.raw), buffer)
    }
  }

  /// y with rows of `rows + strideBeyondRows`, computed range by range.
  func product(_ table: KernelTable, ranges: [Range<Int>]? = nil) -> [Float] {
    let stride = rows + Self.strideBeyondRows
    var y = [Float](repeating: Self.untouched, count: tokens * stride)
    let workspaceBytes = skein_linear_workspace_bytes(type.rawValue, Int32(columns), Int32(tokens))
    // The patterns show a kernel that counts on a cleared workspace.
    let workspace = GuardedBuffer<UInt8>(count: workspaceBytes, repeating: 0xFF)
    let biasBuffer = bias.map { GuardedBuffer($0) }
    y.withUnsafeMutableBufferPointer { y in
      var args = skein_linear_args(
        weights: weights.raw, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
        layout: Int32(SKEIN_LAYOUT_ROWS), rows: Int32(rows), columns: Int32(columns), tokens: Int32(tokens),
        x: activations,
        bias: biasBuffer?.pointer, y: y.baseAddress, y_stride: Int64(stride),
        batch_tokens: 0)
      for range in ranges ?? [0..<rows] {
        table.kernels.linear(&args, Int32(range.lowerBound), Int32(range.upperBound), workspace.raw)
      }
    }
    return y
  }

  func isPadding(_ index: Int) -> Bool { index % (rows + Self.strideBeyondRows) >= rows }

  /// For each y the product in float64 of the dequantized weights and the float32 activations, and the
  /// magnitudes that errors are measured by.
  func exact() -> [(value: Double, absolute: Double, largest: Double, step: Double)] {
    let w = KernelTable.reference.dequantize(type, weights.raw, rows: rows, columns: columns)
    return (0..<tokens).flatMap { token in
      (0..<rows).map { row in
        var value = Double(bias?[row] ?? 0)
        var absolute = abs(value)
        var largest = 0.0
        var step = 0.0
        var sumX = 0.0
        for first in Swift.stride(from: 0, to: columns, by: 32) {
          var weightSum = 0.0
          var maximum = 0.0
          for column in first..<min(first + 32, columns) {
            let weight = Double(w[row * columns + column])
            let activation = Double(x[token * columns + column])
            value += weight * activation
            absolute += abs(weight * activation)
            largest = max(largest, abs(weight))
            sumX += abs(activation)
            weightSum += abs(weight)
            maximum = max(maximum, abs(activation))
          }
          // Each activation may be off by half a step of its group.
          step += weightSum * maximum / 127 / 2
        }
        return (value, absolute, largest * sumX, step)
      }
    }
  }
}

/// Awkward and ordinary shapes: columns are a number of blocks for quantized formats.
private let shapes: [(rows: Int, blocks: Int, tokens: Int)] = [
  (1, 1, 1), (5, 3, 2), (33, 2, 3), (7, 9, 4), (32, 8, 5), (45, 17, 7), (3, 1, 13), (70, 3, 64), (31, 11, 33),
]
private let floatColumns = [1, 5, 15, 16, 63, 144, 129, 600, 257]

private func columns(_ type: ElementType, _ index: Int) -> Int {
  guard type.isQuantized else { return floatColumns[index] }
  // Blocks of 256 take a third of the blocks of 32, to keep the work alike.
  let blocks = shapes[index].blocks
  return type.blockElementCount * (type.blockElementCount == 32 ? blocks : (blocks + 2) / 3)
}

@Suite struct LinearTests {
  /// Float32 accumulation: an error of 2^-24 of the sum of magnitudes for every addition in a row.
  /// Quantized activations add up to half a step of their group for each value, and nothing else: integer
  /// sums are exact; the offsets of symmetric formats cancel in float32, so there the largest weight counts.
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func closeToTheExactProduct(type: ElementType, table: KernelTable) {
    for (index, shape) in shapes.enumerated() {
      let sample = LinearCase(
        type, rows: shape.rows, columns: columns(type, index), tokens: shape.tokens, bias: index % 2 == 0)
      let y = sample.product(table)
      let exact = sample.exact()
      for (position, expected) in exact.enumerated() {
        let (token, row) = (position / sample.rows, position % sample.rows)
        let got = Double(y[token * (sample.rows + LinearCase.strideBeyondRows) + row])
        let bound =
          type.isQuantized
          ? expected.step * 1.0001 + 2e-6 * expected.largest + 1e-6 * expected.absolute
          : 0x1p-24 * Double(sample.columns + 16) * expected.absolute
        if !(abs(got - expected.value) <= bound) {
          Issue.record(
            "shape \(index) token \(token) row \(row): \(got), expected \(expected.value) +- \(bound)")
          return
        }
      }
      #expect(y.indices.allSatisfy { !sample.isPadding($0) || y[$0] == LinearCase.untouched })
    }
  }

  /// Given the same activations, only the order of float32 additions differs: 2e-6 of the product of the
  /// largest weight with all activations (seen: 1e-7).
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func closeToTheReference(type: ElementType, table: KernelTable) {
    for (index, shape) in shapes.enumerated() {
      let sample = LinearCase(type, rows: shape.rows, columns: columns(type, index), tokens: shape.tokens)
      expectClose(sample.product(table), sample.product(.reference), sample)
    }
  }

  /// The largest quants of either sign against the largest activations: narrow sums must not saturate.
  @Test(arguments: ElementType.allCases.filter(\.isQuantized), KernelTable.all)
  func extremeQuantsDoNotSaturate(type: ElementType, table: KernelTable) {
    for byte: UInt8 in [0x00, 0xFF, 0x80, 0x7F, 0x0F, 0xF0] {
      for tokens in [1, 6] {
        let columns = 512
        for pattern in [[1, 1], [-1, -1], [1, -1]] as [[Float]] {
          let x = (0..<tokens * columns).map { pattern[$0 % 2] }
          let sample = LinearCase(
            type, rows: 17, columns: columns, tokens: tokens, pattern: .repeating(byte), x: x)
          expectClose(sample.product(table), sample.product(.reference), sample)
        }
      }
    }
  }

  /// Threads take rows in any split: not a bit may change.
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func splitsGiveTheSameBits(type: ElementType, table: KernelTable) {
    for tokens in [1, 4, 9] {
      let columns = type.isQuantized ? type.blockElementCount * (type.blockElementCount == 32 ? 9 : 2) : 83
      let sample = LinearCase(type, rows: 71, columns: columns, tokens: tokens)
      let whole = sample.product(table).map(\.bitPattern)
      for ranges in [[0..<1, 1..<40, 40..<71], [64..<71, 0..<32, 32..<64], (0..<71).map { $0..<$0 + 1 }] {
        #expect(sample.product(table, ranges: ranges).map(\.bitPattern) == whole)
      }
    }
  }

  /// A token alone and the same token in a batch go different ways, and may differ by rounding only.
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func aTokenInABatchIsTheSame(type: ElementType, table: KernelTable) {
    let columns = type.isQuantized ? 512 : 500
    let batch = LinearCase(type, rows: 40, columns: columns, tokens: 9)
    let stride = batch.rows + LinearCase.strideBeyondRows
    let together = batch.product(table)
    for token in [0, 8] {
      let x = Array(batch.x[token * columns..<(token + 1) * columns])
      let alone = LinearCase(type, rows: 40, columns: columns, tokens: 1, bias: false, x: x)
      var expected = Array(together[token * stride..<(token + 1) * stride])
      for row in 0..<40 { expected[row] -= batch.bias![row] }
      expectClose(alone.product(table), expected, alone)
    }
  }

  private func expectClose(_ got: [Float], _ expected: [Float], _ sample: LinearCase) {
    let exact = sample.exact()
    let stride = sample.rows + LinearCase.strideBeyondRows
    for index in got.indices where !sample.isPadding(index) {
      let magnitudes = exact[index / stride * sample.rows + index % stride]
      let bound = 2e-6 * (magnitudes.largest + magnitudes.absolute)
      if !(abs(Double(got[index]) - Double(expected[index])) <= bound) {
        Issue.record("y[\(index)] is \(got[index]), expected \(expected[index]) +- \(bound)")
        return
      }
    }
  }
}
