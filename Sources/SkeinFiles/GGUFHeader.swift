import SkeinTensor

/// A tensor that a GGUF file is to hold.
public struct GGUFTensor: Sendable, Hashable {
  /// The name, of at most 64 bytes, unique in the file.
  public var name: String
  /// Extents, outermost first: one to four, none of them 0.
  public var shape: Shape
  /// How the numbers are stored.
  public var type: ElementType

  /// A tensor of these properties.
  public init(name: String, shape: Shape, type: ElementType) {
    self.name = name
    self.shape = shape
    self.type = type
  }
}

/// All of a GGUF file but the tensors' numbers, checked: its first bytes, and where each tensor goes.
struct GGUFHeader {
  /// The file up to the first tensor, padding included.
  let bytes: [UInt8]
  /// Where each tensor's bytes are in the file.
  let ranges: [Range<Int>]
  /// Bytes of the whole file. The last tensor is padded too, as other writers do.
  let fileBytes: Int

  /// The longest tensor name that the format allows, in bytes.
  static let nameBytes = 64

  /// Lays out a file. Throws where readers would refuse it.
  init(path: String, metadata: Metadata, tensors: [GGUFTensor]) throws(CheckpointError) {
    func error(_ code: CheckpointError.Code, _ message: String, _ place: CheckpointError.Place)
      -> CheckpointError
    {
      CheckpointError(code, message, path: path, place: place)
    }
    let alignment = try metadata.ggufAlignment()
    var bytes = Array("GGUF".utf8)
    bytes.append(littleEndian: UInt32(3))
    bytes.append(littleEndian: UInt64(tensors.count))
    bytes.append(littleEndian: UInt64(metadata.count))
    for key in metadata.keys {
      guard !key.isEmpty, key.utf8.count <= GGUFLimit.keyBytes else {
        throw error(.tooLarge, "A key must have 1 to \(GGUFLimit.keyBytes) bytes.", .key(key))
      }
      bytes.append(ggufString: key)
      bytes.append(ggufValue: metadata[key]!)
    }
    var names: Set<String> = []
    var offset = 0
    var dataRanges: [Range<Int>] = []
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw error(.duplicate, "Two tensors have this name; give each its own.", .tensor(tensor.name))
      }
      let (byteCount, problem) = Self.byteCount(of: tensor)
      guard let byteCount else { throw error(.malformed, problem, .tensor(tensor.name)) }
      let (end, overflow) = offset.addingReportingOverflow(byteCount)
      // Well below the limit, so that the sums that follow stay below it too.
      guard !overflow, end < Int.max / 2 else {
        throw error(
          .tooLarge, "With this tensor the file has more bytes than can be counted.", .tensor(tensor.name))
      }
      bytes.append(ggufString: tensor.name)
      bytes.append(littleEndian: UInt32(tensor.shape.extents.count))
      for extent in tensor.shape.extents.reversed() { bytes.append(littleEndian: UInt64(extent)) }
      bytes.append(littleEndian: UInt32(tensor.type.rawValue))
      bytes.append(littleEndian: UInt64(offset))
      dataRanges.append(offset..<end)
      offset = Self.padded(end, to: alignment)
    }
    let dataStart = Self.padded(bytes.count, to: alignment)
    bytes += Array(repeating: 0, count: dataStart - bytes.count)
    self.bytes = bytes
    ranges = dataRanges.map { ($0.lowerBound + dataStart)..<($0.upperBound + dataStart) }
    fileBytes = dataStart + offset
  }

  private static func padded(_ count: Int, to alignment: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  /// Bytes of a tensor, or nil and why it cannot be written.
  private static func byteCount(of tensor: GGUFTensor) -> (Int?, problem: String) {
    let (name, shape) = (tensor.name, tensor.shape)
    guard !name.isEmpty, name.utf8.count <= nameBytes else {
      return (nil, "A tensor's name must have 1 to \(nameBytes) bytes; this has \(name.utf8.count).")
    }
    guard (1...4).contains(shape.extents.count), shape.extents.allSatisfy({ $0 > 0 }) else {
      return (nil, "The shape \(shape) cannot be stored: 1 to 4 extents are allowed, none of them 0.")
    }
    guard shape.elementCount != nil, let row = tensor.type.rowBytes(elementCount: shape.columns) else {
      return (
        nil,
        "Rows of \(shape.columns) values cannot be stored as \(tensor.type.name), which has blocks of"
          + " \(tensor.type.blockElementCount); choose a format that fits."
      )
    }
    let (bytes, overflow) = row.multipliedReportingOverflow(by: shape.rows)
    return overflow ? (nil, "The shape \(shape) has too many bytes to count.") : (bytes, "")
  }
}

extension [UInt8] {
  /// Appends a string as the format has it: its length in bytes, then its text.
  fileprivate mutating func append(ggufString string: String) {
    append(littleEndian: UInt64(string.utf8.count))
    append(contentsOf: string.utf8)
  }

  /// Appends the type of a value, then the value.
  fileprivate mutating func append(ggufValue value: MetadataValue) {
    append(littleEndian: value.type.rawValue)
    switch value {
    case .uint8(let number): append(number)
    case .int8(let number): append(littleEndian: number)
    case .uint16(let number): append(littleEndian: number)
    case .int16(let number): append(littleEndian: number)
    case .uint32(let number): append(littleEndian: number)
    case .int32(let number): append(littleEndian: number)
    case .uint64(let number): append(littleEndian: number)
    case .int64(let number): append(littleEndian: number)
    case .float32(let number): append(littleEndian: number.bitPattern)
    case .float64(let number): append(littleEndian: number.bitPattern)
    case .bool(let flag): append(flag ? 1 : 0)
    case .string(let text): append(ggufString: text)
    case .array(let array):
      append(littleEndian: array.elementType.rawValue)
      append(littleEndian: UInt64(array.count))
      // Arrays keep their elements as a file has them.
      array.storage.withBytes { append(contentsOf: $0) }
    }
  }
}
