/// Reads a message of Protocol Buffers: fields in any order, each length checked against what is there.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0
  private let path: String

  /// A field: its number and its value.
  struct Field {
    var number: Int
    var value: Value
  }

  enum Value {
    case number(UInt64)
    case bits32(UInt32)
    case bits64(UInt64)
    case bytes(UnsafeRawBufferPointer)
  }

  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The next field, or nil at the end.
  mutating func next() throws(TokenizerError) -> Field? {
    if index == bytes.count { return nil }
    let tag = try varint()
    guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw malformed("a field has no valid number") }
    let number = Int(tag >> 3)
    switch tag & 7 {
    case 0: return Field(number: number, value: .number(try varint()))
    case 1: return Field(number: number, value: .bits64(try fixed(8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(bytes.count - index) else {
        throw malformed("field \(number) has \(count) bytes, but \(bytes.count - index) are left")
      }
      defer { index += Int(count) }
      return Field(
        number: number, value: .bytes(UnsafeRawBufferPointer(rebasing: bytes[index..<index + Int(count)])))
    case 5: return Field(number: number, value: .bits32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw malformed("field \(number) has a wire type that is not used")
    }
  }

  private mutating func varint() throws(TokenizerError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while index < bytes.count {
      let byte = UInt64(bytes[index])
      index += 1
      guard shift < 63 || byte <= 1 else { break }
      value |= (byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw malformed("a number breaks off or is too long")
  }

  private mutating func fixed(_ count: Int) throws(TokenizerError) -> UInt64 {
    guard bytes.count - index >= count else { throw malformed("a number breaks off") }
    defer { index += count }
    return (0..<count).reduce(0) { $0 | UInt64(bytes[index + $1]) << UInt64(8 * $1) }
  }

  private func malformed(_ what: String) -> TokenizerError {
    TokenizerError(
      .malformed,
      "\(path): this is no SentencePiece model, or it is damaged: \(what) (byte \(index)). "
        + "Download the file again."
    )
  }
}
