// An empty array has no element of a wrong type, so it decodes as any type.

extension MetadataArray {
  /// The elements where they are strings, else nil. Bytes that are not valid UTF-8 become U+FFFD.
  public var strings: [String]? {
    var result: [String] = []
    guard forEachStringBytes({ result.append(String(decoding: $0, as: UTF8.self)) }) else { return nil }
    return result
  }

  /// Calls `body` with the bytes of each string in order, as they are in the file, UTF-8 or not; the
  /// bytes are valid during the call. False, and no call, where the elements are not strings.
  @discardableResult
  public func forEachStringBytes(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard elementType == .string else { return count == 0 }
    return storage.withBytes { bytes in
      var offset = 0
      for _ in 0..<count {
        guard let range = Self.stringRange(in: bytes, at: offset) else { return false }
        body(UnsafeRawBufferPointer(rebasing: bytes[range]))
        offset = range.upperBound
      }
      return true
    }
  }

  /// The elements where they are of any integer type, else nil; nil also where one is above `Int.max`.
  public var integers: [Int]? {
    switch elementType {
    case .uint8: numbers(UInt8.self) { Int($0) }
    case .int8: numbers(Int8.self) { Int($0) }
    case .uint16: numbers(UInt16.self) { Int($0) }
    case .int16: numbers(Int16.self) { Int($0) }
    case .uint32: numbers(UInt32.self) { Int(exactly: $0) }
    case .int32: numbers(Int32.self) { Int($0) }
    case .uint64: numbers(UInt64.self) { Int(exactly: $0) }
    case .int64: numbers(Int64.self) { Int(exactly: $0) }
    case .float32, .float64, .bool, .string, .array: count == 0 ? [] : nil
    }
  }

  /// The elements where they are `float32` or `float64` (rounded to the nearest `Float`), else nil.
  public var floats: [Float]? {
    switch elementType {
    case .float32: numbers(UInt32.self) { Float(bitPattern: $0) }
    case .float64: numbers(UInt64.self) { Float(Double(bitPattern: $0)) }
    default: count == 0 ? [] : nil
    }
  }

  /// The elements where they are booleans, else nil.
  public var bools: [Bool]? {
    guard elementType == .bool else { return count == 0 ? [] : nil }
    return numbers(UInt8.self) { $0 != 0 }
  }

  /// The elements whatever their type is, arrays in arrays too. Costs 40 bytes an element and more:
  /// for printing and for odd files; the properties above are for the rest.
  public var elements: [MetadataValue] {
    switch elementType {
    case .uint8: numbers(UInt8.self) { .uint8($0) } ?? []
    case .int8: numbers(Int8.self) { .int8($0) } ?? []
    case .uint16: numbers(UInt16.self) { .uint16($0) } ?? []
    case .int16: numbers(Int16.self) { .int16($0) } ?? []
    case .uint32: numbers(UInt32.self) { .uint32($0) } ?? []
    case .int32: numbers(Int32.self) { .int32($0) } ?? []
    case .uint64: numbers(UInt64.self) { .uint64($0) } ?? []
    case .int64: numbers(Int64.self) { .int64($0) } ?? []
    case .float32: numbers(UInt32.self) { .float32(Float(bitPattern: $0)) } ?? []
    case .float64: numbers(UInt64.self) { .float64(Double(bitPattern: $0)) } ?? []
    case .bool: (bools ?? []).map(MetadataValue.bool)
    case .string: (strings ?? []).map(MetadataValue.string)
    case .array: arrays.map(MetadataValue.array)
    }
  }

  /// Elements of a fixed width, converted one by one; nil where one cannot be.
  private func numbers<Raw: FixedWidthInteger & BitwiseCopyable, Result>(
    _ raw: Raw.Type, _ convert: (Raw) -> Result?
  ) -> [Result]? {
    storage.withBytes { bytes in
      // The count was checked against the bytes when the array was made.
      let size = MemoryLayout<Raw>.size
      precondition(bytes.count == count * size, "array storage does not match its count")
      var result: [Result] = []
      result.reserveCapacity(count)
      for index in 0..<count {
        let raw = Raw(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Raw.self))
        guard let value = convert(raw) else { return nil }
        result.append(value)
      }
      return result
    }
  }

  /// The elements where they are arrays.
  private var arrays: [MetadataArray] {
    storage.withBytes { bytes in
      var reader = ByteReader(bytes, path: "")
      var result: [MetadataArray] = []
      for _ in 0..<count {
        // It was read once without an error, so it is again; only a file that changes can fail here.
        guard let (type, count, range) = try? reader.array(depth: 1) else { break }
        result.append(
          MetadataArray(elementType: type, count: count, storage: Storage(storage, part: range)))
      }
      return result
    }
  }

  /// The text of the string at `offset`, or nil where it does not lie in `bytes`.
  private static func stringRange(in bytes: UnsafeRawBufferPointer, at offset: Int) -> Range<Int>? {
    guard offset <= bytes.count - 8 else { return nil }
    let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    guard length <= UInt64(bytes.count - 8 - offset) else { return nil }
    return (offset + 8)..<(offset + 8 + Int(length))
  }
}
