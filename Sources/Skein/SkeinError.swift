/// What went wrong with a request to Skein itself. Errors of files, models, devices and execution keep
/// their own types; each describes itself in one line.
public struct SkeinError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    case invalidOption, notFound, invalidInput, cancelled
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String

  /// A fault.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
