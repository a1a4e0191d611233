import SkeinTensor

/// Makes GGUF files for tests, valid ones by default and wrong ones on request: nothing is checked.
public struct GGUFBuilder: Sendable {
  /// A metadata value of any type; arrays state the type of their elements, so empty ones have one too.
  public indirect enum Value: Sendable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case stringBytes([UInt8])
    case array(elementType: UInt32, [Value])
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)
  }

  /// A tensor; `offset` is chosen where it is nil.
  public struct Tensor: Sendable {
    /// The name.
    public var name: String
    /// Extents, outermost first.
    public var extents: [UInt64]
    /// The number of the element type.
    public var typeNumber: UInt32
    /// The data.
    public var bytes: [UInt8]
    /// Bytes from the start of the tensor data, where the default place is not wanted.
    public var offset: UInt64?
  }

  /// The version in the file.
  public var version: UInt32 = 3
  /// Padding of the header and of each tensor, in bytes. To state it, add `general.alignment` too.
  public var alignment = 32
  /// Keys and values in order.
  public var entries: [(key: String, value: Value)] = []
  /// Tensors in order.
  public var tensors: [Tensor] = []

  /// A version 3 file with nothing in it.
  public init() {}

  /// Adds a key.
  public mutating func add(_ key: String, _ value: Value) { entries.append((key, value)) }

  /// Adds `general.alignment` and pads to it.
  public mutating func setAlignment(_ bytes: Int) {
    alignment = bytes
    add("general.alignment", .uint32(UInt32(bytes)))
  }

  /// Adds a tensor with the extents of `shape`, whose bytes count up from the number of tensors before it.
  public mutating func addTensor(_ name: String, _ shape: [Int], _ type: ElementType = .f32) {
    let rowBytes = type.rowBytes(elementCount: shape.last ?? 1) ?? 0
    let byteCount = rowBytes * shape.dropLast().reduce(1, *)
    let first = tensors.count
    addTensor(name, shape, type, bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: first + $0) })
  }

  /// Adds a tensor with these bytes.
  public mutating func addTensor(_ name: String, _ shape: [Int], _ type: ElementType, bytes: [UInt8]) {
    tensors.append(
      Tensor(
        name: name, extents: shape.map { UInt64($0) }, typeNumber: UInt32(type.rawValue), bytes: bytes,
        offset: nil))
  }

  /// The bytes of the file.
  public func build() -> [UInt8] {
    var file = Array("GGUF".utf8)
    file.append(number: version)
    file.append(number: UInt64(tensors.count))
    file.append(number: UInt64(entries.count))
    for (key, value) in entries {
      file.append(string: Array(key.utf8))
      file.append(number: value.typeNumber)
      file.append(value: value)
    }
    var data: [UInt8] = []
    for tensor in tensors {
      file.append(string: Array(tensor.name.utf8))
      file.append(number: UInt32(tensor.extents.count))
      for extent in tensor.extents.reversed() { file.append(number: extent) }
      file.append(number: tensor.typeNumber)
      data.pad(to: alignment)
      file.append(number: tensor.offset ?? UInt64(data.count))
      data += tensor.bytes
    }
    if !data.isEmpty { file.pad(to: alignment) }
    return file + data
  }

  /// The builders of a checkpoint in `count` parts, tensors dealt in turn, keys in the first part; the
  /// names of the files are up to the caller (see `partName`).
  public func parts(_ count: Int) -> [GGUFBuilder] {
    (0..<count).map { index in
      var part = self
      if index > 0 { part.entries = entries.filter { $0.key == "general.alignment" } }
      part.tensors = tensors.enumerated().filter { $0.offset % count == index }.map(\.element)
      part.add("split.no", .uint16(UInt16(index)))
      part.add("split.count", .uint16(UInt16(count)))
      part.add("split.tensors.count", .int32(Int32(tensors.count)))
      return part
    }
  }

  /// `name-00001-of-00003.gguf` for part 0 of 3.
  public static func partName(_ name: String, _ index: Int, of count: Int) -> String {
    func digits(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
    return "\(name)-\(digits(index + 1))-of-\(digits(count)).gguf"
  }
}

extension GGUFBuilder.Value {
  /// The number of the type in the format.
  public var typeNumber: UInt32 {
    switch self {
    case .uint8: 0
    case .int8: 1
    case .uint16: 2
    case .int16: 3
    case .uint32: 4
    case .int32: 5
    case .float32: 6
    case .bool: 7
    case .string, .stringBytes: 8
    case .array: 9
    case .uint64: 10
    case .int64: 11
    case .float64: 12
    }
  }

  /// An array of strings.
  public static func strings(_ strings: [String]) -> Self { .array(elementType: 8, strings.map(Self.string)) }
  /// An array of `int32`.
  public static func int32s(_ values: [Int32]) -> Self { .array(elementType: 5, values.map(Self.int32)) }
  /// An array of `float32`.
  public static func float32s(_ values: [Float]) -> Self { .array(elementType: 6, values.map(Self.float32)) }
}

extension [UInt8] {
  /// Appends a little-endian number.
  fileprivate mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func append(string: [UInt8]) {
    append(number: UInt64(string.count))
    self += string
  }

  fileprivate mutating func append(value: GGUFBuilder.Value) {
    switch value {
    case .uint8(let value): append(number: value)
    case .int8(let value): append(number: value)
    case .uint16(let value): append(number: value)
    case .int16(let value): append(number: value)
    case .uint32(let value): append(number: value)
    case .int32(let value): append(number: value)
    case .float32(let value): append(number: value.bitPattern)
    case .bool(let value): append(value ? 1 : 0)
    case .string(let value): append(string: Array(value.utf8))
    case .stringBytes(let bytes): append(string: bytes)
    case .uint64(let value): append(number: value)
    case .int64(let value): append(number: value)
    case .float64(let value): append(number: value.bitPattern)
    case .array(let elementType, let values):
      append(number: elementType)
      append(number: UInt64(values.count))
      for value in values { append(value: value) }
    }
  }

  /// Appends zeros up to a multiple of `alignment`.
  fileprivate mutating func pad(to alignment: Int) {
    while count % alignment != 0 { append(0) }
  }
}
