extension Tokenizer {
  /// The tokenizer that a `tokenizer.json` describes, with what the files beside it say of its special
  /// tokens.
  ///
  /// Which tokens go round a text the file alone says: `transformers` 5 ignores `add_bos_token` and
  /// `add_eos_token` beside a `tokenizer.json`, and so does this. Truncation and padding of the file are not
  /// applied by ``encode(_:_:)``, its padding token and side are what ``pad(_:side:)`` takes by default.
  ///
  /// - Parameters:
  ///   - json: the file's bytes.
  ///   - path: the file, for errors.
  ///   - configuration: what the files beside it say.
  /// - Throws: ``TokenizerError`` that names the file and the key, and the remedy.
  public convenience init(
    json: UnsafeRawBufferPointer, path: String,
    configuration: TokenizerConfiguration = TokenizerConfiguration()
  ) throws(TokenizerError) {
    let file = try TokenizerJSON(json, path: path)
    let assembly = PipelineAssembly(file, configuration)
    self.init(assembly.core, .huggingFace, assembly.roles)
  }
}

/// Puts a pipeline together from a `tokenizer.json` and its configuration.
private struct PipelineAssembly {
  let core: PipelineCore
  let roles: TokenRoles

  init(_ file: TokenizerJSON, _ configuration: TokenizerConfiguration) {
    let added = Self.addedTokens(file, configuration)
    let list = AddedTokenList(file.model, added)
    func id(_ role: String) -> Int32? {
      configuration.specialTokens[role].flatMap { list.id(of: Array($0.utf8)) }
    }
    var roles = TokenRoles(
      bos: id("bos_token"), eos: id("eos_token"), unknown: id("unk_token") ?? file.model.unknown,
      padding: id("pad_token") ?? file.padding)
    let processor = file.postProcessor ?? PostProcessor()
    roles.addsBOS = roles.bos.map { processor.single.first == .special([$0]) } ?? false
    roles.addsEOS = roles.eos.map { processor.single.last == .special([$0]) } ?? false
    roles.take(configuration, fileSide: file.paddingSide)
    self.roles = roles

    let matcher = Matcher()
    let spelled = added.map { token -> (token: AddedToken, spelling: [UInt8]) in
      guard token.isNormalized else { return (token, token.content) }
      var text = PipelineText(bytes: token.content, isAtOrigin: true)
      for normalizer in file.normalizers { normalizer.normalize(&text, matcher) }
      return (token, text.bytes)
    }
    let texts = TokenTexts(
      model: file.model.strings, isInModel: file.model.isToken,
      added: Dictionary(spelled.map { ($0.token.id, $0) }, uniquingKeysWith: { $1 }),
      specialContents: Set(added.filter(\.isSpecial).map(\.content)), unknown: roles.unknown,
      count: max(file.model.strings.count, (added.map { Int($0.id) + 1 }.max() ?? 0)))
    core = PipelineCore(
      plainTokens: AddedTokens(spelled.filter { !$0.token.isNormalized }),
      normalizedTokens: AddedTokens(spelled.filter { $0.token.isNormalized }), normalizers: file.normalizers,
      preTokenizers: file.preTokenizers, model: file.model.words, postProcessor: processor,
      decoderSteps: file.decoderSteps, texts: texts)
  }

  /// The file's added tokens, and those that only the configuration names.
  private static func addedTokens(_ file: TokenizerJSON, _ configuration: TokenizerConfiguration)
    -> [AddedToken]
  {
    var known = Set(file.addedTokens.map(\.content))
    var missing: [AddedToken] = []
    for token in configuration.addedTokens where known.insert(token.content).inserted {
      missing.append(token)
    }
    let named = configuration.specialTokens.sorted { $0.key < $1.key }.map(\.value)
    for text in named + configuration.additionalSpecialTokens where known.insert(Array(text.utf8)).inserted {
      missing.append(AddedToken(id: 0, content: Array(text.utf8), isSpecial: true))
    }
    return AddedTokenList(file.model, file.addedTokens).adding(missing)
  }
}

extension PostProcessor {
  /// BOS in front and EOS behind each text, where there is one.
  init(bos: Int32?, eos: Int32?) {
    let start = bos.map { [Part.special([$0])] } ?? []
    let end = eos.map { [Part.special([$0])] } ?? []
    single = start + [.first] + end
    pair = single + start + [.second] + end
  }
}

extension TokenRoles {
  /// What a configuration says of how the tokenizer is used.
  mutating func take(_ configuration: TokenizerConfiguration, fileSide side: PaddingSide? = nil) {
    paddingSide = configuration.paddingSide ?? side ?? .right
    longestInput = configuration.longestInput
    chatTemplates = configuration.chatTemplates
    endOfGeneration = Set(configuration.endOfGeneration)
    if endOfGeneration.isEmpty, let eos { endOfGeneration = [eos] }
  }
}
