import SkeinJSON

/// The model of a `tokenizer.json`: its vocabulary, and what turns words into tokens.
struct ParsedModel {
  let words: any WordModel
  let table: TokenTable
  let strings: ByteStrings
  /// By id; false for gaps.
  let isToken: [Bool]
  /// How many tokens there are, without gaps.
  let tokenCount: Int
  var unknown: Int32?

  static let types = ["BPE", "WordPiece", "WordLevel", "Unigram"]

  init(_ element: JSONElement) throws(TokenizerError) {
    let type = try Self.type(element)
    if type == "Unigram" {
      let list = try UnigramList(element.required("vocab"))
      (strings, table, isToken, tokenCount) = (list.strings, list.table, list.isToken, list.strings.count)
      let unknown = try element.optional("unk_id").map { (id) throws(TokenizerError) in try id.count() }
      if let unknown, unknown >= strings.count {
        throw element.error(.idOutOfRange, "unk_id is \(unknown), but there are \(strings.count) tokens.")
      }
      self.unknown = unknown.map { Int32($0) }
      let usesBytes = try element.bool("byte_fallback", default: false)
      words = UnigramModel(
        trie: list.trie, scores: list.scores, unknown: self.unknown ?? TokenTable.absent,
        byteIDs: usesBytes ? Self.byteIDs(table) : [])
      return
    }
    let vocabulary = try VocabularyMap(element.required("vocab"))
    (strings, table) = (vocabulary.strings, vocabulary.table)
    (isToken, tokenCount) = (vocabulary.isToken, vocabulary.tokenCount)
    let unknownText = try element.optional("unk_token")?.string()
    unknown = unknownText.flatMap { text in
      let id = vocabulary.table.find(Array(text.utf8))
      return id == TokenTable.absent ? nil : id
    }
    switch type {
    case "BPE": words = try Self.pairs(element, vocabulary, unknown)
    case "WordPiece":
      words = WordPieceModel(
        table: table, unknown: try Self.require(unknown, unknownText, element),
        continuationPrefix: try element.bytes("continuing_subword_prefix"),
        longestWordScalarCount: try element.required("max_input_chars_per_word").count())
    default:
      words = WordLevelModel(table: table, unknown: try Self.require(unknown, unknownText, element))
    }
  }

  /// The model's type; files from before it was written are known by what they have.
  private static func type(_ element: JSONElement) throws(TokenizerError) -> String {
    if try element.optional("type") != nil { return try element.type(of: "model", among: types) }
    if try element.optional("merges") != nil { return "BPE" }
    if try element.optional("max_input_chars_per_word") != nil { return "WordPiece" }
    return try element.optional("unk_token") == nil ? "Unigram" : "WordLevel"
  }

  private static func require(
    _ unknown: Int32?, _ text: String?, _ element: JSONElement
  ) throws(TokenizerError) -> Int32 {
    if let unknown { return unknown }
    throw element.error(
      .missingSpecialToken,
      "the unknown token '\(text ?? "")' is not in the vocabulary, and words need one. Download "
        + "the file again."
    )
  }

  private static func pairs(
    _ element: JSONElement, _ vocabulary: VocabularyMap, _ unknown: Int32?
  ) throws(TokenizerError) -> PairModel {
    let prefix = Array((try element.optional("continuing_subword_prefix")?.string() ?? "").utf8)
    let usesBytes = try element.bool("byte_fallback", default: false)
    // Dropout is for training: the library, too, leaves merges out at random only where it is not zero.
    if let dropout = try element.optional("dropout"), dropout.value != .number(0),
      dropout.value != .integer(0)
    {
      throw dropout.error(
        .invalidValue, "merges are never left out at random here. Set dropout to null to use the model.")
    }
    return PairModel(
      table: vocabulary.table,
      merges: try vocabulary.merges(element.required("merges"), continuationPrefix: prefix),
      byteIDs: usesBytes ? byteIDs(vocabulary.table) : [], unknown: unknown ?? TokenTable.absent,
      fusesUnknown: try element.bool("fuse_unk", default: false),
      takesWholeWords: try element.bool("ignore_merges", default: false), continuationPrefix: prefix,
      endSuffix: Array((try element.optional("end_of_word_suffix")?.string() ?? "").utf8))
  }

  /// The tokens `<0x00>` to `<0xFF>`.
  static func byteIDs(_ table: TokenTable) -> [Int32] {
    let digits = Array("0123456789ABCDEF".utf8)
    return (0...UInt8.max).map { byte in
      table.find([0x3C, 0x30, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)], 0x3E])
    }
  }
}

/// A vocabulary as an object, from tokens to ids.
struct VocabularyMap {
  let strings: ByteStrings
  let table: TokenTable
  let isToken: [Bool]
  let tokenCount: Int

  /// Ids may have gaps, but not such that the file is small and the tables are large.
  private static func largestID(_ tokenCount: Int) -> Int { 1 << 20 + tokenCount * 4 }

  /// Takes the flat array of tokens and ids that the parser makes of the object.
  init(_ element: JSONElement) throws(TokenizerError) {
    let flat = try element.array()
    guard flat.count % 2 == 0 else {
      throw element.error(.invalidValue, "tokens with their ids must be here.")
    }
    var textOfID: [Int32] = []
    let largest = Self.largestID(flat.count / 2)
    for place in stride(from: 0, to: flat.count, by: 2) {
      guard case .string(let text) = flat[place], case .integer(let id) = flat[place + 1] else {
        throw element.error(.invalidValue, "every token must have a whole number as its id.")
      }
      guard (0..<largest).contains(id) else {
        throw element.error(
          .idOutOfRange,
          "the id of \(text.debugDescription.prefix(80)) is \(id); with \(flat.count / 2) tokens it must be "
            + "from 0 to \(largest - 1).")
      }
      while textOfID.count <= id { textOfID.append(-1) }
      guard textOfID[id] < 0 else {
        throw element.error(.duplicateToken, "two tokens have the id \(id). Download the file again.")
      }
      textOfID[id] = Int32(truncatingIfNeeded: place)
    }
    var strings = ByteStrings(reservingCount: textOfID.count)
    for place in textOfID {
      if place >= 0, case .string(var text) = flat[Int(place)] {
        text.withUTF8 { strings.append($0) }
      } else {
        strings.append([])
      }
    }
    var table = TokenTable(of: strings)
    for index in 0..<strings.count where !strings.range(index).isEmpty {
      if let first = table.insert(index) {
        throw element.error(
          .duplicateToken,
          "the token with the ids \(first) and \(index) is there twice. Download the file again.")
      }
    }
    self.strings = strings
    self.table = table
    isToken = textOfID.map { $0 >= 0 }
    tokenCount = flat.count / 2
  }

  func merges(_ element: JSONElement, continuationPrefix: [UInt8]) throws(TokenizerError) -> MergeTable {
    let list = try element.array()
    var merges = MergeTable(capacity: list.count)
    var rank: UInt32 = 0
    var joined: [UInt8] = []
    func invalid(_ index: Int, _ what: String) -> TokenizerError {
      element.error(.invalidMerge, "merge \(index) \(what). Download the file again.")
    }
    for (index, value) in list.enumerated() {
      var (left, right) = (TokenTable.absent, TokenTable.absent)
      joined.removeAll(keepingCapacity: true)
      switch value {
      case .string(var text):
        if text.hasPrefix("#version") { continue }
        let isPair = text.withUTF8 { bytes -> Bool in
          guard let gap = bytes.firstIndex(of: 0x20), bytes.lastIndex(of: 0x20) == gap else { return false }
          (left, right) = (table.find(bytes[..<gap]), table.find(bytes[(gap + 1)...]))
          joined.append(contentsOf: bytes[..<gap])
          joined.append(contentsOf: bytes[(gap + 1)...].dropFirst(continuationPrefix.count))
          return true
        }
        if !isPair { throw invalid(index, "is not two tokens with a space between") }
      case .array(let pair):
        guard pair.count == 2, case .string(var first) = pair[0], case .string(var second) = pair[1] else {
          throw invalid(index, "is not two tokens")
        }
        left = first.withUTF8 {
          joined.append(contentsOf: $0); return table.find($0[...])
        }
        right = second.withUTF8 {
          joined.append(contentsOf: $0.dropFirst(continuationPrefix.count))
          return table.find($0[...])
        }
      default: throw invalid(index, "is neither a string nor a pair")
      }
      let id = table.find(joined)
      guard left >= 0, right >= 0, id >= 0 else {
        throw invalid(index, "joins or makes something that is no token")
      }
      merges.replace(left, right, rank: rank, id: id)
      rank += 1
    }
    return merges
  }
}

/// A vocabulary as a list of tokens with scores.
struct UnigramList {
  let strings: ByteStrings
  let table: TokenTable
  let trie: PrefixTrie
  let scores: [Double]
  let isToken: [Bool]

  init(_ element: JSONElement) throws(TokenizerError) {
    let list = try element.array()
    guard !list.isEmpty else {
      throw element.error(.emptyVocabulary, "there are no tokens. Download the file again.")
    }
    var strings = ByteStrings(reservingCount: list.count)
    var scores: [Double] = []
    scores.reserveCapacity(list.count)
    for (index, entry) in list.enumerated() {
      guard case .array(let pair) = entry, pair.count == 2, case .string(var text) = pair[0] else {
        throw element.error(
          .invalidValue, "token \(index) is not a text and a score. Download the file again.")
      }
      switch pair[1] {
      case .number(let score): scores.append(score)
      case .integer(let score): scores.append(Double(score))
      default: throw element.error(.invalidScore, "the score of token \(index) is not a number.")
      }
      text.withUTF8 { strings.append($0) }
    }
    var table = TokenTable(of: strings)
    var trie = PrefixTrie(expectedByteCount: strings.bytes.count)
    // Of a token that is there twice, the last one counts.
    for index in (0..<list.count).reversed() where !strings.range(index).isEmpty {
      if table.insert(index) == nil { trie.insert(strings[index], value: Int32(index)) }
    }
    self.strings = strings
    self.table = table
    self.trie = trie
    self.scores = scores
    isToken = Array(repeating: true, count: list.count)
  }
}
