/// What a checkpoint says of its tokens: the values of GGUF's `tokenizer.ggml.*` keys as they stand in
/// the file, before any of them is checked. ``Tokenizer/init(_:)`` checks them.
public struct Vocabulary: Sendable {
  /// How text becomes tokens. The raw values are the names in `tokenizer.ggml.model`.
  public enum Model: String, Sendable, CaseIterable {
    /// SentencePiece's BPE: the pair whose joined token has the best score is merged first; characters
    /// without a token fall back to byte tokens. Llama 1 and 2, Mistral, Gemma 1 to 3, Phi-3.
    case spm = "llama"
    /// Byte-level BPE: a regular expression cuts the text into words, merges join the bytes of a word.
    /// GPT-2, Llama 3, Qwen, DeepSeek, Falcon, StarCoder.
    case bpe = "gpt2"
    /// BPE over characters with spaces written as U+2581 and byte tokens for what is left. Gemma 4, and
    /// SentencePiece vocabularies as tokenizer.json writes them (`byte_fallback`).
    case gemma4 = "gemma4"
    /// WordPiece: text is lower-cased and split into words, each word covered by its longest pieces from
    /// the left. BERT and its kin. Decoding cannot restore case, accents or spacing.
    case wpm = "bert"
  }

  /// What a token is for. The raw values are the numbers in `tokenizer.ggml.token_type`.
  public enum TokenKind: Int32, Sendable, CaseIterable {
    /// Ordinary text.
    case normal = 1
    /// Stands for text that no token covers.
    case unknown = 2
    /// Steers the model (`<s>`, `<|im_end|>`): never made from text unless
    /// ``EncodingOptions/parseSpecial`` asks for it, and not shown unless
    /// ``DecodingOptions/includeSpecial`` asks for it.
    case control = 3
    /// Added text that is matched whole, before anything else looks at the text.
    case userDefined = 4
    /// A place in the table that the model was not trained with.
    case unused = 5
    /// One byte, written `<0x0A>`.
    case byte = 6
  }

  /// How text becomes tokens (`tokenizer.ggml.model`).
  public var model: Model
  /// The text of each token by id (`tokenizer.ggml.tokens`).
  public var tokens: [String]
  /// The score of each token (`tokenizer.ggml.scores`). Needed by `.spm`; empty elsewhere is fine.
  public var scores: [Float]
  /// The kind of each token (`tokenizer.ggml.token_type`); empty means that all are ``TokenKind/normal``.
  /// See ``kinds(ofRawValues:)``.
  public var kinds: [TokenKind]
  /// Pairs to merge, best first, each written `left right` (`tokenizer.ggml.merges`). Needed by `.bpe`.
  public var merges: [String]
  /// The name of the rules that cut text into words (`tokenizer.ggml.pre`). Needed by `.bpe`;
  /// ``Tokenizer/preTokenizerNames`` lists those that are known.
  public var preTokenizer: String?

  /// The token that begins a sequence.
  public var bos: Int32?
  /// The token that ends a sequence.
  public var eos: Int32?
  /// The token that ends a turn of a conversation.
  public var eot: Int32?
  /// The token for text that no other token covers.
  public var unknown: Int32?
  /// The token that fills up a batch.
  public var padding: Int32?
  /// The token between two texts, which WordPiece models also end with.
  public var separator: Int32?
  /// More tokens that end generation, beside ``eos``, ``eot`` and those known by their text.
  public var endOfGeneration: Set<Int32> = []

  /// Whether a sequence begins with ``bos``; nil takes what files of this model and pre-tokenizer mean
  /// when they do not say (`.spm`, Llama 3 and Tekken: yes; the others: no).
  public var addBOS: Bool?
  /// Whether a sequence ends with ``eos``; nil means no.
  public var addEOS: Bool?
  /// Whether text that starts a sequence or follows a special token gets a space in front; nil means
  /// yes for `.spm` and no for `.gemma4`. The others never do, whatever files say.
  public var addSpacePrefix: Bool?
  /// Whether a word that is a token is taken whole even where merges would not lead there
  /// (`ignore_merges` in tokenizer.json); nil means what the pre-tokenizer's name implies.
  public var takesWholeWords: Bool?
  /// Whether runs of spaces become one and spaces at both ends go, before `.spm` sees the text.
  public var removeExtraWhitespace = false
  /// Whether `.wpm` lower-cases text and drops accents; nil means yes.
  public var lowercase: Bool?

  /// Chat templates by name; the one without a name (`tokenizer.chat_template`) is `default`.
  public var chatTemplates: [String: String] = [:]

  /// The model's name (`general.name`). The files of Phi-3 do not say that their special tokens swallow
  /// the white space after them; it is known by this name alone.
  public var modelName: String?
  /// The model's architecture (`general.architecture`), which names the pre-tokenizer of some files that
  /// are older than `tokenizer.ggml.pre`.
  public var architecture: String?

  /// A vocabulary of `tokens` with nothing else said.
  public init(
    model: Model, tokens: [String], scores: [Float] = [], kinds: [TokenKind] = [], merges: [String] = [],
    preTokenizer: String? = nil
  ) {
    self.model = model
    self.tokens = tokens
    self.scores = scores
    self.kinds = kinds
    self.merges = merges
    self.preTokenizer = preTokenizer
  }

  /// The kinds that the numbers of `tokenizer.ggml.token_type` stand for. 0, which old files use for
  /// "not said", counts as ``TokenKind/normal``.
  ///
  /// - Throws: ``TokenizerError`` with code ``TokenizerError/Code/invalidKind`` for any other number.
  public static func kinds(ofRawValues rawValues: [Int32]) throws(TokenizerError) -> [TokenKind] {
    var kinds: [TokenKind] = []
    kinds.reserveCapacity(rawValues.count)
    for (index, rawValue) in rawValues.enumerated() {
      guard let kind = rawValue == 0 ? .normal : TokenKind(rawValue: rawValue) else {
        throw TokenizerError(
          .invalidKind,
          "token \(index) has type \(rawValue); the format knows 1 to 6. Convert the model again.")
      }
      kinds.append(kind)
    }
    return kinds
  }
}
