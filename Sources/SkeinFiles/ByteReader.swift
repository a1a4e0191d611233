/// Reads little-endian fields one after the other, each checked against the end of the bytes.
///
/// It owns the two facts that every error needs: the file, and the key or tensor being read.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// Where the next field starts, in bytes from the start of the file.
  private(set) var offset = 0
  /// What is being read, for errors.
  var place: CheckpointError.Place?

  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// Bytes not read yet.
  var remaining: Int { bytes.count - offset }

  /// An error at the current place.
  func error(_ code: CheckpointError.Code, _ message: String) -> CheckpointError {
    CheckpointError(code, message, path: path, place: place)
  }

  /// A number of the width of `T`; `what` names it in the error.
  mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ what: StaticString, as type: T.Type = T.self
  ) throws(CheckpointError) -> T {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { throw truncated(what, neededBytes: size) }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
    offset += size
    return T(littleEndian: value)
  }

  /// A 64-bit count of things that take at least `minimumBytes` each, so no count can be larger than
  /// the rest of the file allows: what is allocated for it later stays in proportion to the file.
  mutating func count(
    _ what: StaticString, minimumBytes: Int, limit: Int = .max
  ) throws(CheckpointError) -> Int {
    let value = try number(what, as: UInt64.self)
    guard value <= UInt64(remaining / minimumBytes) else {
      throw error(
        .truncated,
        "The \(what) is \(value), at \(minimumBytes) bytes or more each, but only \(remaining) bytes are left. "
          + "The file is damaged or cut short; download or convert it again.")
    }
    guard value <= UInt64(limit) else {
      throw error(.tooLarge, "The \(what) is \(value); at most \(limit) is allowed. The file is damaged.")
    }
    return Int(value)
  }

  /// Moves over `byteCount` bytes and returns where they are.
  mutating func range(_ what: StaticString, byteCount: Int) throws(CheckpointError) -> Range<Int> {
    guard byteCount >= 0, byteCount <= remaining else { throw truncated(what, neededBytes: byteCount) }
    defer { offset += byteCount }
    return offset..<(offset + byteCount)
  }

  /// The bytes of a string: a 64-bit length, then the text.
  mutating func stringRange(_ what: StaticString, limit: Int) throws(CheckpointError) -> Range<Int> {
    let start = offset
    let length = try number(what, as: UInt64.self)
    guard length <= UInt64(remaining) else {
      throw error(
        .truncated,
        "The \(what) at byte \(start) should have \(length) bytes, but only \(remaining) are left. The file is "
          + "damaged or cut short; download or convert it again.")
    }
    guard length <= UInt64(limit) else {
      throw error(
        .tooLarge,
        "The \(what) at byte \(start) has \(length) bytes; at most \(limit) are allowed. The file is damaged."
      )
    }
    return try range(what, byteCount: Int(length))
  }

  /// A key or a name: not empty, and valid UTF-8, because two different names must stay different.
  mutating func name(_ what: StaticString, limit: Int) throws(CheckpointError) -> String {
    let start = offset
    let range = try stringRange(what, limit: limit)
    guard let name = String(validating: bytes[range], as: UTF8.self), !name.isEmpty else {
      throw error(
        .malformed, "The \(what) at byte \(start) is empty or not valid UTF-8. The file is damaged.")
    }
    return name
  }

  private func truncated(_ what: StaticString, neededBytes: Int) -> CheckpointError {
    error(
      .truncated,
      "The file ends inside the \(what): \(neededBytes) bytes are needed at byte \(offset), \(remaining) are "
        + "left. The file is cut short; download or convert it again.")
  }
}
