import OrderedCollections
import SkeinFiles
import SkeinJSON
import SkeinTemplate
import SkeinText

/// How a model is told who says what: the template that it was trained with.
///
///     let template = try model.chatTemplate()
///     let text = try template.render([.init(.system, "Be brief."), .init(.user, "What is a skein?")])
///     for try await piece in model.generate(tokens: model.tokenizer.encode(chat: text)) { ... }
public struct ChatTemplate: Sendable {
  /// A turn of a conversation.
  public struct Message: Hashable, Sendable {
    /// Who says it.
    public enum Role: String, Hashable, Sendable {
      case system, user, assistant, tool
    }
    /// All fields, as JSON: `role`, `content`, and what else a template reads (`tool_calls`, `name`...).
    public var fields: OrderedDictionary<String, JSONValue>

    /// A turn with any fields.
    public init(fields: OrderedDictionary<String, JSONValue>) { self.fields = fields }

    /// A turn of text.
    public init(_ role: Role, _ content: String) {
      fields = ["role": .string(role.rawValue), "content": .string(content)]
    }
  }

  /// What a rendering may be told beside the messages.
  public struct Options: Sendable {
    /// Functions that the model may call, each as a JSON schema; nil where there are none.
    public var tools: [JSONValue]?
    /// Ends with what makes the model answer.
    public var addsGenerationPrompt = true
    /// Further variables, such as `enable_thinking`.
    public var variables: OrderedDictionary<String, JSONValue> = [:]
    /// What the template takes for today; nil is the time of the rendering.
    public var date: TemplateDate?

    /// The defaults.
    public init() {}
  }

  /// The template.
  public let source: String
  private let template: Template
  private let tokens: OrderedDictionary<String, JSONValue>

  /// Compiles a template.
  ///
  /// - Parameters:
  ///   - source: Jinja, as in `tokenizer_config.json` or `chat_template.jinja`.
  ///   - bosToken: the text of the token that begins a text; nil where the model has none.
  ///   - eosToken: the text of the token that ends a text.
  ///   - otherTokens: more of them by the names that templates use: `unk_token`, `pad_token`...
  public init(
    source: String, bosToken: String? = nil, eosToken: String? = nil,
    otherTokens: OrderedDictionary<String, String> = [:], limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) {
    self.source = source
    template = try Template(source, limits: limits)
    var tokens: OrderedDictionary<String, JSONValue> = [:]
    tokens["bos_token"] = bosToken.map(JSONValue.string)
    tokens["eos_token"] = eosToken.map(JSONValue.string)
    for (name, text) in otherTokens { tokens[name] = .string(text) }
    self.tokens = tokens
  }

  /// The conversation as the model reads it.
  ///
  /// - Throws: `TemplateError`; `raised` where the template does not take such a conversation.
  public func render(
    _ messages: [Message], options: Options = Options()
  ) throws(TemplateError) -> String {
    var variables: OrderedDictionary<String, JSONValue> = [
      "messages": .array(messages.map { .object($0.withReasoning) }),
      "tools": options.tools.map(JSONValue.array) ?? .null,
      "documents": .null,
      "add_generation_prompt": .bool(options.addsGenerationPrompt),
    ]
    variables.merge(tokens) { $1 }
    variables.merge(options.variables) { $1 }
    return try template.render(variables, date: options.date ?? .now)
  }
}

extension ChatTemplate.Message {
  /// The fields with the reasoning, where there is some, under all names that templates read it by.
  fileprivate var withReasoning: OrderedDictionary<String, JSONValue> {
    let reasoning = ["reasoning_content", "thinking", "reasoning"].lazy.compactMap { fields[$0] }
      .first { $0 != .null }
    guard let reasoning else { return fields }
    var result: OrderedDictionary<String, JSONValue> = ["thinking": reasoning]
    result.merge(fields) { $1 }
    result["reasoning_content"] = reasoning
    return result
  }
}

extension Tokenizer {
  /// The tokens of a conversation that a template wrote: its special tokens are such, and the token that begins a
  /// text is added only where the model wants one and the template did not write it.
  public func encode(chat text: String) -> [Int32] {
    let tokens = encode(text, .template)
    guard addsBOS, let bos, tokens.first != bos else { return tokens }
    return [bos] + tokens
  }
}
