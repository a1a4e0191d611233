/// Why a template cannot be compiled or rendered.
public struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    /// The source is not a template.
    case syntax
    /// It asks for something of Jinja that makes no sense in a chat template, such as `include`.
    case unsupported
    /// It uses a value that is not there.
    case undefined
    /// An operation on values of a kind that it is not for.
    case type
    /// An operation on a value that it is not for: division by zero, a bad format, too few items.
    case value
    /// It tries to change a value, or to reach the inside of one.
    case security
    /// It takes more than `TemplateLimits` allows.
    case limit
    /// It refuses its input: it called `raise_exception`.
    case raised
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, in the words of the template where it is `raised`.
  public var message: String
  /// The line of the template, from 1; 0 where it is not known.
  public var line: Int

  /// A fault in a line of a template.
  public init(_ code: Code, _ message: String, line: Int) {
    self.code = code
    self.message = message
    self.line = line
  }

  /// `chat template, line 3: 'tools' is undefined`
  public var description: String { "chat template" + (line > 0 ? ", line \(line)" : "") + ": \(message)" }
}
