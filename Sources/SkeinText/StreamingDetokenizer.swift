/// Turns a stream of tokens into text that can be shown at once.
///
/// A token may end in the middle of a character; those bytes wait for the next token. The strings that
/// ``append(_:)`` and ``finish()`` return, joined, are what ``Tokenizer/decode(_:_:)`` makes of the same
/// tokens.
public struct StreamingDetokenizer: Sendable {
  private let pieces: TokenPieces
  private let includeSpecial: Bool
  private var isAtStart: Bool
  /// Bytes that have not been shown: at most three between calls.
  private var pending: [UInt8] = []

  init(pieces: TokenPieces, options: DecodingOptions) {
    self.pieces = pieces
    includeSpecial = options.includeSpecial
    isAtStart = options.position == .start
  }

  /// Takes the next token; returns the text that is complete with it, or nil while there is none.
  public mutating func append(_ token: Int32) -> String? {
    pieces.append(token, includeSpecial: includeSpecial, isAtStart: &isAtStart, to: &pending)
    let completeByteCount = pending.count - Self.incompleteByteCount(at: pending)
    if completeByteCount == 0 { return nil }
    let text = String(decoding: pending[..<completeByteCount], as: UTF8.self)
    pending.removeSubrange(..<completeByteCount)
    return text
  }

  /// Ends the stream: U+FFFD where it broke off within a character, otherwise the empty string.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end may yet become a character.
  private static func incompleteByteCount(at bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let lead = bytes[bytes.count - count]
      if lead & 0xC0 == 0x80 { continue }
      let needed: Int
      switch lead {
      case 0xC2...0xDF: needed = 2
      case 0xE0...0xEF: needed = 3
      case 0xF0...0xF4: needed = 4
      default: return 0
      }
      guard count < needed else { return 0 }
      if count == 1 { return 1 }
      // The second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF.
      let second = bytes[bytes.count - count + 1]
      let range: ClosedRange<UInt8>
      switch lead {
      case 0xE0: range = 0xA0...0xBF
      case 0xED: range = 0x80...0x9F
      case 0xF0: range = 0x90...0xBF
      case 0xF4: range = 0x80...0x8F
      default: range = 0x80...0xBF
      }
      return range.contains(second) ? count : 0
    }
    return 0
  }
}
