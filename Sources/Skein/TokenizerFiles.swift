import SkeinFiles
import SkeinModels
import SkeinText

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

extension Tokenizer {
  /// The tokenizer in a file or a folder.
  ///
  /// - Parameter path: a `.gguf` file; a `tokenizer.json`; a SentencePiece `.model`; or a folder as
  ///   Hugging Face tools save it, of which `tokenizer.json` is read, or else `tokenizer.model`, and what the files beside
  ///   it say: `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json`,
  ///   `chat_template.jinja`, `chat_template.json` and `additional_chat_templates/`. A file that is named by
  ///   itself is read alone.
  /// - Throws: `CheckpointError` where a file cannot be opened, ``TokenizerError`` where it cannot be used,
  ///   ``SkeinError`` (`notFound`) where a folder has no tokenizer.
  public static func load(path: String) throws -> Tokenizer {
    if !MappedFile.isFolder(path) {
      if path.hasSuffix(".json") { return try Tokenizer(json: path, TokenizerConfiguration()) }
      if path.hasSuffix(".model") { return try Tokenizer(sentencePiece: path, TokenizerConfiguration()) }
      return try Tokenizer(checkpoint: GGUFFile(path: path))
    }
    let configuration = try TokenizerConfiguration(folder: path)
    if let file = file(in: path) {
      return file.hasSuffix(".json")
        ? try Tokenizer(json: file, configuration) : try Tokenizer(sentencePiece: file, configuration)
    }
    throw SkeinError(
      .notFound,
      "\(path): the folder has neither tokenizer.json nor tokenizer.model. Load the tokenizer with Hugging "
        + "Face's AutoTokenizer and save it again (save_pretrained), which writes tokenizer.json.")
  }

  /// The file of a folder that its tokenizer is read from; nil where there is none.
  static func file(in folder: String) -> String? {
    let names = ["tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"]
    return names.map { "\(folder)/\($0)" }.first { exists($0) }
  }

  /// The tokenizer of a model: beside its weights in a folder, or what a `.gguf` file says.
  static func load(_ definition: ModelDefinition) throws -> Tokenizer {
    MappedFile.isFolder(definition.path)
      ? try load(path: definition.path) : try Tokenizer(Vocabulary(definition.metadata))
  }

  private convenience init(json path: String, _ configuration: TokenizerConfiguration) throws {
    let file = try MappedFile(path: path)
    try self.init(json: file.bytes, path: path, configuration: configuration)
  }

  private convenience init(sentencePiece path: String, _ configuration: TokenizerConfiguration) throws {
    let file = try MappedFile(path: path)
    try self.init(sentencePiece: file.bytes, path: path, configuration: configuration)
  }
}

extension TokenizerConfiguration {
  /// What the files of a folder say of its tokenizer; those that are not there say nothing.
  ///
  /// - Throws: `CheckpointError` where a file cannot be opened, ``TokenizerError`` where it is not what
  ///   it should be.
  public init(folder: String) throws {
    self.init()
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      try Self.withFile("\(folder)/\(name)") { try read($0.bytes, path: $0.path) }
    }
    try Self.withFile("\(folder)/generation_config.json") { try readGeneration($0.bytes, path: $0.path) }
    try Self.withFile("\(folder)/chat_template.json") { try readChatTemplates($0.bytes, path: $0.path) }
    try readTemplate("\(folder)/chat_template.jinja", name: "default")
    let suffix = ".jinja"
    for name in fileNames(in: "\(folder)/additional_chat_templates") where name.hasSuffix(suffix) {
      let path = "\(folder)/additional_chat_templates/\(name)"
      try readTemplate(path, name: String(name.dropLast(suffix.count)))
    }
  }

  private mutating func readTemplate(_ path: String, name: String) throws {
    try Self.withFile(path) { file in
      guard let text = String(validating: file.bytes, as: UTF8.self) else {
        throw SkeinError(.invalidInput, "\(path): the template is not UTF-8. Download the file again.")
      }
      chatTemplates[name] = text
    }
  }

  private static func withFile(_ path: String, _ body: (MappedFile) throws -> Void) throws {
    if exists(path) { try body(try MappedFile(path: path)) }
  }
}

private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// The names of a folder's files, sorted; none where there is no such folder. At most a thousand.
private func fileNames(in folder: String) -> [String] {
  guard let directory = opendir(folder) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while names.count < 1000, let entry = readdir(directory) {
    names.append(
      withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }
  return names.sorted()
}
