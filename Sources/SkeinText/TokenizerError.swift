/// Why a vocabulary cannot be used.
public struct TokenizerError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, for programs.
  public enum Code: String, Sendable, CaseIterable {
    /// There are no tokens.
    case emptyVocabulary
    /// Scores or kinds do not number as many as the tokens.
    case countMismatch
    /// Two tokens have the same text, so text could not tell them apart.
    case duplicateToken
    /// A score is not a number.
    case invalidScore
    /// A token's kind is no number of the format.
    case invalidKind
    /// A merge is not two tokens, or joins to something that is none.
    case invalidMerge
    /// A BPE vocabulary without merges.
    case missingMerges
    /// A special token's id is outside the vocabulary.
    case idOutOfRange
    /// The vocabulary asks for a special token that it does not name.
    case missingSpecialToken
    /// A BPE vocabulary does not say how text is cut into words.
    case missingPreTokenizer
    /// The pre-tokenizer's name is not known here.
    case unknownPreTokenizer
    /// A regular expression of a pre-tokenizer does not compile with the PCRE2 that is installed.
    case patternFailed
    /// A file is not what it should be: not JSON, not a SentencePiece model, or it breaks off.
    case malformed
    /// A file lacks a value, or has one that cannot be.
    case invalidValue
    /// A file names a kind of step that is not known here.
    case unknownType
    /// A file is larger than any tokenizer.
    case tooLarge
    /// A file cannot be read.
    case unreadable
  }

  /// The kind of failure, for programs.
  public let code: Code
  /// What is wrong and what to do about it, for people.
  public let message: String
  /// The error underneath, where there is one.
  public let cause: (any Error)?

  init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// `tokenizer: ` and the message, then the cause.
  public var description: String {
    "tokenizer: \(message)" + (cause.map { " (\($0))" } ?? "")
  }
}
