/// Why a model could not be quantized. What concerns reading or writing files is a `CheckpointError`.
public struct QuantizationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: String, Hashable, Sendable {
    /// A weight is an infinity or NaN.
    case notFinite
    /// A weight is beyond what the format can hold.
    case tooLarge
    /// A limit that keeps memory bounded was passed.
    case unsupported
    /// Someone asked to stop.
    case cancelled
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String
  /// The file that is read.
  public var path: String
  /// The tensor that it is about.
  public var tensor: String?

  /// A fault in the model at `path`.
  public init(_ code: Code, _ message: String, path: String, tensor: String? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.tensor = tensor
  }

  /// The file, the tensor, then the message.
  public var description: String { "\(path): " + (tensor.map { "tensor \"\($0)\": " } ?? "") + message }
}
