/// Turns text into the tokens of a model and back.
///
/// Made once from a checkpoint's ``Vocabulary``; from then on it does not change, and any number of tasks
/// may use it at once. The rules are those of the GGUF format as llama.cpp defined them, with two
/// differences: decoding never changes the text (no clean-up of spaces before punctuation), and the space
/// that encoding puts in front of a text is taken away again after special tokens too, so that
/// `decode(encode(text))` is `text` wherever every byte has a token.
public final class Tokenizer: Sendable {
  /// The vocabulary this was made from.
  public let vocabulary: Vocabulary
  /// The token that begins a sequence.
  public let bos: Int32?
  /// The token that ends a sequence.
  public let eos: Int32?
  /// The token that ends a turn of a conversation.
  public let eot: Int32?
  /// The token for text that no other token covers.
  public let unknown: Int32?
  /// The token that fills up a batch.
  public let padding: Int32?
  /// The tokens after which a model has nothing more to say: EOS, EOT and those known by their text,
  /// such as `<|im_end|>` and `<end_of_turn>`.
  public let endOfGeneration: Set<Int32>
  /// Whether ``encode(_:_:)`` puts BOS in front when special tokens are asked for.
  public let addsBOS: Bool
  /// Whether ``encode(_:_:)`` puts EOS at the end when special tokens are asked for.
  public let addsEOS: Bool
  /// The pre-tokenizer in use; nil for models that have none.
  public let preTokenizerName: String?

  let encoder: any TextEncoder
  let specialTokens: SpecialTokens
  let pieces: TokenPieces

  /// The names of `tokenizer.ggml.pre` that are known, sorted.
  public static var preTokenizerNames: [String] { PreTokenizer.catalog.flatMap(\.names).sorted() }

  /// How many tokens there are; ids go from 0 to this, exclusive.
  public var tokenCount: Int { vocabulary.tokens.count }

  /// Bytes of valid UTF-8 that the vocabulary has no token for. Encoding leaves them out, as other
  /// engines do; empty for every well-made vocabulary.
  public var unencodableBytes: [UInt8] { encoder.unencodableBytes }

  /// Checks a vocabulary and builds the tables that encoding and decoding need.
  ///
  /// - Throws: ``TokenizerError`` where the vocabulary contradicts itself or needs rules that are not
  ///   known here; the message says which and what to do.
  public init(_ vocabulary: Vocabulary) throws(TokenizerError) {
    let build = try TokenizerBuild(vocabulary)
    self.vocabulary = vocabulary
    bos = build.bos
    eos = build.eos
    eot = build.eot
    unknown = build.unknown
    padding = vocabulary.padding
    endOfGeneration = build.endOfGeneration
    addsBOS = build.addsBOS
    addsEOS = build.addsEOS
    preTokenizerName = build.preTokenizer.map { vocabulary.preTokenizer ?? $0.names[0] }
    encoder = build.encoder
    specialTokens = build.specialTokens
    pieces = build.pieces
  }

  /// The tokens of a text. Works on any text of any length in O(n log n) time.
  public func encode(_ text: String, _ options: EncodingOptions = .text) -> [Int32] {
    var text = text
    return text.withUTF8 { bytes in
      var run = EncodingRun(textByteCount: bytes.count)
      if options.addSpecial, addsBOS, let bos { run.output.append(bos) }
      var isAtStart = true
      for fragment in specialTokens.partition(bytes, parseSpecial: options.parseSpecial) {
        switch fragment {
        case .token(let id):
          run.output.append(id)
          isAtStart = true
        case .text(let range):
          encoder.encode(UnsafeBufferPointer(rebasing: bytes[range]), isAtStart: isAtStart, into: &run)
          isAtStart = false
        }
      }
      if options.addSpecial, addsEOS, let ending = vocabulary.model == .wpm ? vocabulary.separator : eos {
        run.output.append(ending)
      }
      return run.output
    }
  }

  /// The token whose text in the vocabulary is exactly `text`, such as `<|im_start|>`.
  public func token(for text: String) -> Int32? {
    // Slow and rare: not worth a second table.
    vocabulary.tokens.firstIndex { $0.utf8.elementsEqual(text.utf8) }.map { Int32($0) }
  }
}
