/// Why a checkpoint cannot be made into a model.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    /// No family of this architecture.
    case unknownArchitecture
    /// The family is known, something it asks for is not.
    case unsupported
    /// Hyper-parameters that contradict each other.
    case invalidConfiguration
    /// A tensor that the graph needs is not there.
    case missingTensor
    /// A tensor of another shape than the graph needs.
    case wrongShape
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String
  /// The file, or the option of the command.
  public var path: String
  /// The tensor or key that it is about.
  public var place: String?

  /// A fault in the checkpoint at `path`.
  public init(_ code: Code, _ message: String, path: String, place: String? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.place = place
  }

  /// The file, the place, then the message.
  public var description: String { "\(path): " + (place.map { "\($0): " } ?? "") + message }
}
