extension Metadata {
  /// The value of `key` where it is of any integer type and in `range`.
  ///
  /// Throws `wrongType` or `outOfRange`; nil where the key is not there.
  public func integer(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(CheckpointError) -> Int? {
    guard let value = self[key] else { return nil }
    guard value.isInteger else { throw wrongType(key, value, wanted: "an integer") }
    guard let integer = value.integer, range.contains(integer) else {
      throw error(
        .outOfRange,
        "The value is \(value), but it must be from \(range.lowerBound) to \(range.upperBound).", key)
    }
    return integer
  }

  /// The value of `key` where it is `float32`, or `float64`, which is rounded to the nearest `Float`.
  ///
  /// Throws `wrongType`, or `outOfRange` where a `float64` is too large; nil where the key is not there.
  public func float(_ key: String) throws(CheckpointError) -> Float? {
    switch self[key] {
    case nil: return nil
    case .float32(let value): return value
    case .float64(let value):
      guard !value.isFinite || Float(value).isFinite else {
        throw error(.outOfRange, "The value \(value) does not fit 32 bits.", key)
      }
      return Float(value)
    case .some(let value): throw wrongType(key, value, wanted: "a floating-point number")
    }
  }

  /// The value of `key` where it is a boolean. Throws `wrongType`; nil where the key is not there.
  public func bool(_ key: String) throws(CheckpointError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard case .bool(let bool) = value else { throw wrongType(key, value, wanted: "a boolean") }
    return bool
  }

  /// The value of `key` where it is a string. Throws `wrongType`; nil where the key is not there.
  public func string(_ key: String) throws(CheckpointError) -> String? {
    guard let value = self[key] else { return nil }
    guard case .string(let string) = value else { throw wrongType(key, value, wanted: "a string") }
    return string
  }

  /// The value of `key` where it is an array. Throws `wrongType`; nil where the key is not there.
  public func array(_ key: String) throws(CheckpointError) -> MetadataArray? {
    guard let value = self[key] else { return nil }
    guard case .array(let array) = value else { throw wrongType(key, value, wanted: "an array") }
    return array
  }

  /// The value of `key` where it is an array of strings, decoded now; see `MetadataArray.strings`.
  ///
  /// Throws `wrongType`; nil where the key is not there.
  public func strings(_ key: String) throws(CheckpointError) -> [String]? {
    try decoded(key, wanted: "an array of strings", \.strings)
  }

  /// The value of `key` where it is an array of any integer type, decoded now.
  ///
  /// Throws `wrongType` (also for a `uint64` above `Int.max`); nil where the key is not there.
  public func integers(_ key: String) throws(CheckpointError) -> [Int]? {
    try decoded(key, wanted: "an array of integers", \.integers)
  }

  /// The value of `key` where it is an array of `float32` or `float64`, decoded now.
  ///
  /// Throws `wrongType`; nil where the key is not there.
  public func floats(_ key: String) throws(CheckpointError) -> [Float]? {
    try decoded(key, wanted: "an array of floating-point numbers", \.floats)
  }

  /// The value of `key` where it is an array of booleans, decoded now.
  ///
  /// Throws `wrongType`; nil where the key is not there.
  public func bools(_ key: String) throws(CheckpointError) -> [Bool]? {
    try decoded(key, wanted: "an array of booleans", \.bools)
  }

  private func decoded<Element>(
    _ key: String, wanted: String, _ decode: (MetadataArray) -> [Element]?
  ) throws(CheckpointError) -> [Element]? {
    guard let value = self[key] else { return nil }
    guard case .array(let array) = value, let elements = decode(array) else {
      throw wrongType(key, value, wanted: wanted)
    }
    return elements
  }

  private func wrongType(_ key: String, _ value: MetadataValue, wanted: String) -> CheckpointError {
    var found = "\(value.type)"
    if case .array(let array) = value { found = "array of \(array.count) \(array.elementType)" }
    return error(.wrongType, "The value must be \(wanted); it is \(found). Convert the file again.", key)
  }
}
