import SkeinTensor

extension SeededGenerator {
  /// Roughly normal, variance 1.
  mutating func normal() -> Float {
    (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &self) }
  }
}

/// What the bytes of a sample's quants are.
enum WeightPattern {
  case random
  /// Every byte the same: the extremes of the quants, where narrow integer sums would saturate.
  case repeating(UInt8)
}

/// Blocks of a format with ordinary scales.
func sampleWeights(
  _ type: ElementType, rows: Int, columns: Int, pattern: WeightPattern = .random, seed: UInt64 = 1
) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  let count = rows * type.rowBytes(elementCount: columns)!
  switch type {
  case .f32:
    return (0..<count / 4).flatMap { _ in littleEndian((generator.normal() * 0.05).bitPattern) }
  case .f16:
    return (0..<count / 2).flatMap { _ in littleEndian(half(generator.normal() * 0.05)) }
  case .bf16:
    return (0..<count / 2).flatMap { _ in
      littleEndian(UInt16((generator.normal() * 0.05).bitPattern >> 16))
    }
  default: break
  }
  var bytes = (0..<count).map { _ in
    if case .repeating(let byte) = pattern { byte } else { UInt8.random(in: 0...255, using: &generator) }
  }
  for block in stride(from: 0, to: count, by: type.blockBytes) {
    for offset in type.halfScaleOffsets {
      let scale = littleEndian(half(Float.random(in: 0.004..<0.012, using: &generator)))
      bytes.replaceSubrange(block + offset..<block + offset + 2, with: scale)
    }
    if type == .mxfp4 { bytes[block] = UInt8.random(in: 117...123, using: &generator) }
  }
  return bytes
}

extension ElementType {
  /// Where the float16 scale and minimum of a block are.
  fileprivate var halfScaleOffsets: [Int] {
    switch self {
    case .q8_0, .q4_0, .q5_0, .iq4_NL, .iq4_XS: [0]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q2_K: [80, 82]
    case .q3_K: [108]
    case .q6_K: [208]
    case .f32, .f16, .bf16, .mxfp4: []
    }
  }
}

private func littleEndian<Bits: FixedWidthInteger>(_ bits: Bits) -> [UInt8] {
  withUnsafeBytes(of: bits.littleEndian) { Array($0) }
}
