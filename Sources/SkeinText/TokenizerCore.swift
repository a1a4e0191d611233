/// What a ``Tokenizer`` consists of, whichever kind of file it is from.
protocol TokenizerCore: Sendable {
  /// Ids go from 0 to this, exclusive.
  var tokenCount: Int { get }
  /// Bytes of valid UTF-8 that nothing stands for.
  var unencodableBytes: [UInt8] { get }
  func encode(_ text: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions) -> [Int32]
  func encode(
    _ first: UnsafeBufferPointer<UInt8>, and second: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions
  ) -> [Int32]
  func makeDecoder(_ options: DecodingOptions) -> any TokenDecoder
  func describe(_ token: Int32) -> (text: String, kind: Vocabulary.TokenKind)?
  func token(for text: String) -> Int32?
}

/// Turns tokens into bytes one by one.
protocol TokenDecoder: Sendable {
  /// Appends what is certain with this token.
  mutating func append(_ token: Int32, to result: inout [UInt8])
  /// Appends what is left when no token follows.
  mutating func finish(to result: inout [UInt8])
}

/// A tokenizer after the rules of GGUF.
struct VocabularyCore: TokenizerCore {
  let vocabulary: Vocabulary
  let encoder: any TextEncoder
  let specialTokens: SpecialTokens
  let pieces: TokenPieces
  /// What goes round a text; nil where nothing does.
  let beginning: Int32?
  let ending: Int32?

  var tokenCount: Int { vocabulary.tokens.count }
  var unencodableBytes: [UInt8] { encoder.unencodableBytes }

  init(_ vocabulary: Vocabulary, _ build: TokenizerBuild) {
    self.vocabulary = vocabulary
    encoder = build.encoder
    specialTokens = build.specialTokens
    pieces = build.pieces
    beginning = build.addsBOS ? build.bos : nil
    ending = build.addsEOS ? (vocabulary.model == .wpm ? vocabulary.separator : build.eos) : nil
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions) -> [Int32] {
    var run = EncodingRun(textByteCount: text.count)
    if options.addSpecial, let beginning { run.output.append(beginning) }
    append(text, options, to: &run)
    if options.addSpecial, let ending { run.output.append(ending) }
    return run.output
  }

  /// The second text follows the ending of the first; only the first has a beginning.
  func encode(
    _ first: UnsafeBufferPointer<UInt8>, and second: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions
  ) -> [Int32] {
    var run = EncodingRun(textByteCount: second.count)
    append(second, options, to: &run)
    if options.addSpecial, let ending { run.output.append(ending) }
    return encode(first, options) + run.output
  }

  private func append(
    _ text: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions, to run: inout EncodingRun
  ) {
    var isAtStart = true
    for fragment in specialTokens.partition(text, parseSpecial: options.parseSpecial) {
      switch fragment {
      case .token(let id):
        run.output.append(id)
        isAtStart = true
      case .text(let range):
        encoder.encode(UnsafeBufferPointer(rebasing: text[range]), isAtStart: isAtStart, into: &run)
        isAtStart = false
      }
    }
  }

  func makeDecoder(_ options: DecodingOptions) -> any TokenDecoder {
    PieceDecoder(
      pieces: pieces, includeSpecial: options.includeSpecial, isAtStart: options.position == .start)
  }

  func describe(_ token: Int32) -> (text: String, kind: Vocabulary.TokenKind)? {
    guard token >= 0, Int(token) < tokenCount else { return nil }
    return (vocabulary.tokens[Int(token)], pieces.kinds[Int(token)])
  }

  func token(for text: String) -> Int32? {
    // Slow and rare: not worth a second table.
    vocabulary.tokens.firstIndex { $0.utf8.elementsEqual(text.utf8) }.map { Int32($0) }
  }
}

/// Every token writes its piece.
private struct PieceDecoder: TokenDecoder {
  let pieces: TokenPieces
  let includeSpecial: Bool
  var isAtStart: Bool

  mutating func append(_ token: Int32, to result: inout [UInt8]) {
    pieces.append(token, includeSpecial: includeSpecial, isAtStart: &isAtStart, to: &result)
  }

  mutating func finish(to result: inout [UInt8]) {}
}
