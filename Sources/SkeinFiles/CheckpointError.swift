/// Why a checkpoint could not be opened, or why something asked of it is not there.
///
/// `description` is one line that can be shown to a user as it is: the file, the key or tensor, what is
/// wrong, what to do about it, and what the system said.
public struct CheckpointError: Error, Sendable, CustomStringConvertible {
  /// What kind of thing went wrong, for code that reacts to it.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// No such file.
    case notFound
    /// The system refused to open, size or map the file.
    case unreadable
    /// A folder, pipe or device where a file was expected.
    case notAFile
    /// The file has no bytes.
    case empty
    /// The first bytes are not those of the expected format.
    case unknownFormat
    /// The format is right, the version or byte order is not.
    case unsupportedVersion
    /// The file ends before something it promised.
    case truncated
    /// A field has a value that the format does not allow.
    case malformed
    /// A limit that keeps memory and time bounded was passed.
    case tooLarge
    /// A tensor has an element type that is not in `ElementType`.
    case unsupportedElementType
    /// A key or tensor name is there twice.
    case duplicate
    /// Two tensors share bytes.
    case overlap
    /// A part of a checkpoint in several files is not there.
    case missingPart
    /// The parts of a checkpoint in several files contradict each other.
    case inconsistentParts
    /// A key that is needed is not there.
    case missingKey
    /// A key holds a value of another type than the one asked for.
    case wrongType
    /// A value does not fit the range that was asked for.
    case outOfRange
    /// A tensor that is needed is not there.
    case missingTensor
    /// The system refused to write a file.
    case unwritable
    /// A file that may not be replaced.
    case alreadyExists
  }

  /// Where in the file.
  public enum Place: Sendable, Hashable, CustomStringConvertible {
    /// The metadata key with this name.
    case key(String)
    /// The tensor with this name.
    case tensor(String)

    /// `key "general.alignment"`
    public var description: String {
      switch self {
      case .key(let name): "key \(quoted(name))"
      case .tensor(let name): "tensor \(quoted(name))"
      }
    }
  }

  /// What kind of thing went wrong.
  public var code: Code
  /// What went wrong and what to do about it, without file and place.
  public var message: String
  /// The file, as it was named by the caller or derived from that name.
  public var path: String
  /// The key or tensor, where it is known.
  public var place: Place?
  /// The error underneath, such as a `SystemError`.
  public var cause: (any Error)?

  /// An error with these fields.
  public init(
    _ code: Code, _ message: String, path: String, place: Place? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.path = path
    self.place = place
    self.cause = cause
  }

  /// `model.gguf: tensor "output.weight": message (cause)`
  public var description: String {
    var text = path
    if let place { text += ": \(place)" }
    text += ": \(message)"
    if let cause { text += " (\(cause))" }
    return text
  }
}

/// A failed system call.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name of the call: `open`.
  public var call: String
  /// The system's error number, `errno`.
  public var number: Int32

  /// The failure of `call` with error number `number`.
  public init(call: String, number: Int32) {
    self.call = call
    self.number = number
  }

  /// `open: Permission denied`
  public var description: String { "\(call): \(systemMessage(number))" }
}

/// A name from a file, made safe to print: escaped, because a name may hold control characters, and
/// cut, because it may be 64 KiB long.
func quoted(_ name: String) -> String {
  let longest = 120
  guard name.unicodeScalars.count > longest else { return String(reflecting: name) }
  return String(reflecting: String(String.UnicodeScalarView(name.unicodeScalars.prefix(longest)))) + "..."
}
