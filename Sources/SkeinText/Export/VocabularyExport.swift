/// A tokenizer in the words of GGUF, for files that are to be written.
///
/// GGUF knows a few kinds of tokenizers, `tokenizer.json` many. What both know is translated, and then tried: a
/// text that the two take apart differently is a warning. What GGUF has no words for is left out, with a warning.
public struct VocabularyExport: Sendable {
  /// What a file is to say; nil where GGUF has no words for the tokenizer.
  public private(set) var vocabulary: Vocabulary?
  /// What is lost, each in a sentence.
  public private(set) var warnings: [String] = []

  /// Translates what a `tokenizer.json` says.
  ///
  /// - Parameters:
  ///   - json: the file's bytes.
  ///   - path: the file, for errors.
  ///   - configuration: what the files beside it say.
  ///   - tokenCount: rows of the model's table of tokens, which the vocabulary is brought to.
  /// - Throws: ``TokenizerError`` where the file cannot be used at all.
  public init(
    json: UnsafeRawBufferPointer, path: String, configuration: TokenizerConfiguration, tokenCount: Int
  ) throws(TokenizerError) {
    let tokenizer = try Tokenizer(json: json, path: path, configuration: configuration)
    var translation = VocabularyTranslation(tokenizer, tokenCount: tokenCount)
    take(try translation.translate(json, path: path), translation, tokenizer)
  }

  /// Translates what a SentencePiece `.model` says.
  ///
  /// - Parameters:
  ///   - bytes: the file's bytes.
  ///   - path: the file, for errors.
  ///   - configuration: what the files beside it say.
  ///   - tokenCount: rows of the model's table of tokens, which the vocabulary is brought to.
  /// - Throws: ``TokenizerError`` where the file cannot be used at all.
  public init(
    sentencePiece bytes: UnsafeRawBufferPointer, path: String, configuration: TokenizerConfiguration,
    tokenCount: Int
  ) throws(TokenizerError) {
    let tokenizer = try Tokenizer(sentencePiece: bytes, path: path, configuration: configuration)
    var translation = VocabularyTranslation(tokenizer, tokenCount: tokenCount)
    take(try translation.translate(sentencePiece: bytes, path: path), translation, tokenizer)
  }

  private mutating func take(
    _ vocabulary: Vocabulary?, _ translation: VocabularyTranslation, _ tokenizer: Tokenizer
  ) {
    warnings = translation.warnings
    guard let vocabulary else { return }
    do {
      let written = try Tokenizer(vocabulary)
      self.vocabulary = vocabulary
      if let text = Self.trials(tokenizer).first(where: {
        let options = EncodingOptions(addSpecial: true, parseSpecial: true)
        return written.encode($0, options) != tokenizer.encode($0, options)
      }) {
        warnings.append(
          "in the file some texts become other tokens than in the folder, such as \(text.debugDescription)")
      }
    } catch {
      warnings.append("the tokenizer is left out, since by the rules of GGUF it is not usable: \(error)")
    }
  }

  /// Texts in which tokenizers differ that differ at all.
  private static func trials(_ tokenizer: Tokenizer) -> [String] {
    var texts = [
      "Hello, world! It's 2024: don't stop.", "Two  spaces,   three; a tab\tand an end ",
      "one\ntwo\n\n\nthree\r\nfour \n five", "1234567 3.14 1,000,000 x86_64 1st",
      "Gr\u{FC}\u{DF}e, na\u{EF}ve caf\u{E9} \u{2014} \u{201C}so\u{201D}\u{2026}",
      "\u{65E5}\u{672C}\u{8A9E}\u{306E}\u{6587} \u{4E2D}\u{6587} \u{D55C}\u{AD6D}\u{C5B4}",
      "\u{1F469}\u{200D}\u{1F467} \u{1F389}!", "def f(x):\n    return x ** 2  # ok",
      "https://a.example/b?c=d&e=%20#f", "CamelCase snake_case ALLCAPS", "I'LL we'VE 'tis",
      "\u{645}\u{631}\u{62D}\u{628}\u{627} \u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{E44}\u{E17}\u{E22}",
      "a/b\\c (d) [e] {f} <g> $h ^i~ `j`", " in front",
    ]
    // A SentencePiece model makes no special tokens from text.
    for token in tokenizer.format == .huggingFace ? [tokenizer.bos, tokenizer.eos] : [] {
      guard let token, let text = tokenizer.core.describe(token)?.text else { continue }
      texts.append("before\(text)after \(text) end")
    }
    return texts
  }
}

/// The translation of one tokenizer, and what it has to say about it.
struct VocabularyTranslation {
  let tokenizer: Tokenizer
  /// Rows of the model's table of tokens.
  let tokenCount: Int
  var warnings: [String] = []

  init(_ tokenizer: Tokenizer, tokenCount: Int) {
    self.tokenizer = tokenizer
    self.tokenCount = tokenCount
  }

  /// Says that there is no translation.
  mutating func refuse(_ reason: String) -> Vocabulary? {
    warnings.append(
      "the tokenizer is left out: \(reason), which GGUF cannot say. The model runs by tokens; for text, use the"
        + " folder's tokenizer")
    return nil
  }

  /// All that kinds of tokenizers share.
  ///
  /// - Parameter kind: what a token is for, from its text and what the tokenizer says.
  mutating func base(
    _ model: Vocabulary.Model, kind: (String, Vocabulary.TokenKind) -> Vocabulary.TokenKind
  ) -> Vocabulary {
    var vocabulary = Vocabulary(model: model, tokens: [])
    vocabulary.tokens.reserveCapacity(tokenCount)
    var fillers = 0
    for id in 0..<tokenCount {
      if let (text, known) = tokenizer.core.describe(Int32(id)), !text.isEmpty {
        vocabulary.tokens.append(text)
        vocabulary.kinds.append(kind(text, known))
      } else {
        // The table of a model is often larger than the vocabulary.
        vocabulary.tokens.append("[PAD\(id)]")
        vocabulary.kinds.append(.unused)
        fillers += 1
      }
    }
    if tokenizer.tokenCount > tokenCount {
      warnings.append(
        "the tokenizer has \(tokenizer.tokenCount) tokens, the model \(tokenCount): those beyond are left out"
      )
    }
    func inside(_ id: Int32?) -> Int32? { id.flatMap { $0 >= 0 && Int($0) < tokenCount ? $0 : nil } }
    vocabulary.bos = inside(tokenizer.bos)
    let endings = tokenizer.endOfGeneration.sorted().filter { Int($0) < tokenCount }
    vocabulary.eos = inside(tokenizer.eos) ?? endings.first
    let further = endings.filter { $0 != vocabulary.eos }
    vocabulary.eot = further.first
    vocabulary.endOfGeneration = Set(further.dropFirst())
    vocabulary.unknown = inside(tokenizer.unknown)
    vocabulary.padding = inside(tokenizer.padding)
    vocabulary.addBOS = tokenizer.addsBOS && vocabulary.bos != nil
    vocabulary.addEOS = tokenizer.addsEOS && vocabulary.eos != nil
    vocabulary.chatTemplates = tokenizer.chatTemplates
    return vocabulary
  }

  /// Takes up what goes round a text; warns of that and of what added tokens do, where GGUF has no words for it.
  mutating func translateSurroundings(_ file: TokenizerJSON, _ vocabulary: inout Vocabulary) {
    let odd = file.addedTokens.count { $0.stripsLeft || $0.stripsRight || $0.isSingleWord }
    if odd > 0 {
      warnings.append(
        "\(odd) added token\(odd == 1 ? " looks" : "s look") at the characters beside them; GGUF cannot say so"
      )
    }
    // A folder may say what goes round a text without saying what it is called.
    if let parts = file.postProcessor?.single, parts.count > 1 {
      if vocabulary.bos == nil, case .special(let ids) = parts[0], ids.count == 1 {
        (vocabulary.bos, vocabulary.addBOS) = (ids[0], true)
      }
      if vocabulary.eos == nil, case .special(let ids) = parts[parts.count - 1], ids.count == 1 {
        (vocabulary.eos, vocabulary.addEOS) = (ids[0], true)
      }
    }
    let begin = vocabulary.addBOS == true ? [PostProcessor.Part.special([vocabulary.bos!])] : []
    let end = vocabulary.addEOS == true ? [PostProcessor.Part.special([vocabulary.eos!])] : []
    guard let single = file.postProcessor?.single, single != begin + [.first] + end else { return }
    warnings.append("the folder's tokenizer puts more round a text than BOS and EOS; GGUF cannot say so")
  }
}
