extension Tokenizer {
  /// The tokenizer of a SentencePiece `.model` (BPE or unigram).
  ///
  /// By itself the file adds no special tokens to a text and makes none from it, as the `sentencepiece`
  /// library does not. A configuration may: `add_bos_token`, `add_eos_token`, and tokens beside the
  /// file's own, which are matched whole.
  ///
  /// - Parameters:
  ///   - sentencePiece: the file's bytes.
  ///   - path: the file, for errors.
  ///   - configuration: what the files beside it say.
  /// - Throws: ``TokenizerError`` that names the file, and the remedy.
  public convenience init(
    sentencePiece bytes: UnsafeRawBufferPointer, path: String,
    configuration: TokenizerConfiguration = TokenizerConfiguration()
  ) throws(TokenizerError) {
    let file = try SentencePieceFile(bytes, path: path)
    let tables = try PieceTables(file, path: path)
    let assembly = SentencePieceAssembly(file, tables, configuration)
    self.init(assembly.core, .sentencePiece, assembly.roles)
  }
}

/// Where pieces are found.
private struct PieceTables {
  /// Normal, user-defined and unused pieces.
  var normal: TokenTable
  /// All others.
  var reserved: TokenTable
  var userDefined = PrefixTrie()
  var trie: PrefixTrie

  init(_ file: SentencePieceFile, path: String) throws(TokenizerError) {
    normal = TokenTable(of: file.pieces)
    reserved = TokenTable(of: file.pieces)
    trie = PrefixTrie(expectedByteCount: file.algorithm == .unigram ? file.pieces.bytes.count : 0)
    for index in file.kinds.indices {
      let isNormal = [.normal, .userDefined, .unused].contains(file.kinds[index])
      if let first = isNormal ? normal.insert(index) : reserved.insert(index) {
        throw file.invalid(.duplicateToken, "pieces \(first) and \(index) are the same")
      }
      if isNormal, file.algorithm == .unigram { trie.insert(file.pieces[index], value: Int32(index)) }
      if file.kinds[index] == .userDefined { userDefined.insert(file.pieces[index], value: Int32(index)) }
    }
  }
}

private struct SentencePieceAssembly {
  let core: SentencePieceCore
  let roles: TokenRoles

  init(_ file: SentencePieceFile, _ tables: PieceTables, _ configuration: TokenizerConfiguration) {
    func piece(_ id: Int32?) -> Int32? { id.flatMap { Int($0) < file.kinds.count ? $0 : nil } }
    let unknown = Int32(file.kinds.firstIndex(of: .unknown) ?? 0)
    var added: [AddedToken] = []
    func id(_ role: String) -> Int32? {
      guard let text = configuration.specialTokens[role].map({ Array($0.utf8) }) else { return nil }
      if let known = configuration.addedTokens.first(where: { $0.content == text }) { return known.id }
      let id = tables.reserved.find(text)
      return id != TokenTable.absent
        ? id : tables.normal.find(text) == TokenTable.absent ? nil : tables.normal.find(text)
    }
    added = configuration.addedTokens
    var roles = TokenRoles(
      bos: id("bos_token") ?? piece(file.bosID), eos: id("eos_token") ?? piece(file.eosID),
      unknown: id("unk_token") ?? unknown, padding: id("pad_token") ?? piece(file.paddingID))
    // Llama's and Gemma's classes begin a text with BOS, and T5's ends it with EOS, unless told otherwise.
    let name = configuration.tokenizerClass ?? ""
    let addsBOS = configuration.addBOS ?? ["Llama", "Gemma", "CodeLlama"].contains { name.hasPrefix($0) }
    let addsEOS = configuration.addEOS ?? ["T5", "MT5"].contains { name.hasPrefix($0) }
    roles.addsBOS = addsBOS && roles.bos != nil
    roles.addsEOS = addsEOS && roles.eos != nil
    roles.take(configuration)
    self.roles = roles

    let encoder: any PieceEncoder
    switch file.algorithm {
    case .bpe:
      encoder = MergingPieceEncoder(
        table: tables.normal, userDefined: tables.userDefined, kinds: file.kinds,
        ranks: TokenizerBuild.ranks(of: file.scores),
        keepsWordsApart: !file.kinds.indices.contains {
          [.normal, .userDefined, .unused].contains(file.kinds[$0])
            && TokenizerBuild.spansWords(Array(file.pieces[$0]))
        })
    case .unigram:
      encoder = ScoringPieceEncoder(trie: tables.trie, kinds: file.kinds, scores: file.scores)
    }
    core = SentencePieceCore(
      file: file,
      normalizer: SentencePieceNormalizer(
        charsmap: file.charsmap, userDefined: tables.userDefined, addsDummyPrefix: file.addsDummyPrefix,
        removesExtraSpace: file.removesExtraSpace, escapesSpace: file.escapesSpace,
        treatsSpaceAsSuffix: file.treatsSpaceAsSuffix),
      encoder: encoder, added: AddedTokens(added.map { ($0, $0.content) }),
      addedTexts: Dictionary(added.map { ($0.id, $0) }, uniquingKeysWith: { $1 }),
      byteIDs: file.usesBytes ? ParsedModel.byteIDs(tables.reserved) : [], unknown: unknown,
      postProcessor: PostProcessor(
        bos: roles.addsBOS ? roles.bos : nil, eos: roles.addsEOS ? roles.eos : nil))
  }
}
