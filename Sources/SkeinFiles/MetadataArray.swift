/// An array of metadata, kept as the bytes of the file and decoded when it is asked for.
///
/// A vocabulary has hundreds of thousands of strings that many callers never look at, so opening a file
/// only checks them. Each decoding property does its work every time it is read: keep what it returns.
/// The array keeps its file mapped, and the file must not change meanwhile (see `MappedFile`).
/// Arrays are equal where type, count and bytes are.
public struct MetadataArray: Sendable, Equatable, CustomStringConvertible {
  /// The type of every element.
  public let elementType: MetadataType
  /// Number of elements.
  public let count: Int
  /// The elements one after the other, encoded as in a GGUF file and checked.
  let storage: Storage

  /// Elements that were checked already.
  init(elementType: MetadataType, count: Int, storage: Storage) {
    self.elementType = elementType
    self.count = count
    self.storage = storage
  }

  /// An array of strings in memory, for metadata that comes from elsewhere than a GGUF file.
  public init(strings: [String]) {
    var bytes: [UInt8] = []
    for string in strings {
      bytes.append(littleEndian: UInt64(string.utf8.count))
      bytes.append(contentsOf: string.utf8)
    }
    self.init(elementType: .string, count: strings.count, storage: Storage(bytes))
  }

  /// An array of `int64` in memory.
  public init(integers: [Int]) {
    var bytes: [UInt8] = []
    for integer in integers { bytes.append(littleEndian: Int64(integer)) }
    self.init(elementType: .int64, count: integers.count, storage: Storage(bytes))
  }

  /// An array of `float32` in memory.
  public init(floats: [Float]) {
    var bytes: [UInt8] = []
    for float in floats { bytes.append(littleEndian: float.bitPattern) }
    self.init(elementType: .float32, count: floats.count, storage: Storage(bytes))
  }

  /// An array of `int32` in memory.
  public init(numbers: [Int32]) {
    var bytes: [UInt8] = []
    for number in numbers { bytes.append(littleEndian: number) }
    self.init(elementType: .int32, count: numbers.count, storage: Storage(bytes))
  }

  /// An array of booleans in memory.
  public init(flags: [Bool]) {
    self.init(elementType: .bool, count: flags.count, storage: Storage(flags.map { $0 ? 1 : 0 }))
  }

  /// `[string] x 32000`
  public var description: String { "[\(elementType)] x \(count)" }

  /// Equal type, count and bytes.
  public static func == (left: MetadataArray, right: MetadataArray) -> Bool {
    left.elementType == right.elementType && left.count == right.count
      && left.storage.withBytes { a in right.storage.withBytes { b in a.elementsEqual(b) } }
  }
}

extension MetadataArray {
  /// Where the bytes are: in a mapped file, or in memory.
  struct Storage: Sendable {
    enum Owner: Sendable {
      case file(MappedFile)
      case memory([UInt8])
    }

    let owner: Owner
    /// The part of the owner's bytes that belongs to the array.
    let range: Range<Int>

    /// Bytes of a file.
    init(_ file: MappedFile, _ range: Range<Int>) {
      owner = .file(file)
      self.range = range
    }

    /// Bytes in memory.
    init(_ bytes: [UInt8]) {
      owner = .memory(bytes)
      range = 0..<bytes.count
    }

    /// A part of another array, for an array in it; `part` counts from the start of the other's range.
    init(_ whole: Storage, part: Range<Int>) {
      owner = whole.owner
      range = (whole.range.lowerBound + part.lowerBound)..<(whole.range.lowerBound + part.upperBound)
    }

    /// Calls `body` with the bytes, which are valid until it returns.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      switch owner {
      case .file(let file):
        withExtendedLifetime(file) { body(UnsafeRawBufferPointer(rebasing: file.bytes[range])) }
      case .memory(let bytes):
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
      }
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of `value`, lowest first.
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
