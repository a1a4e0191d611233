extension Tokenizer {
  /// The text of the tokens. Bytes that are not UTF-8 become U+FFFD. So do ids outside the vocabulary
  /// where the tokenizer is from a GGUF file; elsewhere they are left out, as the libraries do.
  public func decode(_ tokens: [Int32], _ options: DecodingOptions = .text) -> String {
    String(decoding: decodeBytes(tokens, options), as: UTF8.self)
  }

  /// The bytes of the tokens, which need not be whole characters.
  public func decodeBytes(_ tokens: [Int32], _ options: DecodingOptions = .text) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tokens.count * 4)
    var decoder = core.makeDecoder(options)
    for token in tokens { decoder.append(token, to: &bytes) }
    decoder.finish(to: &bytes)
    return bytes
  }

  /// Turns tokens into text one by one, as a model writes them. By default for what a model writes after
  /// its prompt.
  public func makeDetokenizer(_ options: DecodingOptions = .continuation) -> StreamingDetokenizer {
    StreamingDetokenizer(core.makeDecoder(options))
  }

  /// What is known of one token: its text in the vocabulary and its kind; nil for an id outside it.
  public func describe(_ token: Int32) -> (text: String, kind: Vocabulary.TokenKind)? {
    core.describe(token)
  }
}
