import SkeinFiles
import SkeinText

extension Vocabulary {
  /// Reads the `tokenizer.ggml` keys of a GGUF file.
  init(_ metadata: Metadata) throws {
    let prefix = "tokenizer.ggml."
    let name = try metadata.requiredString(prefix + "model")
    guard let model = Model(rawValue: name) else {
      let known = Model.allCases.map(\.rawValue).joined(separator: ", ")
      throw SkeinError(
        .invalidInput, "\(metadata.path): tokenizer \"\(name.prefix(80))\" is not supported; \(known) are")
    }
    self.init(model: model, tokens: try metadata.requiredStrings(prefix + "tokens"))
    scores = try metadata.floats(prefix + "scores") ?? []
    let rawKinds = try metadata.integers(prefix + "token_type") ?? []
    kinds = try Vocabulary.kinds(ofRawValues: rawKinds.map { Int32(clamping: $0) })
    merges = try metadata.strings(prefix + "merges") ?? []
    preTokenizer = try metadata.string(prefix + "pre")
    func id(_ key: String) throws -> Int32? {
      // Some converters write the largest number for "none".
      guard let value = try metadata.integer(prefix + key), value != Int(UInt32.max), value != -1 else {
        return nil
      }
      return Int32(clamping: value)
    }
    bos = try id("bos_token_id")
    eos = try id("eos_token_id")
    eot = try id("eot_token_id")
    unknown = try id("unknown_token_id")
    padding = try id("padding_token_id")
    separator = try id("seperator_token_id")
    if let endOfMessage = try id("eom_token_id") { endOfGeneration.insert(endOfMessage) }
    addBOS = try metadata.bool(prefix + "add_bos_token")
    addEOS = try metadata.bool(prefix + "add_eos_token")
    addSpacePrefix = try metadata.bool(prefix + "add_space_prefix")
    removeExtraWhitespace = try metadata.bool(prefix + "remove_extra_whitespaces") ?? false
    chatTemplates["default"] = try metadata.string("tokenizer.chat_template")
    for name in try metadata.strings("tokenizer.chat_templates") ?? [] {
      chatTemplates[name] = try metadata.string("tokenizer.chat_template.\(name)")
    }
    modelName = try metadata.string("general.name")
    architecture = try metadata.string("general.architecture")
  }
}

extension Tokenizer {
  /// The tokenizer that a checkpoint carries.
  public convenience init(checkpoint: any Checkpoint) throws {
    try self.init(Vocabulary(checkpoint.metadata))
  }
}
