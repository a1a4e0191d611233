/// What a GGUF file may hold, far above what any real file does: so that time and memory stay bounded
/// whatever the bytes say.
enum GGUFLimit {
  /// Keys in one file.
  static let keyCount = 1 << 20
  /// Tensors in one file.
  static let tensorCount = 1 << 20
  /// Bytes of a key; the format says so.
  static let keyBytes = 65_535
  /// Bytes of a tensor name. The format says 64, but image models have longer ones.
  static let tensorNameBytes = 1_024
  /// Bytes of one string; embedded tokenizers in JSON take tens of megabytes.
  static let stringBytes = 1 << 28
  /// Arrays in arrays.
  static let arrayDepth = 8
}

extension ByteReader {
  /// A type number.
  mutating func metadataType(_ what: StaticString) throws(CheckpointError) -> MetadataType {
    let raw = try number(what, as: UInt32.self)
    guard let type = MetadataType(rawValue: raw) else {
      throw error(
        .malformed,
        "The \(what) is \(raw); the format knows 0 to \(MetadataType.allCases.count - 1). The file is damaged "
          + "or newer than this reader.")
    }
    return type
  }

  /// A value of `type`; arrays stay bytes of `file`.
  mutating func value(
    of type: MetadataType, in file: MappedFile
  ) throws(CheckpointError) -> MetadataValue {
    switch type {
    case .uint8: return .uint8(try number("value"))
    case .int8: return .int8(try number("value"))
    case .uint16: return .uint16(try number("value"))
    case .int16: return .int16(try number("value"))
    case .uint32: return .uint32(try number("value"))
    case .int32: return .int32(try number("value"))
    case .uint64: return .uint64(try number("value"))
    case .int64: return .int64(try number("value"))
    case .float32: return .float32(Float(bitPattern: try number("value")))
    case .float64: return .float64(Double(bitPattern: try number("value")))
    case .bool:
      let byte = try range("value", byteCount: 1)
      try checkBools(byte)
      return .bool(bytes[byte.lowerBound] == 1)
    case .string:
      let range = try stringRange("string", limit: GGUFLimit.stringBytes)
      return .string(String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self))
    case .array:
      let (elementType, count, range) = try array(depth: 1)
      return .array(
        MetadataArray(elementType: elementType, count: count, storage: .init(file, range)))
    }
  }

  /// Checks an array and moves over it: element type, count, elements. `range` is that of the elements.
  mutating func array(
    depth: Int
  ) throws(CheckpointError) -> (elementType: MetadataType, count: Int, range: Range<Int>) {
    guard depth <= GGUFLimit.arrayDepth else {
      throw error(
        .tooLarge, "Arrays are nested more than \(GGUFLimit.arrayDepth) deep. The file is damaged.")
    }
    let type = try metadataType("array's element type")
    let count = try count("array's element count", minimumBytes: type.minimumBytes)
    let start = offset
    switch type {
    case .string:
      for _ in 0..<count { _ = try stringRange("string", limit: GGUFLimit.stringBytes) }
    case .array:
      for _ in 0..<count { _ = try array(depth: depth + 1) }
    case .bool: try checkBools(try range("array", byteCount: count))
    default: _ = try range("array", byteCount: count * type.minimumBytes)
    }
    return (type, count, start..<offset)
  }

  /// The format allows 0 and 1 for false and true, nothing else.
  private func checkBools(_ range: Range<Int>) throws(CheckpointError) {
    guard let wrong = bytes[range].first(where: { $0 > 1 }) else { return }
    throw error(.malformed, "A boolean is stored as \(wrong); only 0 and 1 are allowed. The file is damaged.")
  }
}
