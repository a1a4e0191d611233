/// What is wrong with a fleet, a placement file or a request for a plan.
public struct PlannerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    /// A file that cannot be read or understood.
    case invalidFile
    /// A rule that names what is not there.
    case invalidRule
    /// A request that makes no sense.
    case invalidRequest
    /// No placement fits.
    case doesNotFit
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String
  /// The file that it is about.
  public var path: String?
  /// The line in the file, counted from 1.
  public var line: Int?

  /// A fault.
  public init(_ code: Code, _ message: String, path: String? = nil, line: Int? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.line = line
  }

  /// The file and line, then the message.
  public var description: String {
    guard let path else { return message }
    return path + (line.map { ":\($0)" } ?? "") + ": " + message
  }
}
