/// Makes safetensors files for tests, valid ones by default and wrong ones on request: nothing is checked.
public struct SafetensorsBuilder: Sendable {
  /// A tensor; its place is the next free one where `offsets` is nil.
  public struct Tensor: Sendable {
    /// The name.
    public var name: String
    /// What the header says of it, with `OFFSETS` where the place goes.
    public var entry: String
    /// The data.
    public var bytes: [UInt8]
    /// Its beginning and end in the data, where the default place is not wanted.
    public var offsets: (Int, Int)?
  }

  /// Tensors in the order of their bytes.
  public var tensors: [Tensor] = []
  /// The value of `__metadata__` as JSON; nil for none.
  public var metadata: String?
  /// Spaces at the end of the header, which writers add so that the data is aligned.
  public var padding = 0
  /// The length of the header that the file states; nil for the right one.
  public var statedLength: UInt64?

  /// A file with nothing in it.
  public init() {}

  /// Adds a tensor with these bytes.
  public mutating func add(
    _ name: String, _ type: String, _ shape: [Int], _ bytes: [UInt8], offsets: (Int, Int)? = nil
  ) {
    add(
      name, entry: #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":OFFSETS}"#, bytes, offsets: offsets)
  }

  /// Adds a tensor of which the header says this.
  public mutating func add(
    _ name: String, entry: String, _ bytes: [UInt8] = [], offsets: (Int, Int)? = nil
  ) {
    tensors.append(Tensor(name: name, entry: entry, bytes: bytes, offsets: offsets))
  }

  /// Adds a tensor of float32 numbers.
  public mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    add(name, "F32", shape, values.withUnsafeBytes { Array($0) })
  }

  /// The header.
  public var header: String {
    var members = metadata.map { [#""__metadata__":\#($0)"#] } ?? []
    var end = 0
    for tensor in tensors {
      let (first, last) = tensor.offsets ?? (end, end + tensor.bytes.count)
      let parts = tensor.entry.split(separator: "OFFSETS", omittingEmptySubsequences: false)
      members.append(#""\#(tensor.name)":\#(parts.joined(separator: "[\(first),\(last)]"))"#)
      end += tensor.bytes.count
    }
    return "{" + members.joined(separator: ",") + "}" + String(repeating: " ", count: padding)
  }

  /// The bytes of the file.
  public func build() -> [UInt8] { Self.file(header: header, statedLength, tensors.flatMap(\.bytes)) }

  /// A file with this header, which need not be one.
  ///
  /// - Parameter statedLength: of the header; nil for the right one.
  public static func file(header: String, _ statedLength: UInt64? = nil, _ data: [UInt8] = []) -> [UInt8] {
    let length = statedLength ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array(header.utf8) + data
  }

  /// The index of a folder: which file holds each tensor.
  public static func index(_ files: [(tensor: String, file: String)]) -> [UInt8] {
    let map = files.map { #""\#($0.tensor)":"\#($0.file)""# }.joined(separator: ",")
    return Array(#"{"metadata":{"total_size":1},"weight_map":{\#(map)}}"#.utf8)
  }
}
