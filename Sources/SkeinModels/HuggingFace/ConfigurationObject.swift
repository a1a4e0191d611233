import OrderedCollections
import SkeinFiles
import SkeinJSON

/// An object of a `config.json`: typed values by key, and errors that name the file and the key.
struct ConfigurationObject {
  /// The file.
  let path: String
  /// Where the object lies in the file: empty for the whole, or `rope_scaling.`
  let prefix: String
  let members: OrderedDictionary<String, JSONValue>

  /// The object that a file holds.
  init(path: String) throws {
    let value = try JSONValue(path: path)
    guard case .object(let members) = value else {
      throw ModelError(
        .invalidConfiguration, "holds \(value.kind); a model's configuration is an object", path: path)
    }
    self.init(path: path, prefix: "", members: members)
  }

  private init(path: String, prefix: String, members: OrderedDictionary<String, JSONValue>) {
    self.path = path
    self.prefix = prefix
    self.members = members
  }

  /// The same, with values for keys that are not there.
  func withDefaults(_ defaults: [String: JSONValue]) -> ConfigurationObject {
    var members = members
    for (key, value) in defaults where members[key] == nil { members[key] = value }
    return ConfigurationObject(path: path, prefix: prefix, members: members)
  }

  /// An error about a key of this object.
  func error(_ code: ModelError.Code, _ message: String, at key: String) -> ModelError {
    ModelError(code, message, path: path, place: prefix + key)
  }

  /// Whether the key is there, be it with null.
  func names(_ key: String) -> Bool { members[key] != nil }

  /// The value of the first of these keys that is there with another value than null: newer names of a key come
  /// before older ones.
  private func value(_ keys: [String]) -> (key: String, value: JSONValue)? {
    for key in keys {
      if let value = members[key], value != .null { return (key, value) }
    }
    return nil
  }

  private func wrongType(_ key: String, _ value: JSONValue, wanted: String) -> ModelError {
    error(.invalidConfiguration, "is \(value.kind), must be \(wanted)", at: key)
  }

  /// A whole number from 0, or nil where none of the keys is there.
  func integer(_ keys: String...) throws(ModelError) -> Int? {
    guard let (key, value) = value(keys) else { return nil }
    let number: Int? =
      switch value {
      case .integer(let integer): integer
      case .number(let number): Int(exactly: number)
      default: nil
      }
    guard let number else { throw wrongType(key, value, wanted: "an integer") }
    guard number >= 0 else {
      throw error(.invalidConfiguration, "is \(number), must not be negative", at: key)
    }
    return number
  }

  /// As `integer`, and throws where none of the keys is there.
  func requiredInteger(_ keys: String...) throws(ModelError) -> Int {
    for key in keys {
      if let integer = try integer(key) { return integer }
    }
    throw error(.invalidConfiguration, "is needed and not there. Download the file again", at: keys[0])
  }

  /// A number, or nil where none of the keys is there.
  func number(_ keys: String...) throws(ModelError) -> Double? {
    guard let (key, value) = value(keys) else { return nil }
    switch value {
    case .integer(let integer): return Double(integer)
    case .number(let number): return number
    default: throw wrongType(key, value, wanted: "a number")
    }
  }

  /// A boolean, or nil where the key is not there.
  func bool(_ key: String) throws(ModelError) -> Bool? {
    guard let (_, value) = value([key]) else { return nil }
    guard case .bool(let bool) = value else { throw wrongType(key, value, wanted: "a boolean") }
    return bool
  }

  /// A string, or nil where none of the keys is there.
  func string(_ keys: String...) throws(ModelError) -> String? {
    guard let (key, value) = value(keys) else { return nil }
    guard case .string(let string) = value else { throw wrongType(key, value, wanted: "a string") }
    return string
  }

  /// An array, or nil where the key is not there.
  func array(_ key: String) throws(ModelError) -> [JSONValue]? {
    guard let (_, value) = value([key]) else { return nil }
    guard case .array(let array) = value else { throw wrongType(key, value, wanted: "an array") }
    return array
  }

  /// An array of strings, or nil where the key is not there.
  func strings(_ key: String) throws(ModelError) -> [String]? {
    try array(key)?.map { value throws(ModelError) in
      guard case .string(let string) = value else { throw wrongType(key, value, wanted: "a string") }
      return string
    }
  }

  /// An array of numbers, or nil where the key is not there.
  func numbers(_ key: String) throws(ModelError) -> [Double]? {
    try array(key)?.map { value throws(ModelError) in
      switch value {
      case .integer(let integer): return Double(integer)
      case .number(let number): return number
      default: throw wrongType(key, value, wanted: "a number")
      }
    }
  }

  /// An object, or nil where none of the keys is there.
  func object(_ keys: String...) throws(ModelError) -> ConfigurationObject? {
    guard let (key, value) = value(keys) else { return nil }
    guard case .object(let members) = value else { throw wrongType(key, value, wanted: "an object") }
    return ConfigurationObject(path: path, prefix: prefix + key + ".", members: members)
  }
}
