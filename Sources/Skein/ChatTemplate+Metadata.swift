import OrderedCollections
import SkeinFiles
import SkeinJSON
import SkeinText

/// Templates in the metadata of GGUF files.
extension ChatTemplate {
  private static let key = "tokenizer.chat_template"

  /// The template of a checkpoint.
  ///
  /// - Parameters:
  ///   - name: one of `names(in:)`; nil is the one for `tools`, where there are such, or the main one.
  /// - Throws: `SkeinError` where there is none, `TemplateError` where it cannot be compiled.
  public init(
    _ metadata: Metadata, vocabulary: Vocabulary, name: String? = nil, tools: [JSONValue]? = nil
  ) throws {
    let hasOwn = try name == nil && tools != nil && Self.names(in: metadata).contains("tool_use")
    let source = try Self.source(in: metadata, name: hasOwn ? "tool_use" : name)
    func text(_ id: Int32?) -> String? {
      id.flatMap { vocabulary.tokens.indices.contains(Int($0)) ? vocabulary.tokens[Int($0)] : nil }
    }
    var others: OrderedDictionary<String, String> = [:]
    others["unk_token"] = text(vocabulary.unknown)
    others["pad_token"] = text(vocabulary.padding)
    others["sep_token"] = text(vocabulary.separator)
    try self.init(
      source: source, bosToken: text(vocabulary.bos), eosToken: text(vocabulary.eos), otherTokens: others)
  }

  /// The names of the templates beside the main one.
  public static func names(in metadata: Metadata) throws -> [String] {
    try metadata.strings("tokenizer.chat_templates") ?? []
  }

  /// The text of a template.
  ///
  /// - Parameter name: one of `names(in:)`; nil, or `default` where none is called so, is the main one.
  /// - Throws: `SkeinError` where there is none, which says which there are.
  public static func source(in metadata: Metadata, name: String? = nil) throws -> String {
    let named = try name.flatMap { try metadata.string("\(key).\($0)") }
    if let source = try named ?? (name == nil || name == "default" ? metadata.string(key) : nil) {
      return source
    }
    let names = try names(in: metadata)
    let known = names.isEmpty ? "" : "; it has templates of these names: " + names.joined(separator: ", ")
    guard let name else {
      throw SkeinError(
        .notFound,
        "\(metadata.path): the model has no chat template (\(key))\(known). It continues text: give it a text"
          + " without --chat, or a file of the model that was made for conversations")
    }
    throw SkeinError(
      .notFound, "\(metadata.path): the model has no chat template \"\(name.prefix(80))\"\(known)")
  }
}

extension Model {
  /// The chat template that the model came with.
  ///
  /// - Parameter name: one of its named templates; nil is the main one.
  /// - Throws: `SkeinError` where there is none, `TemplateError` where it cannot be compiled.
  public func chatTemplate(_ name: String? = nil) throws -> ChatTemplate {
    try ChatTemplate(definition.checkpoint.metadata, vocabulary: tokenizer.vocabulary, name: name)
  }
}
