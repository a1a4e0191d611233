#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension FloatText {
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

  /// A number in one of C's ways: `f`, `e` or `g`, without sign; rounded to the nearest decimal number.
  ///
  /// - Parameter precision: at most 400.
  static func formatted(_ value: Double, _ conversion: Character, precision: Int, keepsZeros: Bool = false)
    -> String
  {
    if !value.isFinite {
      let text = value.isNaN ? "nan" : "inf"
      return conversion.isUppercase ? text.uppercased() : text
    }
    let format = "%" + (keepsZeros ? "#" : "") + ".\(min(max(precision, 0), 400))" + String(conversion)
    var buffer = [CChar](repeating: 0, count: 800)
    let count = withVaList([value.magnitude]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(
      decoding: buffer[..<Int(max(min(count, 799), 0))].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// As `round(value, digits)`: to the nearest decimal number, exact halves to even.
  static func rounded(_ value: Double, digits: Int) -> Double {
    guard value.isFinite, value != 0 else { return value }
    if digits > 350 { return value }
    if digits < -310 { return value.sign == .minus ? -0.0 : 0.0 }
    if digits >= 0 {
      let magnitude = Double(formatted(value, "f", precision: digits)) ?? value
      return value.sign == .minus ? -magnitude : magnitude
    }
    let scale = pow(10, Double(-digits))
    return (value / scale).rounded(.toNearestOrEven) * scale
  }
}
