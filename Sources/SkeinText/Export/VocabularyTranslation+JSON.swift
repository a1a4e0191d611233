import SkeinJSON

/// `tokenizer.json`.
extension VocabularyTranslation {
  /// The vocabulary of a file that a tokenizer was made of already; nil where there is none, with a warning.
  mutating func translate(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(TokenizerError) -> Vocabulary? {
    let file = try TokenizerJSON(bytes, path: path)
    let root: JSONElement
    do {
      root = JSONElement(
        try JSONValue(
          parsing: bytes, path: path, limits: TokenizerJSON.limits, flattening: [["model", "vocab"]]),
        "\(path): tokenizer")
    } catch {
      throw TokenizerError(error)
    }
    switch file.model.words {
    case is WordPieceModel: return refuse("it is WordPiece with steps of its own")
    case is UnigramModel: return refuse("it is a unigram model")
    case let pairs as PairModel:
      guard pairs.continuationPrefix.isEmpty, pairs.endSuffix.isEmpty else {
        return refuse("its tokens carry marks for the middle or the end of words")
      }
      guard let merges = try merges(root.required("model")) else {
        return refuse("parts of its merges have spaces in them")
      }
      if pairs.byteIDs.isEmpty { return try byteLevel(file, pairs, merges, root) }
      return escapedSpaces(file, merges)
    default: return refuse("its tokens are whole words")
    }
  }

  /// Merges as GGUF has them; nil where a part has a space in it.
  private func merges(_ model: JSONElement) throws(TokenizerError) -> [String]? {
    var merges: [String] = []
    for value in try model.required("merges").array() {
      switch value {
      case .string(let text) where text.hasPrefix("#version"): continue
      case .string(let text): merges.append(text)
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1],
          !left.utf8.contains(0x20), !right.utf8.contains(0x20)
        else { return nil }
        merges.append("\(left) \(right)")
      default: return nil
      }
    }
    return merges
  }

  // MARK: Bytes

  private mutating func byteLevel(
    _ file: TokenizerJSON, _ pairs: PairModel, _ merges: [String], _ root: JSONElement
  ) throws(TokenizerError) -> Vocabulary? {
    let isComposing = file.normalizers.allSatisfy { ($0 as? FormNormalizer)?.form == .canonicalComposed }
    guard isComposing else { return refuse("it rewrites text before it is cut into words") }
    var cuts = WordCuts()
    if let element = try root.optional("pre_tokenizer") { try cuts.append(element) }
    guard cuts.isByteLevel else { return refuse("its tokens are not spelt in bytes") }
    if !file.normalizers.isEmpty {
      warnings.append(
        "the folder's tokenizer composes characters (NFC); readers of GGUF take text as it comes")
    }
    if cuts.addsPrefixSpace {
      warnings.append("the folder's tokenizer puts a space in front of text; GGUF cannot say so")
    }
    // Nothing is unknown where every byte has a token.
    var vocabulary = base(.bpe) { _, known in
      switch known {
      case .unknown: .control
      case .byte: .normal
      default: known
      }
    }
    vocabulary.merges = merges
    vocabulary.preTokenizer = wordRules(cuts, file, takesWholeWords: pairs.takesWholeWords)
    translateSurroundings(file, &vocabulary)
    return vocabulary
  }

  /// The name of the rules that cut text into words.
  private mutating func wordRules(
    _ cuts: WordCuts, _ file: TokenizerJSON, takesWholeWords: Bool
  ) -> String {
    if let name = PreTokenizer.recognize(cuts.expressions, takesWholeWords: takesWholeWords) { return name }
    if let name = PreTokenizer.resembling(file.preTokenizers, takesWholeWords: takesWholeWords) {
      warnings.append(
        "how text is cut into words is written as \"\(name)\" (tokenizer.ggml.pre), which does the same to a number of"
          + " texts; its expressions are others")
      return name
    }
    warnings.append(
      "how the folder's tokenizer cuts text into words has no name in GGUF (tokenizer.ggml.pre); \"default\" is"
        + " written, and some texts become other tokens")
    return "default"
  }

  // MARK: Characters

  /// SentencePiece's BPE as `tokenizer.json` has it: spaces are U+2581, and what is no token becomes bytes.
  private mutating func escapedSpaces(_ file: TokenizerJSON, _ merges: [String]) -> Vocabulary? {
    let mark = EscapedSpace.bytes
    var addsPrefix = false
    var escapes = false
    for normalizer in file.normalizers {
      switch normalizer {
      case let step as PrependNormalizer where Array(step.prefix) == Array(mark): addsPrefix = true
      case let step as ReplaceNormalizer:
        guard case .string(let text) = step.finder, text == [0x20], step.content == Array(mark) else {
          return refuse("it rewrites text before it is cut into words")
        }
        escapes = true
      default: return refuse("it rewrites text before it is cut into words")
      }
    }
    for step in file.preTokenizers {
      switch step {
      case let step as MetaspaceStep where step.replacement == 0x2581:
        escapes = true
        if step.prefix != .never { addsPrefix = true }
      case let step as SplitStep:
        // Once spaces are written otherwise, there are none to cut at.
        guard case .string(let text) = step.finder, text == [0x20] else {
          return refuse("it cuts text into words by rules of its own")
        }
      default: return refuse("it cuts text into words by rules of its own")
      }
    }
    guard escapes else { return refuse("it keeps spaces as they are") }
    let unknown = tokenizer.unknown
    let scores = ScoreOrder(file.model, merges).scores(tokenCount: tokenCount)
    var vocabulary = base(scores == nil ? .gemma4 : .spm) { text, known in
      byteNamed(Array(text.utf8)[...]) != nil ? .byte : known
    }
    if let unknown, Int(unknown) < tokenCount { vocabulary.kinds[Int(unknown)] = .unknown }
    vocabulary.addSpacePrefix = addsPrefix
    if let scores {
      vocabulary.scores = scores
    } else {
      vocabulary.merges = merges
      warnings.append(
        "the order of the tokenizer's merges does not follow from scores of tokens; it is written as \"gemma4\", which"
          + " programs from before 2026 do not read")
    }
    translateSurroundings(file, &vocabulary)
    return vocabulary
  }
}

/// Scores of tokens that lead to the same merges as a list of merges does.
///
/// SentencePiece joins any two neighbours whose joined text is a token, that with the best score first; a list of merges
/// names the pairs. They are the same where the list has every way to make a token, one after the other.
private struct ScoreOrder {
  let model: ParsedModel
  private var pairs: Set<UInt64> = []
  /// For each token the first and the last merge that makes it.
  private var ranks: [Int32: ClosedRange<Int>] = [:]

  init(_ model: ParsedModel, _ merges: [String]) {
    self.model = model
    for (rank, merge) in merges.enumerated() {
      let bytes = Array(merge.utf8)
      guard let gap = bytes.firstIndex(of: 0x20) else { continue }
      let (left, right) = (model.table.find(bytes[..<gap]), model.table.find(bytes[(gap + 1)...]))
      let id = model.table.find(bytes[..<gap] + bytes[(gap + 1)...])
      guard left >= 0, right >= 0, id >= 0 else { continue }
      pairs.insert(Self.key(left, right))
      ranks[id] = ranks[id].map { $0.lowerBound...rank } ?? rank...rank
    }
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// A score for each token; nil where none lead to the same merges.
  func scores(tokenCount: Int) -> [Float]? {
    let ordered = ranks.sorted { $0.value.lowerBound < $1.value.lowerBound }
    for (one, next) in zip(ordered, ordered.dropFirst()) where one.value.upperBound > next.value.lowerBound {
      return nil
    }
    for (id, _) in ordered where !hasAllPairs(id) { return nil }
    // Tokens that no merge makes come last: they are characters, or matched whole.
    var scores = [Float](repeating: -Float(ordered.count) - 1, count: tokenCount)
    for (place, entry) in ordered.enumerated() where Int(entry.key) < tokenCount {
      scores[Int(entry.key)] = -Float(place)
    }
    return scores
  }

  /// Whether every two tokens that make this one are a merge.
  private func hasAllPairs(_ id: Int32) -> Bool {
    let text = Array(model.strings[Int(id)])
    for cut in text.indices.dropFirst() where text[cut] & 0xC0 != 0x80 {
      let (left, right) = (model.table.find(text[..<cut]), model.table.find(text[cut...]))
      if left >= 0, right >= 0, !pairs.contains(Self.key(left, right)) { return false }
    }
    return true
  }
}
