import OrderedCollections

/// A JSON value (RFC 8259). Objects keep the order of their keys: templates write them out again.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// A number that was written without fraction and exponent and that fits.
  case integer(Int)
  /// Any other number; finite.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<String, JSONValue>)

  /// What a file may hold: everything beyond is refused before it costs memory.
  public struct Limits: Sendable {
    /// Bytes of the file.
    public var bytes: Int
    /// Values in it, at any depth.
    public var values: Int
    /// Arrays and objects inside one another.
    public var depth: Int

    /// Limits; the defaults are far beyond any model's configuration.
    public init(bytes: Int = 4 << 20, values: Int = 1 << 17, depth: Int = 32) {
      self.bytes = bytes
      self.values = values
      self.depth = depth
    }
  }

  /// Reads bytes that hold one value.
  ///
  /// - Parameters:
  ///   - path: the file that the bytes are from, for errors.
  ///   - limits: what the file may hold.
  ///   - flattening: paths of keys (`["model", "vocab"]`) to objects that become arrays of key, value, key,
  ///     value... Such an object may have keys that Swift takes for equal (a composed and a decomposed
  ///     character), as vocabularies do; keys that are there twice are for the caller to find. It is also
  ///     read in half the time.
  /// - Throws: `malformed` with line and column, `tooLarge`, or `duplicate` where an object has a key twice.
  public init(
    parsing bytes: UnsafeRawBufferPointer, path: String, limits: Limits = Limits(),
    flattening: [[String]] = []
  ) throws(JSONError) {
    var parser = JSONParser(bytes: bytes, path: path, limits: limits, flattened: flattening)
    self = try parser.document()
  }

  /// What kind of value it is, with its article, for errors: `an array`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
