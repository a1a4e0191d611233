/// GPT-2's spelling of bytes as printable characters, in which byte-level vocabularies write their
/// tokens: a printable Latin-1 byte is itself, the 68 others are U+0100 onwards in order.
struct ByteAlphabet: Sendable {
  /// The byte that a scalar below U+0144 spells, or -1.
  private var byteOfScalar = [Int16](repeating: -1, count: 0x144)
  private var scalarOfByte = [UInt32](repeating: 0, count: 256)

  init() {
    var next = 0x100
    for byte in 0...255 {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        byteOfScalar[byte] = Int16(byte)
        scalarOfByte[byte] = UInt32(byte)
      default:
        byteOfScalar[next] = Int16(byte)
        scalarOfByte[byte] = UInt32(next)
        next += 1
      }
    }
  }

  /// The scalar that spells `byte`.
  @inline(__always)
  func scalar(of byte: UInt8) -> UInt32 { scalarOfByte[Int(byte)] }

  /// The byte that `scalar` spells, or nil.
  @inline(__always)
  func byte(of scalar: UInt32) -> UInt8? {
    guard scalar < 0x144, byteOfScalar[Int(scalar)] >= 0 else { return nil }
    return UInt8(byteOfScalar[Int(scalar)])
  }

  /// The bytes that `text` spells, or nil where it has a character outside the alphabet.
  func bytes(of text: Substring.UnicodeScalarView) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8)
    for scalar in text {
      guard scalar.value < 0x144, byteOfScalar[Int(scalar.value)] >= 0 else { return nil }
      bytes.append(UInt8(byteOfScalar[Int(scalar.value)]))
    }
    return bytes
  }
}
