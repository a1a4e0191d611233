/// The keys and values of a checkpoint.
///
/// The typed getters give nil for a key that is not there and throw for one with another type, so a
/// damaged file is never taken for one that relies on a default. Those that start with `required` throw
/// for both. Every error names the file and the key.
public struct Metadata: Sendable, Equatable {
  /// The file that the keys come from, for errors.
  public let path: String
  /// All keys, in the file's order.
  public private(set) var keys: [String] = []
  private var values: [String: MetadataValue] = [:]

  /// No keys, from the file at `path`.
  public init(path: String) { self.path = path }

  /// Number of keys.
  public var count: Int { keys.count }

  /// The value of `key`, or nil where it is not there.
  public subscript(key: String) -> MetadataValue? { values[key] }

  /// Adds a key at the end. Throws `duplicate` where it is there already.
  public mutating func add(_ key: String, _ value: MetadataValue) throws(CheckpointError) {
    guard values.updateValue(value, forKey: key) == nil else {
      throw error(.duplicate, "The key is in the file twice. The file is damaged; convert it again.", key)
    }
    keys.append(key)
  }

  /// Gives a key a value: in its place where it is there, else at the end.
  public mutating func set(_ key: String, _ value: MetadataValue) {
    if values.updateValue(value, forKey: key) == nil { keys.append(key) }
  }

  /// Takes a key out, where it is there.
  public mutating func remove(_ key: String) {
    if values.removeValue(forKey: key) != nil { keys.removeAll { $0 == key } }
  }

  /// An error about `key`.
  func error(_ code: CheckpointError.Code, _ message: String, _ key: String) -> CheckpointError {
    CheckpointError(code, message, path: path, place: .key(key))
  }
}
