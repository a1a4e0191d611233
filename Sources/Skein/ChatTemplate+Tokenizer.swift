import OrderedCollections
import SkeinJSON
import SkeinText

/// Templates that come with a tokenizer.
extension ChatTemplate {
  /// A template of a tokenizer.
  ///
  /// - Parameters:
  ///   - name: one of `tokenizer.chatTemplates`; nil is the one for `tools`, where there are such, or the main one.
  ///   - path: the model, for errors.
  /// - Throws: `SkeinError` where there is none, `TemplateError` where it cannot be compiled.
  public init(
    _ tokenizer: Tokenizer, name: String? = nil, tools: [JSONValue]? = nil, path: String
  ) throws {
    let hasOwn = name == nil && tools != nil && tokenizer.chatTemplates["tool_use"] != nil
    let source = try Self.source(tokenizer, name: hasOwn ? "tool_use" : name, path: path)
    func text(_ id: Int32?) -> String? {
      id.map { tokenizer.decode([$0], DecodingOptions(includeSpecial: true)) }
    }
    var others: OrderedDictionary<String, String> = [:]
    others["unk_token"] = text(tokenizer.unknown)
    others["pad_token"] = text(tokenizer.padding)
    others["sep_token"] = text(tokenizer.vocabulary?.separator)
    try self.init(
      source: source, bosToken: text(tokenizer.bos), eosToken: text(tokenizer.eos), otherTokens: others)
  }

  private static func source(_ tokenizer: Tokenizer, name: String?, path: String) throws -> String {
    if let source = tokenizer.chatTemplates[name ?? "default"] { return source }
    let names = tokenizer.chatTemplates.keys.sorted()
    let known = names.isEmpty ? "" : "; it has templates of these names: " + names.joined(separator: ", ")
    guard let name else {
      throw SkeinError(
        .notFound,
        "\(path): the model has no chat template\(known). It continues text: give it a text without --chat, or take"
          + " a model that was made for conversations")
    }
    throw SkeinError(.notFound, "\(path): the model has no chat template \"\(name.prefix(80))\"\(known)")
  }
}

extension Model {
  /// The chat template that the model came with.
  ///
  /// - Parameter name: one of its named templates; nil is the main one.
  /// - Throws: `SkeinError` where there is none, `TemplateError` where it cannot be compiled.
  public func chatTemplate(_ name: String? = nil) throws -> ChatTemplate {
    try ChatTemplate(tokenizer, name: name, path: definition.path)
  }
}
