/// Where every field of a valid GGUF file is. Trusts the file: it is for files that tests made.
///
/// Written apart from the reader under test, so that a mistake there is not repeated here.
public struct GGUFFields: Sendable {
  /// What a field is.
  public enum Kind: String, Sendable, CaseIterable {
    case magic, version, tensorCount, keyCount
    case keyLength, keyText, valueType, value, stringLength, stringText
    case arrayElementType, arrayCount
    case nameLength, nameText, dimensionCount, dimension, elementType, offset
    case padding, data

    /// Whether the field is one little-endian number.
    public var isNumber: Bool {
      switch self {
      case .magic, .keyText, .stringText, .nameText, .padding, .data: false
      default: true
      }
    }
  }

  /// One field.
  public struct Field: Sendable {
    /// What it is.
    public var kind: Kind
    /// Its bytes in the file.
    public var range: Range<Int>
    /// The key it belongs to; empty outside the keys.
    public var key = ""
  }

  /// All fields in order; together they cover the file.
  public private(set) var fields: [Field] = []
  private let bytes: [UInt8]
  private var offset = 0
  private var key = ""

  /// The fields of `bytes`, a valid file.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    take(.magic, 4)
    number(.version, 4)
    let tensorCount = number(.tensorCount, 8)
    let keyCount = number(.keyCount, 8)
    for _ in 0..<keyCount {
      key = ""
      let length = Int(number(.keyLength, 8))
      key = String(decoding: bytes[offset..<(offset + length)], as: UTF8.self)
      take(.keyText, length)
      value(number(.valueType, 4))
    }
    key = ""
    for _ in 0..<tensorCount {
      take(.nameText, Int(number(.nameLength, 8)))
      for _ in 0..<number(.dimensionCount, 4) { number(.dimension, 8) }
      number(.elementType, 4)
      number(.offset, 8)
    }
    guard offset < bytes.count else { return }
    // Padding up to 32 at most counts as padding; with a larger alignment the rest counts as data.
    take(.padding, min((32 - offset % 32) % 32, bytes.count - offset))
    take(.data, bytes.count - offset)
  }

  private mutating func take(_ kind: Kind, _ count: Int) {
    guard count > 0 else { return }
    fields.append(Field(kind: kind, range: offset..<(offset + count), key: key))
    offset += count
  }

  @discardableResult
  private mutating func number(_ kind: Kind, _ count: Int) -> UInt64 {
    let value = bytes[offset..<(offset + count)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    take(kind, count)
    return value
  }

  private mutating func value(_ type: UInt64) {
    switch type {
    case 0, 1, 7: number(.value, 1)
    case 2, 3: number(.value, 2)
    case 4, 5, 6: number(.value, 4)
    case 10, 11, 12: number(.value, 8)
    case 8: take(.stringText, Int(number(.stringLength, 8)))
    default:
      let elementType = number(.arrayElementType, 4)
      for _ in 0..<number(.arrayCount, 8) { value(elementType) }
    }
  }
}
