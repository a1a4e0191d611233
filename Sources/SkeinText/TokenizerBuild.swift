/// Everything a ``Tokenizer`` consists of, checked and built from a vocabulary.
struct TokenizerBuild {
  var bos: Int32?
  var eos: Int32?
  var eot: Int32?
  var unknown: Int32?
  var addsBOS = false
  var addsEOS = false
  var endOfGeneration: Set<Int32> = []
  var preTokenizer: PreTokenizer?
  var encoder: any TextEncoder
  var specialTokens: SpecialTokens
  var pieces: TokenPieces

  init(_ vocabulary: Vocabulary) throws(TokenizerError) {
    try vocabulary.validate()
    var kinds =
      vocabulary.kinds.isEmpty
      ? Array(repeating: Vocabulary.TokenKind.normal, count: vocabulary.tokens.count) : vocabulary.kinds
    let ids = KnownTokens(vocabulary, &kinds)
    (bos, eos, eot, unknown) = (ids.bos, ids.eos, ids.eot, ids.unknown)
    endOfGeneration = ids.endOfGeneration

    switch vocabulary.model {
    case .spm:
      encoder = try Self.sentencePiece(vocabulary, unknown: ids.unknown)
    case .bpe, .gemma4:
      let rules = try PreTokenizer.resolve(vocabulary)
      preTokenizer = rules
      // Files name an unknown token that the models were never given, often the end of text; only one
      // of that kind is used.
      let unknown = ids.unknown.flatMap { kinds[Int($0)] == .unknown ? $0 : nil }
      encoder = try Self.pairs(vocabulary, rules, unknown: unknown)
    case .wpm:
      encoder = try WordPieceEncoder(vocabulary, unknown: ids.unknown)
    }
    pieces = TokenPieces(vocabulary, kinds, escapesSpaces: preTokenizer?.escapesSpaces)
    specialTokens = SpecialTokens(ids.specialTokens(vocabulary, kinds))
    try chooseEnds(vocabulary, ids)
  }

  /// Whether BOS and EOS go round a text.
  private mutating func chooseEnds(_ vocabulary: Vocabulary, _ ids: KnownTokens) throws(TokenizerError) {
    let usuallyAddsBOS =
      vocabulary.model == .spm || vocabulary.model == .wpm || vocabulary.model == .gemma4
      || preTokenizer?.addsBOS == true
    addsBOS = vocabulary.addBOS ?? (usuallyAddsBOS && bos != nil)
    addsEOS = vocabulary.addEOS ?? false
    // The first files of Gemma 4 say that they want none; the model is lost without it.
    if vocabulary.architecture?.hasPrefix("gemma4") == true { addsBOS = bos != nil }
    if vocabulary.model == .wpm {
      addsBOS = bos != nil
      addsEOS = vocabulary.separator != nil
    }
    if addsBOS && bos == nil {
      throw TokenizerError(
        .missingSpecialToken,
        "the vocabulary asks for BOS in front of a text but names no BOS token. Set tokenizer.ggml."
          + "bos_token_id, or tokenizer.ggml.add_bos_token to false.")
    }
    if addsEOS && eos == nil && vocabulary.separator == nil {
      throw TokenizerError(
        .missingSpecialToken,
        "the vocabulary asks for EOS at the end of a text but names no EOS token. Set tokenizer.ggml."
          + "eos_token_id, or tokenizer.ggml.add_eos_token to false.")
    }
  }

  private static func sentencePiece(
    _ vocabulary: Vocabulary, unknown: Int32?
  ) throws(TokenizerError) -> SentencePieceEncoder {
    guard vocabulary.scores.count == vocabulary.tokens.count else {
      throw TokenizerError(
        .countMismatch,
        "a SentencePiece vocabulary needs the scores of its \(vocabulary.tokens.count) tokens (tokenizer.ggml."
          + "scores) and has none. Convert the model again.")
    }
    var strings = ByteStrings(reservingCount: vocabulary.tokens.count)
    for token in vocabulary.tokens { strings.append(token.utf8) }
    let table = try TokenTable.filled(strings, texts: vocabulary.tokens)
    return SentencePieceEncoder(
      table: table, ranks: ranks(of: vocabulary.scores),
      fallback: ByteFallback(ids: bracketedBytes(table), unknown: unknown ?? TokenTable.absent),
      addsSpacePrefix: vocabulary.usesSpacePrefix,
      removesExtraWhitespace: vocabulary.removeExtraWhitespace,
      keepsWordsApart: !vocabulary.tokens.contains { spansWords(Array($0.utf8)) })
  }

  private static func pairs(
    _ vocabulary: Vocabulary, _ rules: PreTokenizer, unknown: Int32?
  ) throws(TokenizerError) -> PairEncoder {
    let alphabet = rules.escapesSpaces ? nil : ByteAlphabet()
    func spell(_ text: Substring) -> [UInt8]? {
      alphabet.map { $0.bytes(of: text.unicodeScalars) } ?? Array(text.utf8)
    }
    var strings = ByteStrings(reservingCount: vocabulary.tokens.count)
    // A token outside the alphabet is never met in a word; it is in the list as the empty string.
    for token in vocabulary.tokens { strings.append(spell(token[...]) ?? []) }
    let table = try TokenTable.filled(strings, texts: vocabulary.tokens)
    let bytes: [Int32] =
      rules.escapesSpaces
      ? bracketedBytes(table) : (0...UInt8.max).map { table.find(CollectionOfOne($0)) }
    return PairEncoder(
      table: table, merges: try mergeTable(vocabulary, table, spell),
      splitter: try WordSplitter(rules.stages),
      fallback: ByteFallback(ids: bytes, unknown: unknown ?? TokenTable.absent),
      takesWholeWords: vocabulary.takesWholeWords ?? rules.takesWholeWords,
      escapesSpaces: rules.escapesSpaces,
      addsSpacePrefix: rules.escapesSpaces && vocabulary.usesSpacePrefix)
  }

  private static func mergeTable(
    _ vocabulary: Vocabulary, _ table: TokenTable, _ spell: (Substring) -> [UInt8]?
  ) throws(TokenizerError) -> MergeTable {
    if vocabulary.merges.isEmpty {
      throw TokenizerError(
        .missingMerges,
        "the vocabulary has no merges (tokenizer.ggml.merges), so no token longer than a byte could be made. "
          + "Convert the model again.")
    }
    var merges = MergeTable(capacity: vocabulary.merges.count)
    for (rank, merge) in vocabulary.merges.enumerated() {
      // The left part may itself begin with a space.
      let scalars = merge.unicodeScalars
      guard let gap = scalars.dropFirst().firstIndex(of: " "),
        let left = spell(merge[..<gap]), let right = spell(merge[scalars.index(after: gap)...])
      else {
        throw TokenizerError(
          .invalidMerge,
          "merge \(rank), '\(merge)', is not two tokens with a space between. Convert the model again.")
      }
      let (leftID, rightID, id) = (table.find(left), table.find(right), table.find(left + right))
      guard leftID >= 0, rightID >= 0, id >= 0 else {
        throw TokenizerError(
          .invalidMerge,
          "merge \(rank), '\(merge)', joins or makes something that is no token. Convert the model again.")
      }
      merges.insert(leftID, rightID, rank: UInt32(truncatingIfNeeded: rank), id: id)
    }
    return merges
  }

  /// The place of each score in the order from best to worst; equal scores share a place.
  static func ranks(of scores: [Float]) -> [UInt32] {
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var ranks = [UInt32](repeating: 0, count: scores.count)
    var rank: UInt32 = 0
    for (place, index) in order.enumerated() {
      if place > 0, scores[index] != scores[order[place - 1]] { rank += 1 }
      ranks[index] = rank
    }
    return ranks
  }

  /// The tokens `<0x00>` to `<0xFF>`; where one is missing, the token that is the byte itself.
  private static func bracketedBytes(_ table: TokenTable) -> [Int32] {
    (0...UInt8.max).map { byte in
      let digits = Array("0123456789ABCDEF".utf8)
      let name = Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]] + Array(">".utf8)
      let id = table.find(name)
      return id == TokenTable.absent ? table.find(CollectionOfOne(byte)) : id
    }
  }

  /// Whether an escaped space follows another character.
  static func spansWords(_ token: [UInt8]) -> Bool {
    token.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return false }
      var index = 0
      var isInSpaces = true
      while index < bytes.count {
        let isSpace = EscapedSpace.starts(base, at: index, count: bytes.count)
        if isSpace && !isInSpaces { return true }
        isInSpaces = isSpace
        index += isSpace ? 3 : 1
      }
      return false
    }
  }
}
