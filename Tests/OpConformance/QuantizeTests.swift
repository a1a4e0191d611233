import CKernels
import Foundation
import SkeinTensor
import Testing

/// Fixtures: what the public `gguf` package makes of values (Fixtures/make_quantize_fixtures.py).
private func fixture(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/quantize/\(name)")
  return [UInt8](try Data(contentsOf: url))
}

private func floats(_ bytes: [UInt8]) -> [Float] {
  bytes.withUnsafeBytes { raw in
    stride(from: 0, to: raw.count, by: 4).map { offset in
      Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
  }
}

/// A hundredth of the third power: values with heavy tails.
private func power(_ x: Float) -> Float { x * x * x * 0.01 }

/// Blocks of `type`, in memory that ends at a guard page, and what became of each row.
private func quantized(
  _ type: ElementType, _ values: [Float], columns: Int, piece: Int? = nil
) -> (blocks: [UInt8], faults: [UInt8]) {
  let rows = values.count / columns
  let rowBytes = type.rowBytes(elementCount: columns)!
  let source = GuardedBuffer(values)
  let blocks = GuardedBuffer<UInt8>(count: rows * rowBytes, repeating: 0xAA)
  let faults = GuardedBuffer<UInt8>(count: rows, repeating: 0xAA)
  let args = skein_quantize_rows_args(
    x: source.pointer, type: type.rawValue, columns: Int32(columns), y: blocks.raw,
    row_bytes: Int64(rowBytes),
    faults: faults.pointer)
  run(skein_quantize_rows, args, items: rows, piece: piece)
  return (blocks.array, faults.array)
}

private func dequantized(_ type: ElementType, _ blocks: [UInt8], columns: Int) -> [Float] {
  KernelTable.reference.dequantize(
    type, blocks, rows: blocks.count / type.rowBytes(elementCount: columns)!, columns: columns)
}

/// The root of the mean square of the error, relative to that of the values.
private func relativeError(_ actual: [Float], _ expected: [Float]) -> Double {
  let (error, total) = zip(actual, expected).reduce((0.0, 0.0)) { sums, pair in
    let difference = Double(pair.0) - Double(pair.1)
    return (sums.0 + difference * difference, sums.1 + Double(pair.1) * Double(pair.1))
  }
  return (error / total).squareRoot()
}

extension ElementType {
  /// The relative error on normal values that llama.cpp's quantizers leave (of a million), and 2% more; where the
  /// bytes follow from a rule, that rule's, and 2% more for the smaller sample.
  fileprivate var errorBound: Double {
    switch self {
    case .f32: 0
    case .f16: 0.000212
    case .bf16: 0.00170
    case .q8_0: 0.00545
    case .q4_0: 0.0876
    case .q4_1: 0.0797
    case .q5_0: 0.0435
    case .q5_1: 0.0386
    case .mxfp4: 0.1202
    case .iq4_NL: 0.0777
    case .iq4_XS: 0.0783
    case .q2_K: 0.3026
    case .q3_K: 0.1539
    case .q4_K: 0.0727
    case .q5_K: 0.0368
    case .q6_K: 0.0181
    }
  }

  /// The smallest difference of values: where the scale is F16, its smallest step, times the code with the largest
  /// magnitude unless the scale can be chosen to suit the codes.
  fileprivate var smallestStep: Float {
    switch self {
    case .f32: 0
    case .bf16: 0x1p-133
    case .mxfp4: 0x1p-128
    case .q4_0, .q4_1: 16 * 0x1p-24
    case .q5_0, .q5_1: 32 * 0x1p-24
    case .q8_0, .iq4_NL, .iq4_XS: 128 * 0x1p-24
    default: 0x1p-24
    }
  }

  /// Columns of short rows that are whole blocks.
  fileprivate var someColumns: Int { isQuantized ? blockElementCount * 3 : 13 }
}

@Suite struct QuantizeTests {
  @Test(arguments: ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4"])
  func sameBytesAsThePublicPackage(name: String) throws {
    let type = try #require(ElementType.allCases.first { $0.name == name })
    let values = floats(try fixture("source.values"))
    let expected = try fixture("\(name).blocks")
    let (blocks, faults) = quantized(type, values, columns: 32)
    #expect(faults.allSatisfy { $0 == SKEIN_QUANTIZED })
    try #require(blocks.count == expected.count)
    if let index = blocks.indices.first(where: { blocks[$0] != expected[$0] }) {
      let block = index / (expected.count / (values.count / 32))
      Issue.record("block \(block), byte \(index): \(blocks[index]), expected \(expected[index])")
    }
  }

  @Test(arguments: ElementType.allCases) func theErrorIsNoMoreThanOfOthers(type: ElementType) {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<256 * 400).map { _ in generator.normal() * 0.05 }
    let (blocks, faults) = quantized(type, values, columns: 1024)
    #expect(faults.allSatisfy { $0 == SKEIN_QUANTIZED })
    #expect(relativeError(dequantized(type, blocks, columns: 1024), values) <= type.errorBound)
  }

  /// Rows that weights have now and then: heavy tails, one sign, one large value, few different values.
  @Test(arguments: ElementType.allCases) func awkwardRowsKeepTheirShape(type: ElementType) {
    var generator = SeededGenerator(seed: 4)
    let rows: [[Float]] = [
      (0..<256).map { _ in power(generator.normal()) },
      (0..<256).map { _ in abs(generator.normal()) + 1 },
      (0..<256).map { _ in -abs(generator.normal()) - 1 },
      (0..<256).map { $0 == 200 ? 40 : generator.normal() * 0.01 },
      (0..<256).map { $0 % 3 == 0 ? 0.5 : -0.25 },
      (0..<256).map { _ in 0.125 },
      (0..<256).map { _ in -0.125 },
    ]
    for (index, row) in rows.enumerated() {
      let (blocks, faults) = quantized(type, row, columns: 256)
      #expect(faults == [UInt8(SKEIN_QUANTIZED)])
      let error = relativeError(dequantized(type, blocks, columns: 256), row)
      #expect(error < max(type.errorBound, 0.001) * 2.5, "row \(index): \(error)")
    }
  }

  @Test(arguments: ElementType.allCases) func zerosStayZeros(type: ElementType) {
    for zero in [Float(0), -0.0] {
      let (blocks, faults) = quantized(
        type, Array(repeating: zero, count: type.someColumns), columns: type.someColumns)
      #expect(faults == [UInt8(SKEIN_QUANTIZED)])
      #expect(dequantized(type, blocks, columns: type.someColumns).allSatisfy { $0 == 0 })
    }
  }

  /// From the smallest subnormal to the largest number: a row is near, or it says that it is not fit to be read.
  @Test(arguments: ElementType.allCases) func everyMagnitudeIsNearOrRefused(type: ElementType) {
    var generator = SeededGenerator(seed: 5)
    let columns = 256
    let pattern = (0..<columns).map { _ in max(-1, min(1, generator.normal() / 3)) }
    for exponent in -149...127 {
      let scale = Float(sign: .plus, exponent: exponent, significand: 1)
      let row = pattern.map { $0 * scale }
      let (blocks, faults) = quantized(type, row, columns: columns)
      let values = dequantized(type, blocks, columns: columns)
      if faults == [UInt8(SKEIN_QUANTIZED)] {
        let bound = max(scale * 0.5, type.smallestStep)
        #expect(zip(values, row).allSatisfy { abs($0 - $1) <= bound }, "2^\(exponent)")
      } else {
        #expect(faults == [UInt8(SKEIN_QUANTIZE_TOO_LARGE)])
        #expect(scale > 30_000, "2^\(exponent) is refused")
      }
      // What an F16 holds can be held by every format.
      if exponent <= 15 { #expect(faults == [UInt8(SKEIN_QUANTIZED)], "2^\(exponent)") }
    }
  }

  @Test(arguments: ElementType.allCases) func whatIsNotFiniteIsRefused(type: ElementType) {
    var generator = SeededGenerator(seed: 6)
    let columns = type.someColumns
    let good = (0..<columns * 3).map { _ in generator.normal() }
    let whole = quantized(type, good, columns: columns).blocks
    let rowBytes = whole.count / 3
    for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
      for column in stride(from: 0, to: columns, by: max(columns / 7, 1)) {
        var values = good
        values[columns + column] = bad
        let (blocks, faults) = quantized(type, values, columns: columns)
        #expect(faults == [SKEIN_QUANTIZED, SKEIN_QUANTIZE_NOT_FINITE, SKEIN_QUANTIZED].map { UInt8($0) })
        #expect(
          blocks[..<rowBytes] == whole[..<rowBytes] && blocks[(2 * rowBytes)...] == whole[(2 * rowBytes)...])
      }
    }
  }

  @Test(arguments: ElementType.allCases) func anySplitGivesTheSameBytes(type: ElementType) {
    var generator = SeededGenerator(seed: 8)
    let values = (0..<type.someColumns * 11).map { _ in generator.normal() }
    let whole = quantized(type, values, columns: type.someColumns).blocks
    for piece in [1, 4, 10] {
      #expect(quantized(type, values, columns: type.someColumns, piece: piece).blocks == whole)
    }
    // A row of all columns has the same blocks.
    #expect(quantized(type, values, columns: values.count).blocks == whole)
  }

  /// Values that a format made are the same when it makes them again; where scales are searched, nearly.
  @Test(arguments: ElementType.allCases) func makingThemAgainChangesLittle(type: ElementType) {
    var generator = SeededGenerator(seed: 9)
    let values = (0..<256 * 16).map { _ in generator.normal() }
    let once = dequantized(type, quantized(type, values, columns: 256).blocks, columns: 256)
    let twice = dequantized(type, quantized(type, once, columns: 256).blocks, columns: 256)
    let error = relativeError(twice, once)
    #expect(type.isQuantized ? error < type.errorBound / 2 : error == 0)
    if type == .q8_0 { #expect(error < 1e-4) }
  }

  @Test func float8HasAll256Values() throws {
    let expected = floats(try fixture("float8_e4m3fn.values"))
    let codes = GuardedBuffer((0...255).map { UInt8($0) })
    for scale: Float in [1, 0.37, -3e-5] {
      // Four rows of 64, written five floats apart.
      let y = GuardedBuffer<Float>(count: 3 * 69 + 64, repeating: -7)
      let args = skein_float8_rows_args(
        x: codes.pointer, x_stride: 64, columns: 64, scale: scale, y: y.pointer, y_stride: 69)
      run(skein_float8_rows, args, items: 4, piece: 3)
      for code in 0..<256 {
        let value = y[code / 64 * 69 + code % 64]
        let wanted = scale * expected[code]
        #expect(value.bitPattern == wanted.bitPattern || (value.isNaN && wanted.isNaN), "code \(code)")
      }
      for row in 0..<3 { for gap in 0..<5 { #expect(y[row * 69 + 64 + gap] == -7) } }
    }
  }
}
