/// The tokens with a part to play, from what the file says and, where it does not, from their text.
struct KnownTokens {
  var bos: Int32?
  var eos: Int32?
  var eot: Int32?
  var unknown: Int32?
  var endOfGeneration: Set<Int32>

  /// Ends of turns and of texts; files seldom list them all, and models do stop with any of them.
  private static var endings: [String] {
    [
      "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
      "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
      "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
      "<｜end▁of▁sentence｜>", "[e~[",
    ]
  }

  /// Those that end the model's turn, the first that is there being the turn's end.
  private static var turnEndings: [String] {
    [
      "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>",
      "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
    ]
  }

  /// After these, code models go on to another file.
  private static var fileEndings: [String] {
    [
      "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<reponame>",
      "<|file_sep|>",
    ]
  }

  /// Parts of a Harmony message: shown, because the caller takes the message apart by them.
  private static var messageParts: [String] {
    ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"]
  }

  /// Finds the tokens; corrects the kinds of those that files are known to label wrongly.
  init(_ vocabulary: Vocabulary, _ kinds: inout [Vocabulary.TokenKind]) {
    let wanted = Set(
      (Self.endings + Self.fileEndings + Self.messageParts + ["<s>", "<bos>", "[CLS]", "<unk>", "[UNK]"])
        .map { Array($0.utf8) })
    var found: [[UInt8]: Int32] = [:]
    for (id, token) in vocabulary.tokens.enumerated() where token.utf8.count <= 32 {
      let text = Array(token.utf8)
      if wanted.contains(text) { found[text] = Int32(id) }
    }
    func id(_ text: String) -> Int32? { found[Array(text.utf8)] }

    endOfGeneration = vocabulary.endOfGeneration
    for text in Self.endings {
      guard let id = id(text) else { continue }
      endOfGeneration.insert(id)
      kinds[Int(id)] = .control
    }
    endOfGeneration.formUnion(Self.fileEndings.compactMap(id))
    // Harmony and Solar end a message with <|end|> and go on; Gemma 4 does not end with </s>.
    let isHarmony = id("<|return|>") != nil && id("<|call|>") != nil
    let isSolar = id("<|calls|>") != nil && id("<|flush|>") != nil
    if isHarmony || isSolar, let end = id("<|end|>") {
      endOfGeneration.remove(end)
      kinds[Int(end)] = .userDefined
    }
    if id("<|tool_response>") != nil, let end = id("</s>") {
      endOfGeneration.remove(end)
      kinds[Int(end)] = .normal
    }
    for part in Self.messageParts.compactMap(id) { kinds[Int(part)] = .userDefined }

    // Old SentencePiece files leave these out; they stand where the trainer puts them.
    func usual(_ id: Int32, _ kind: Vocabulary.TokenKind) -> Int32? {
      guard vocabulary.model == .spm, Int(id) < kinds.count, kinds[Int(id)] == kind else { return nil }
      return id
    }
    bos = vocabulary.bos ?? usual(1, .control)
    eos = vocabulary.eos ?? usual(2, .control)
    unknown = vocabulary.unknown ?? usual(0, .unknown)
    if vocabulary.model == .wpm {
      bos = vocabulary.bos ?? id("[CLS]")
      unknown = vocabulary.unknown ?? id("[UNK]")
    }
    eot = vocabulary.eot ?? Self.turnEndings.lazy.compactMap(id).first
    endOfGeneration.formUnion([eos, vocabulary.eot].compactMap { $0 })
  }

  /// The tokens that are matched whole in text.
  func specialTokens(_ vocabulary: Vocabulary, _ kinds: [Vocabulary.TokenKind]) -> [SpecialTokens.Token] {
    let name = vocabulary.modelName?.lowercased() ?? ""
    let isPhi3 = name.contains("phi-3") || name.contains("phi3")
    let masksSwallowSpace = vocabulary.preTokenizer?.hasPrefix("jina-v2") ?? false
    var tokens: [SpecialTokens.Token] = []
    for (index, kind) in kinds.enumerated() {
      guard kind == .control || kind == .userDefined || kind == .unknown else { continue }
      let text = vocabulary.tokens[index]
      tokens.append(
        SpecialTokens.Token(
          id: Int32(index), text: Array(text.utf8), isControl: kind != .userDefined,
          stripsLeft: masksSwallowSpace && text == "<mask>",
          stripsRight: isPhi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>"))
    }
    return tokens
  }
}
