extension Metadata {
  /// As `integer(_:in:)`, and throws `missingKey` where the key is not there.
  public func requiredInteger(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(CheckpointError) -> Int {
    try required(key, try integer(key, in: range))
  }

  /// As `float(_:)`, and throws `missingKey` where the key is not there.
  public func requiredFloat(_ key: String) throws(CheckpointError) -> Float {
    try required(key, try float(key))
  }

  /// As `bool(_:)`, and throws `missingKey` where the key is not there.
  public func requiredBool(_ key: String) throws(CheckpointError) -> Bool {
    try required(key, try bool(key))
  }

  /// As `string(_:)`, and throws `missingKey` where the key is not there.
  public func requiredString(_ key: String) throws(CheckpointError) -> String {
    try required(key, try string(key))
  }

  /// As `array(_:)`, and throws `missingKey` where the key is not there.
  public func requiredArray(_ key: String) throws(CheckpointError) -> MetadataArray {
    try required(key, try array(key))
  }

  /// As `strings(_:)`, and throws `missingKey` where the key is not there.
  public func requiredStrings(_ key: String) throws(CheckpointError) -> [String] {
    try required(key, try strings(key))
  }

  /// As `integers(_:)`, and throws `missingKey` where the key is not there.
  public func requiredIntegers(_ key: String) throws(CheckpointError) -> [Int] {
    try required(key, try integers(key))
  }

  /// As `floats(_:)`, and throws `missingKey` where the key is not there.
  public func requiredFloats(_ key: String) throws(CheckpointError) -> [Float] {
    try required(key, try floats(key))
  }

  private func required<Value>(_ key: String, _ value: Value?) throws(CheckpointError) -> Value {
    guard let value else {
      throw error(.missingKey, "The key is needed and not in the file. Convert the model again.", key)
    }
    return value
  }
}
