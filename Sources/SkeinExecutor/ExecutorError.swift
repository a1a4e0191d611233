/// What went wrong while a plan was loaded or run.
public struct ExecutorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    case invalidBatch, contextFull, device, weights, stopped
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
