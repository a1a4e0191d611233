import CKernels
import SkeinTensor
import Testing

/// A product with float weights; everything that kernels read ends at a guard page.
private struct FloatCase {
  let type: ElementType
  let layout: WeightLayout
  let rows: Int
  let columns: Int
  let tokens: Int
  let x: [Float]
  let bias: GuardedBuffer<Float>
  let weights: GuardedBuffer<UInt8>

  var stride: Int { rows + 3 }
  static let untouched: Float = -12345

  init(_ type: ElementType, _ layout: WeightLayout, rows: Int, columns: Int, tokens: Int) {
    (self.type, self.layout, self.rows, self.columns, self.tokens) = (type, layout, rows, columns, tokens)
    var generator = SeededGenerator(seed: UInt64(rows * 7 + columns * 3 + tokens))
    x = generator.floats(tokens * columns)
    bias = GuardedBuffer(generator.floats(rows))
    weights = GuardedBuffer(sampleWeights(type, rows: rows, columns: columns, seed: UInt64(rows)))
  }

  /// y with rows of `stride`.
  ///
  /// - Parameters:
  ///   - ranges: of rows, one after the other; nil for all at once.
  ///   - tokensAtATime: of a batch that is still all tokens.
  func product(_ table: KernelTable, ranges: [Range<Int>]? = nil, tokensAtATime: Int? = nil) -> [Float] {
    let stack = layout == .rows ? weights : table.pack(type, weights.raw, rows: rows, columns: columns)
    let input = table.input(
      x, tokens: tokens, columns: columns, type: type, layout: layout, batchTokens: tokens)
    defer { withExtendedLifetime((stack, input)) {} }
    let bytes = skein_linear_workspace_bytes(type.rawValue, Int32(columns), Int32(tokens))
    let workspace = GuardedBuffer<UInt8>(count: bytes, repeating: 0xFF)
    let y = GuardedBuffer<Float>(count: tokens * stride, repeating: Self.untouched)
    for first in Swift.stride(from: 0, to: tokens, by: tokensAtATime ?? tokens) {
      var args = skein_linear_args(
        weights: stack.raw, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
        layout: layout.rawValue, rows: Int32(rows), columns: Int32(columns),
        tokens: Int32(min(tokensAtATime ?? tokens, tokens - first)), x: input.raw + first * input.rowBytes,
        bias: UnsafePointer(bias.pointer), y: y.pointer + first * stride, y_stride: Int64(stride),
        batch_tokens: Int32(tokens))
      for range in ranges ?? [0..<rows] {
        table.kernels.linear(&args, Int32(range.lowerBound), Int32(range.upperBound), workspace.raw)
      }
    }
    return y.array
  }

  /// The product in double, and the sum of the magnitudes of what it adds up; as `product` lays them out.
  func exact() -> [(value: Double, magnitude: Double)?] {
    let w = KernelTable.reference.dequantize(type, weights.raw, rows: rows, columns: columns).map(Double.init)
    let x = x.map(Double.init)
    return (0..<tokens).flatMap { token in
      (0..<stride).map { row in
        guard row < rows else { return nil }
        var (value, magnitude) = (Double(bias[row]), Double(abs(bias[row])))
        for column in 0..<columns {
          let product = w[row * columns + column] * x[token * columns + column]
          value += product
          magnitude += abs(product)
        }
        return (value, magnitude)
      }
    }
  }
}

@Suite struct LinearFloatTests {
  static let rowCounts = [1, 15, 16, 17, 33, 100]
  static let columnCounts = [1, 2, 3, 31, 33, 255, 256, 257, 600]
  static let tokenCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 64, 65]

  /// Float32 sums are off by at most 2^-24 of the magnitudes for every addition; inputs that were rounded to BF16 by
  /// 2^-8 of each product besides (7 bits behind the leading one). The reference adds up in double.
  @Test(arguments: [ElementType.f32, .f16, .bf16], KernelTable.all)
  func closeToTheExactProduct(type: ElementType, table: KernelTable) {
    for layout in WeightLayout.allCases {
      for (index, rows) in Self.rowCounts.enumerated() {
        for columns in Self.columnCounts {
          // Every number of tokens with every number of columns, and with half of the numbers of rows.
          for tokens in Self.tokenCounts where (tokens + columns + index) % 2 == 0 {
            let sample = FloatCase(type, layout, rows: rows, columns: columns, tokens: tokens)
            let form = table.kernels.linear_input(type.rawValue, layout.rawValue, Int32(tokens))
            let relative = 0x1p-24 * Double(columns + 2) + (form == Int32(SKEIN_INPUT_BF16) ? 0x1p-8 : 0)
            let wrong = zip(sample.product(table), sample.exact()).contains { got, expected in
              guard let expected else { return got != FloatCase.untouched }
              return !(abs(Double(got) - expected.value) <= relative * expected.magnitude)
            }
            if wrong {
              Issue.record("\(layout), \(rows) rows, \(columns) columns, \(tokens) tokens")
              return
            }
          }
        }
      }
    }
  }

  /// Neither threads that share rows nor passes that share a batch change a bit. Packed rows are split at panels.
  @Test(arguments: [ElementType.f32, .f16, .bf16], KernelTable.all)
  func splitsGiveTheSameBits(type: ElementType, table: KernelTable) {
    for layout in WeightLayout.allCases {
      for tokens in [1, 3, 8, 9, 30] {
        let sample = FloatCase(type, layout, rows: 71, columns: 300, tokens: tokens)
        let whole = sample.product(table).map(\.bitPattern)
        for ranges in [[0..<16, 16..<71], [64..<71, 0..<32, 32..<64]] {
          #expect(sample.product(table, ranges: ranges).map(\.bitPattern) == whole)
        }
        for tokensAtATime in [1, 5, 13] {
          #expect(sample.product(table, tokensAtATime: tokensAtATime).map(\.bitPattern) == whole)
        }
      }
    }
  }

  /// Packing moves values and changes none.
  @Test(arguments: [ElementType.f32, .f16, .bf16], KernelTable.all)
  func packedValuesAreTheRows(type: ElementType, table: KernelTable) {
    for rows in Self.rowCounts {
      for columns in Self.columnCounts {
        let sample = FloatCase(type, .packed, rows: rows, columns: columns, tokens: 1)
        let packed = table.pack(type, sample.weights.raw, rows: rows, columns: columns)
        let expected = table.dequantize(type, sample.weights.raw, rows: rows, columns: columns)
        // A product with a column of the identity gives the column.
        for column in Set([0, columns / 2, columns - 1]) {
          var identity = [Float](repeating: 0, count: columns)
          identity[column] = 1
          let y = GuardedBuffer<Float>(count: rows, repeating: .nan)
          let input = GuardedBuffer(identity)
          defer { withExtendedLifetime((input, packed)) {} }
          var args = skein_linear_args()
          args.weights = UnsafeRawPointer(packed.raw)
          args.type = type.rawValue
          args.layout = WeightLayout.packed.rawValue
          (args.rows, args.columns, args.tokens) = (Int32(rows), Int32(columns), 1)
          (args.x, args.y, args.y_stride) = (UnsafeRawPointer(input.raw), y.pointer, Int64(rows))
          run(
            KernelTable.reference.kernels.linear, args, items: rows,
            workspaceBytes: skein_linear_workspace_bytes(type.rawValue, Int32(columns), 1))
          #expect(y.array == (0..<rows).map { expected[$0 * columns + column] }, "\(rows) x \(columns)")
        }
      }
    }
  }

  /// To nearest, ties to even, carries into the exponent; infinities and NaN stay what they are. Zeros follow a row.
  @Test(arguments: KernelTable.all)
  func inputsAreRoundedToNearest(table: KernelTable) {
    let bits: [(UInt32, UInt16)] = [
      (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81),
      (0x3F80_7FFF, 0x3F80), (0x3FFF_FFFF, 0x4000), (0x7F7F_FFFF, 0x7F80), (0x7F80_0000, 0x7F80),
      (0xFF80_0000, 0xFF80), (0x7F80_0001, 0x7FC0), (0xFFFF_FFFF, 0xFFFF), (0x8000_0000, 0x8000),
      (0x0000_8001, 0x0001), (0xBF80_C000, 0xBF81),
    ]
    let rowBytes = skein_input_row_bytes(Int32(SKEIN_INPUT_BF16), Int32(bits.count))
    #expect(rowBytes % 64 == 0)
    let x = GuardedBuffer((0..<3).flatMap { _ in bits.map { Float(bitPattern: $0.0) } })
    let y = GuardedBuffer<UInt16>(count: 3 * rowBytes / 2, repeating: 0xFFFF)
    defer { withExtendedLifetime(x) {} }
    let args = skein_round_activations_args(x: x.pointer, columns: Int32(bits.count), y: y.raw)
    run(table.kernels.round_activations, args, items: 3, piece: 2)
    let row = bits.map(\.1) + [UInt16](repeating: 0, count: rowBytes / 2 - bits.count)
    #expect(y.array == row + row + row)
  }
}
