/// What is wrong with a JSON text.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    /// It is not JSON.
    case malformed
    /// It holds more than was allowed.
    case tooLarge
    /// An object has a key twice.
    case duplicate
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, where, and what to do about it.
  public var message: String
  /// The file, as it was named by the caller.
  public var path: String

  /// A fault in the file at `path`.
  public init(_ code: Code, _ message: String, path: String) {
    self.code = code
    self.message = message
    self.path = path
  }

  /// `config.json: Line 3, column 7: a colon must be here.`
  public var description: String { "\(path): \(message)" }
}

/// A name from a file, made safe to print: escaped, because it may hold control characters, and cut.
func quoted(_ name: String) -> String {
  let longest = 120
  guard name.unicodeScalars.count > longest else { return String(reflecting: name) }
  return String(reflecting: String(String.UnicodeScalarView(name.unicodeScalars.prefix(longest)))) + "..."
}
