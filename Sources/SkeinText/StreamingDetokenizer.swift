/// Turns a stream of tokens into text that can be shown at once.
///
/// A token may end in the middle of a character; those bytes wait for the next token. The strings that
/// ``append(_:)`` and ``finish()`` return, joined, are what ``Tokenizer/decode(_:_:)`` makes of the same
/// tokens.
public struct StreamingDetokenizer: Sendable {
  private var decoder: any TokenDecoder
  /// Bytes that have not been shown: at most three between calls.
  private var pending: [UInt8] = []

  init(_ decoder: any TokenDecoder) {
    self.decoder = decoder
  }

  /// Takes the next token; returns the text that is complete with it, or nil while there is none.
  public mutating func append(_ token: Int32) -> String? {
    decoder.append(token, to: &pending)
    let completeByteCount = pending.count - incompleteByteCount(at: pending)
    if completeByteCount == 0 { return nil }
    let text = String(decoding: pending[..<completeByteCount], as: UTF8.self)
    pending.removeSubrange(..<completeByteCount)
    return text
  }

  /// Ends the stream and returns what was left: U+FFFD where it broke off within a character, text that some
  /// decoders hold back until they know what follows, otherwise the empty string.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    decoder.finish(to: &pending)
    return String(decoding: pending, as: UTF8.self)
  }
}
