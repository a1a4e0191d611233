import SkeinFiles
import SkeinModels
import SkeinText

/// The tokenizer of a folder as `tokenizer.ggml` keys.
struct FolderVocabulary {
  private(set) var vocabulary: Vocabulary?
  private(set) var warnings: [String] = []
  private let templates: [String: String]

  /// Reads the tokenizer that `Tokenizer.load(path:)` takes.
  init(_ definition: ModelDefinition) throws {
    let folder = definition.path
    let configuration = try TokenizerConfiguration(folder: folder)
    templates = configuration.chatTemplates
    guard let path = Tokenizer.file(in: folder) else {
      warnings.append("the folder has no tokenizer, so the file has none; the model runs by tokens")
      return
    }
    let file = try MappedFile(path: path)
    let count = definition.configuration.vocabularySize
    let export =
      path.hasSuffix(".json")
      ? try VocabularyExport(json: file.bytes, path: path, configuration: configuration, tokenCount: count)
      : try VocabularyExport(
        sentencePiece: file.bytes, path: path, configuration: configuration, tokenCount: count)
    vocabulary = export.vocabulary
    warnings = export.warnings
  }

  /// Writes the keys.
  func write(to metadata: inout Metadata) {
    let prefix = "tokenizer.ggml."
    for (name, template) in templates.sorted(by: { $0.key < $1.key }) {
      let key = name == "default" ? "tokenizer.chat_template" : "tokenizer.chat_template.\(name)"
      metadata.set(key, .string(template))
    }
    let others = templates.keys.filter { $0 != "default" }.sorted()
    if !others.isEmpty { metadata.set("tokenizer.chat_templates", .array(MetadataArray(strings: others))) }
    guard let vocabulary else { return metadata.set(prefix + "model", .string("none")) }
    metadata.set(prefix + "model", .string(vocabulary.model.rawValue))
    if let name = vocabulary.preTokenizer { metadata.set(prefix + "pre", .string(name)) }
    if vocabulary.model == .spm { metadata.set(prefix + "pre", .string("default")) }
    metadata.set(prefix + "tokens", .array(MetadataArray(strings: vocabulary.tokens)))
    if !vocabulary.scores.isEmpty {
      metadata.set(prefix + "scores", .array(MetadataArray(floats: vocabulary.scores)))
    }
    metadata.set(
      prefix + "token_type", .array(MetadataArray(numbers: vocabulary.kinds.map(\.rawValue))))
    if !vocabulary.merges.isEmpty {
      metadata.set(prefix + "merges", .array(MetadataArray(strings: vocabulary.merges)))
    }
    let ids: [(String, Int32?)] = [
      ("bos", vocabulary.bos), ("eos", vocabulary.eos), ("eot", vocabulary.eot),
      ("eom", vocabulary.endOfGeneration.min()), ("unknown", vocabulary.unknown),
      ("padding", vocabulary.padding),
    ]
    for (name, id) in ids {
      if let id { metadata.set(prefix + name + "_token_id", .uint32(UInt32(id))) }
    }
    let flags: [(String, Bool?)] = [
      ("add_bos_token", vocabulary.addBOS), ("add_eos_token", vocabulary.addEOS),
      ("add_space_prefix", vocabulary.addSpacePrefix),
    ]
    for (name, flag) in flags {
      if let flag { metadata.set(prefix + name, .bool(flag)) }
    }
    if vocabulary.removeExtraWhitespace { metadata.set(prefix + "remove_extra_whitespaces", .bool(true)) }
  }
}
