import SkeinTensor

/// Rows of a cache as the contract of the kernels says they are.
enum CacheRow {
  /// Bytes of a row of `width` values.
  static func byteCount(_ width: Int, _ type: ElementType) -> Int {
    (width + type.blockElementCount - 1) / type.blockElementCount * type.blockBytes
  }

  /// What is stored of one row of values: F32, F16, BF16, or Q8_0 with the last block padded with zeros.
  static func bytes(_ row: [Float], _ type: ElementType) -> [UInt8] {
    if type == .f32 {
      return row.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
    }
    if type == .f16 {
      return row.flatMap { value in
        let bits = half(value.isFinite ? min(max(value, -65504), 65504) : value)
        return [UInt8(bits & 0xFF), UInt8(bits >> 8)]
      }
    }
    if type == .bf16 {
      return row.flatMap { value in [UInt8(bfloat(value) & 0xFF), UInt8(bfloat(value) >> 8)] }
    }
    return stride(from: 0, to: row.count, by: 32).flatMap { start in
      block(Array(row[start..<min(start + 32, row.count)]))
    }
  }

  /// The nearest number of BF16, the one with an even last bit of two; finite numbers stay finite.
  static func bfloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    if value.isInfinite { return UInt16(bits >> 16) }
    let (low, rest) = (UInt16(bits >> 16), bits & 0xFFFF)
    let up = rest > 0x8000 || (rest == 0x8000 && low % 2 == 1)
    return up && low & 0x7FFF < 0x7F7F ? low + 1 : low
  }

  private static func block(_ values: [Float]) -> [UInt8] {
    guard values.allSatisfy(\.isFinite) else { return [0, 0x7E] + [UInt8](repeating: 0, count: 32) }
    let wanted = min(values.map(abs).max()! / 127, 65504)
    var scale = Float16(wanted)
    if Float(scale) < wanted { scale = scale.nextUp }
    let inverse = scale == 0 ? 0 : 1 / Float(scale)
    let quants = values.map { value in
      UInt8(bitPattern: Int8(min(max(value * inverse, -127), 127).rounded(.toNearestOrEven)))
    }
    return [UInt8(scale.bitPattern & 0xFF), UInt8(scale.bitPattern >> 8)] + quants
      + [UInt8](repeating: 0, count: 32 - values.count)
  }

  /// The values of rows, without their padding.
  static func values(_ bytes: [UInt8], width: Int, _ type: ElementType) -> [Double] {
    let rowBytes = byteCount(width, type)
    func half(at offset: Int) -> Double {
      Double(float(half: UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8))
    }
    var result = [Double](repeating: 0, count: bytes.count / rowBytes * width)
    for index in result.indices {
      let (start, place) = (index / width * rowBytes, index % width)
      if type == .f32 {
        let bits = (0..<4).reduce(UInt32(0)) {
          $0 | UInt32(bytes[start + place * 4 + $1]) << (8 * UInt32($1))
        }
        result[index] = Double(Float(bitPattern: bits))
      } else if type == .bf16 {
        let bits = UInt32(bytes[start + place * 2]) | UInt32(bytes[start + place * 2 + 1]) << 8
        result[index] = Double(Float(bitPattern: bits << 16))
      } else if type == .f16 {
        result[index] = half(at: start + place * 2)
      } else {
        let block = start + place / 32 * 34
        result[index] = half(at: block) * Double(Int8(bitPattern: bytes[block + 2 + place % 32]))
      }
    }
    return result
  }
}
