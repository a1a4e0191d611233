import CKernels
import SkeinTensor
import Testing

/// A product with quantized weights, in rows or packed; everything that kernels read ends at a guard page.
private struct PackedCase {
  let type: ElementType
  let rows: Int
  let columns: Int
  let tokens: Int
  let x: [Float]
  let bias: GuardedBuffer<Float>
  let weights: GuardedBuffer<UInt8>

  var stride: Int { rows + 3 }
  static let untouched: Float = -12345

  init(
    _ type: ElementType, rows: Int, columns: Int, tokens: Int, pattern: WeightPattern = .random,
    x: [Float]? = nil
  ) {
    (self.type, self.rows, self.columns, self.tokens) = (type, rows, columns, tokens)
    var generator = SeededGenerator(seed: UInt64(rows * 7 + columns * 3 + tokens))
    self.x = x ?? generator.floats(tokens * columns)
    bias = GuardedBuffer(generator.floats(rows))
    weights = GuardedBuffer(
      sampleWeights(type, rows: rows, columns: columns, pattern: pattern, seed: UInt64(rows)))
  }

  /// y with rows of `stride`.
  ///
  /// - Parameters:
  ///   - ranges: of rows, one after the other; nil for all at once.
  ///   - tokensAtATime: of a batch that is still all tokens.
  func product(
    _ table: KernelTable, _ layout: WeightLayout, ranges: [Range<Int>]? = nil, tokensAtATime: Int? = nil
  ) -> [Float] {
    let matrix = layout == .rows ? weights : table.pack(type, weights.raw, rows: rows, columns: columns)
    let input = table.input(
      x, tokens: tokens, columns: columns, type: type, layout: layout, batchTokens: tokens)
    let bytes = skein_linear_workspace_bytes(type.rawValue, Int32(columns), Int32(tokens))
    let workspace = GuardedBuffer<UInt8>(count: bytes, repeating: 0xFF)
    let y = GuardedBuffer<Float>(count: tokens * stride, repeating: Self.untouched)
    for first in Swift.stride(from: 0, to: tokens, by: tokensAtATime ?? tokens) {
      var args = skein_linear_args(
        weights: matrix.raw, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
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

  /// For each y what an error is measured by: the largest weight of its row times all activations of its token.
  func magnitudes() -> [Double] {
    let w = KernelTable.reference.dequantize(type, weights.raw, rows: rows, columns: columns)
    let largest = (0..<rows).map { row in
      Double(w[row * columns..<(row + 1) * columns].map(abs).max()!)
    }
    return (0..<tokens).flatMap { token in
      let sum = x[token * columns..<(token + 1) * columns].reduce(0) { $0 + Double(abs($1)) }
      return (0..<stride).map { $0 < rows ? largest[$0] * sum + Double(abs(bias[$0])) : 0 }
    }
  }

  /// The first y that is off by more than 2e-6 of its magnitude from the reference on rows: only float32 additions and
  /// their order differ.
  func firstError(_ table: KernelTable) -> String? {
    let (got, expected, magnitudes) = (product(table, .packed), product(.reference, .rows), magnitudes())
    let index = got.indices.first {
      !(abs(Double(got[$0]) - Double(expected[$0])) <= 2e-6 * magnitudes[$0])
    }
    return index.map {
      "\(rows) rows, \(columns) columns, \(tokens) tokens: y[\($0)] is \(got[$0]), expected \(expected[$0])"
    }
  }
}

private let quantizedTypes = ElementType.allCases.filter(\.isQuantized)

@Suite struct LinearPackedTests {
  static let rowCounts = [1, 15, 16, 17, 31, 33, 100]
  static let tokenCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 64, 65]

  /// One block; 256 columns and a block less and more; three chunks and a tail.
  static func columnCounts(_ type: ElementType) -> [Int] {
    type.blockElementCount == 32 ? [32, 224, 256, 288, 800] : [256, 512, 1280]
  }

  @Test(arguments: quantizedTypes, KernelTable.all)
  func closeToTheReference(type: ElementType, table: KernelTable) {
    for (rowIndex, rows) in Self.rowCounts.enumerated() {
      for (columnIndex, columns) in Self.columnCounts(type).enumerated() {
        // Every number of tokens with every number of rows, and of columns.
        for (index, tokens) in Self.tokenCounts.enumerated() where (index + rowIndex + columnIndex) % 4 == 0 {
          if let error = PackedCase(type, rows: rows, columns: columns, tokens: tokens).firstError(table) {
            Issue.record("\(error)")
            return
          }
        }
      }
    }
  }

  /// The reference reads the same blocks from both.
  @Test(arguments: quantizedTypes)
  func theReferenceIsTheSameOnBoth(type: ElementType) {
    for columns in Self.columnCounts(type) {
      let sample = PackedCase(type, rows: 21, columns: columns, tokens: 2)
      #expect(sameBits(sample.product(.reference, .packed), sample.product(.reference, .rows)))
    }
  }

  /// The largest quants of either sign against the largest activations: narrow sums must not saturate.
  @Test(arguments: quantizedTypes, KernelTable.all)
  func extremeQuantsDoNotSaturate(type: ElementType, table: KernelTable) {
    for byte: UInt8 in [0x00, 0xFF, 0x80, 0x7F, 0x0F, 0xF0] {
      for tokens in [1, 9] {
        for pattern in [[1, 1], [-1, -1], [1, -1]] as [[Float]] {
          let x = (0..<tokens * 512).map { pattern[$0 % 2] }
          let sample = PackedCase(
            type, rows: 17, columns: 512, tokens: tokens, pattern: .repeating(byte), x: x)
          if let error = sample.firstError(table) { Issue.record("\(byte): \(error)") }
        }
      }
    }
  }

  /// Neither threads that share rows, split at panels, nor passes that share a batch change a bit.
  @Test(arguments: quantizedTypes, KernelTable.all)
  func splitsGiveTheSameBits(type: ElementType, table: KernelTable) {
    for tokens in [1, 3, 8, 9, 30] {
      let sample = PackedCase(type, rows: 71, columns: 768, tokens: tokens)
      let whole = sample.product(table, .packed)
      for ranges in [[0..<16, 16..<71], [64..<71, 0..<32, 32..<64]] {
        #expect(sameBits(sample.product(table, .packed, ranges: ranges), whole))
      }
      for tokensAtATime in [1, 5, 13] {
        #expect(sameBits(sample.product(table, .packed, tokensAtATime: tokensAtATime), whole))
      }
    }
  }

  /// Many rows and tokens go in blocks: what a thread has in one call changes no bit.
  @Test(arguments: [ElementType.q8_0, .q6_K], KernelTable.all)
  func blocksOfRowsGiveTheSameBits(type: ElementType, table: KernelTable) {
    let sample = PackedCase(type, rows: 176, columns: 2560, tokens: 110)
    let whole = sample.product(table, .packed)
    #expect(sameBits(sample.product(table, .packed, ranges: [0..<48, 48..<64, 64..<176]), whole))
  }

  /// Every instruction set packs the same bytes, in any order of rows and any runs of them.
  @Test(arguments: quantizedTypes, KernelTable.all)
  func packingGivesTheSameBytes(type: ElementType, table: KernelTable) {
    let rows = 53
    for columns in Self.columnCounts(type) {
      let weights = GuardedBuffer(sampleWeights(type, rows: rows, columns: columns))
      let expected = KernelTable.reference.pack(type, weights.raw, rows: rows, columns: columns).array
      for runs in [[0..<53], [40..<53, 3..<40, 0..<3], (0..<53).reversed().map { $0..<$0 + 1 }] {
        let packed = GuardedBuffer<UInt8>(count: expected.count, repeating: 0xFF)
        for run in runs {
          // Each run as if its first row were the first that was read.
          let rowBytes = type.rowBytes(elementCount: columns)!
          var args = skein_pack_weights_args(
            rows: weights.raw + run.lowerBound * rowBytes, row_bytes: Int64(rowBytes), type: type.rawValue,
            columns: Int32(columns), first_row: Int32(run.lowerBound), packed: packed.raw)
          table.kernels.pack_weights(&args, 0, Int32(run.count), nil)
        }
        #expect(packed.array == expected, "\(columns) columns, \(runs.count) runs")
      }
    }
  }

  /// A packed table has the values of the rows it was packed from: packing loses no bit.
  @Test(arguments: quantizedTypes, KernelTable.all)
  func aPackedTableHasTheSameValues(type: ElementType, table: KernelTable) {
    let tokens: [Int32] = [20, 0, 15, 16, 3]
    for columns in Self.columnCounts(type) {
      let weights = GuardedBuffer(sampleWeights(type, rows: 21, columns: columns))
      let packed = table.pack(type, weights.raw, rows: 21, columns: columns)
      let values = KernelTable.reference.dequantize(type, weights.raw, rows: 21, columns: columns)
      let y = GuardedBuffer<Float>(count: tokens.count * columns, repeating: .nan)
      tokens.withUnsafeBufferPointer { tokens in
        var args = skein_embedding_args(
          table: packed.raw, row_bytes: 0, type: type.rawValue, layout: WeightLayout.packed.rawValue,
          columns: Int32(columns), tokens: tokens.baseAddress, y: y.pointer, scale: 1)
        table.kernels.embedding(&args, 0, Int32(tokens.count), nil)
      }
      #expect(sameBits(y.array, tokens.flatMap { values[Int($0) * columns..<(Int($0) + 1) * columns] }))
    }
  }
}
