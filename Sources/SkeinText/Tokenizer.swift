/// Turns text into the tokens of a model and back.
///
/// Made once from a checkpoint's ``Vocabulary``, from the `tokenizer.json` of a Hugging Face folder
/// (``init(json:path:configuration:)``) or from a SentencePiece model
/// (``init(sentencePiece:path:configuration:)``); from then on it does not change, and any number of
/// tasks may use it at once.
///
/// From `tokenizer.json` and SentencePiece models come exactly the tokens and the text that the
/// `tokenizers` and `sentencepiece` libraries give. The rules for a ``Vocabulary`` are those of the GGUF
/// format as llama.cpp defined them, with two differences: decoding never changes the text (no clean-up
/// of spaces before punctuation), and the space that encoding puts in front of a text is taken away again
/// after special tokens too, so that `decode(encode(text))` is `text` wherever every byte has a token.
/// Text is taken as it comes: the normalization that some models' own tokenizers begin with (Qwen's to
/// NFC) is not part of the format.
public final class Tokenizer: Sendable {
  /// The kind of file a tokenizer is from, whose rules it follows.
  public enum Format: Sendable, Hashable {
    /// A vocabulary in a GGUF file.
    case gguf
    /// `tokenizer.json` of the `tokenizers` library. Its users take the text of special tokens for
    /// those tokens (``EncodingOptions/parseSpecial``) unless they say otherwise.
    case huggingFace
    /// A SentencePiece `.model`.
    case sentencePiece
  }

  /// The kind of file this was made from.
  public let format: Format
  /// The vocabulary this was made from; nil where it is from no GGUF file.
  public let vocabulary: Vocabulary?
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

  /// Which side ``pad(_:side:)`` fills up where it is not told.
  public let paddingSide: PaddingSide
  /// The most tokens that the tokenizer's configuration says the model takes; nil where it does not say.
  public let longestInput: Int?
  /// Chat templates by name, as text: the one without a name is `default`.
  public let chatTemplates: [String: String]

  let core: any TokenizerCore

  /// The names of `tokenizer.ggml.pre` that are known, sorted.
  public static var preTokenizerNames: [String] { PreTokenizer.catalog.flatMap(\.names).sorted() }

  /// How many tokens there are; ids go from 0 to this, exclusive.
  public var tokenCount: Int { core.tokenCount }

  /// Bytes of valid UTF-8 that the vocabulary has no token for. Encoding leaves them out, as other
  /// engines do; empty for every well-made vocabulary.
  public var unencodableBytes: [UInt8] { core.unencodableBytes }

  /// Checks a vocabulary and builds the tables that encoding and decoding need.
  ///
  /// - Throws: ``TokenizerError`` where the vocabulary contradicts itself or needs rules that are not
  ///   known here; the message says which and what to do.
  public init(_ vocabulary: Vocabulary) throws(TokenizerError) {
    let build = try TokenizerBuild(vocabulary)
    format = .gguf
    self.vocabulary = vocabulary
    bos = build.bos
    eos = build.eos
    eot = build.eot
    unknown = build.unknown
    padding = vocabulary.padding
    endOfGeneration = build.endOfGeneration
    addsBOS = build.addsBOS
    addsEOS = build.addsEOS
    preTokenizerName = build.preTokenizer.map { rules in
      rules.names.first { $0 == vocabulary.preTokenizer } ?? rules.names[0]
    }
    paddingSide = .right
    longestInput = nil
    chatTemplates = vocabulary.chatTemplates
    core = VocabularyCore(vocabulary, build)
  }

  /// A tokenizer of other files.
  init(_ core: any TokenizerCore, _ format: Format, _ roles: TokenRoles) {
    self.format = format
    vocabulary = nil
    bos = roles.bos
    eos = roles.eos
    eot = nil
    unknown = roles.unknown
    padding = roles.padding
    endOfGeneration = roles.endOfGeneration
    addsBOS = roles.addsBOS
    addsEOS = roles.addsEOS
    preTokenizerName = nil
    paddingSide = roles.paddingSide
    longestInput = roles.longestInput
    chatTemplates = roles.chatTemplates
    self.core = core
  }

  /// The tokens of a text. Works on any text of any length in O(n log n) time.
  public func encode(_ text: String, _ options: EncodingOptions = .text) -> [Int32] {
    var text = text
    return text.withUTF8 { core.encode($0, options) }
  }

  /// The tokens of two texts that belong together, such as a question and a passage, with the special tokens
  /// that the tokenizer puts round and between them.
  public func encode(_ text: String, and second: String, _ options: EncodingOptions = .text) -> [Int32] {
    var first = text
    var second = second
    return first.withUTF8 { first in second.withUTF8 { core.encode(first, and: $0, options) } }
  }

  /// The token whose text in the vocabulary is exactly `text`, such as `<|im_start|>`.
  public func token(for text: String) -> Int32? { core.token(for: text) }
}

/// What is known of a tokenizer's special tokens and how it is used, beside the tokenizer itself.
struct TokenRoles: Sendable {
  var bos: Int32?
  var eos: Int32?
  var unknown: Int32?
  var padding: Int32?
  var endOfGeneration: Set<Int32> = []
  var addsBOS = false
  var addsEOS = false
  var paddingSide = PaddingSide.right
  var longestInput: Int?
  var chatTemplates: [String: String] = [:]
}
