import CKernels
import Foundation
import SkeinTensor
import Testing

/// Fixtures: blocks and what the public `gguf` package makes of them (Fixtures/make_dequantize_fixtures.py).
private func fixture(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/dequantize/\(name)")
  return [UInt8](try Data(contentsOf: url))
}

private func floats(_ bytes: [UInt8]) -> [Float] {
  bytes.withUnsafeBytes { raw in
    stride(from: 0, to: raw.count, by: 4).map { offset in
      Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
  }
}

/// Equal bits; any NaN is as good as another.
private func firstDifference(_ a: [Float], _ b: [Float]) -> Int? {
  a.indices.first { a[$0].bitPattern != b[$0].bitPattern && !(a[$0].isNaN && b[$0].isNaN) }
}

@Suite struct DequantizeTests {
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func sameBitsAsThePublicPackage(type: ElementType, table: KernelTable) throws {
    let blocks = GuardedBuffer(try fixture("\(type.name).blocks"))
    let expected = floats(try fixture("\(type.name).values"))
    let values = table.dequantize(type, blocks.raw, rows: 1, columns: expected.count)
    try #require(expected.count == blocks.count / type.blockBytes * type.blockElementCount)
    if let index = firstDifference(values, expected) {
      Issue.record("element \(index) is \(values[index]), expected \(expected[index])")
    }
  }

  /// Also times a factor: one rounding each.
  @Test(arguments: ElementType.allCases, KernelTable.all)
  func embeddingTakesTheRowsAsked(type: ElementType, table: KernelTable) {
    let rows = 7
    let columns = type.isQuantized ? type.blockElementCount * 3 : 13
    let weights = GuardedBuffer(sampleWeights(type, rows: rows, columns: columns))
    let values = KernelTable.reference.dequantize(type, weights.raw, rows: rows, columns: columns)
    let tokens: [Int32] = [6, 0, 3, 3, 5]
    for scale: Float in [1, 11.3] {
      var y = [Float](repeating: -1, count: tokens.count * columns)
      y.withUnsafeMutableBufferPointer { y in
        tokens.withUnsafeBufferPointer { tokens in
          var args = skein_embedding_args(
            table: weights.raw, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
            layout: Int32(SKEIN_LAYOUT_ROWS), columns: Int32(columns), tokens: tokens.baseAddress,
            y: y.baseAddress, scale: scale)
          // The first and last token stay as they are.
          table.kernels.embedding(&args, 1, Int32(tokens.count - 1), nil)
        }
      }
      for (index, token) in tokens.enumerated() {
        let row = y[index * columns..<(index + 1) * columns].map(\.bitPattern)
        let written = index > 0 && index < tokens.count - 1
        let source = values[Int(token) * columns..<(Int(token) + 1) * columns]
        #expect(
          row == (written ? source.map { ($0 * scale).bitPattern } : row.map { _ in Float(-1).bitPattern }))
      }
    }
  }
}
