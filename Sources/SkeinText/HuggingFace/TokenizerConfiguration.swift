import SkeinJSON

/// What the files beside a tokenizer say of it: `tokenizer_config.json`, `special_tokens_map.json`,
/// `generation_config.json` and chat templates. Each part is optional.
public struct TokenizerConfiguration: Sendable {
  /// The text of each special token by its role: `bos_token`, `eos_token`, `unk_token`, `pad_token`...
  public var specialTokens: [String: String] = [:]
  /// Further special tokens.
  public var additionalSpecialTokens: [String] = []
  /// Whether a text begins with `bos_token`; nil where the file does not say.
  public var addBOS: Bool?
  /// Whether a text ends with `eos_token`; nil where the file does not say.
  public var addEOS: Bool?
  /// Where padding goes.
  public var paddingSide: PaddingSide?
  /// The most tokens that the model takes; nil where the file says nothing or a number beyond all bounds.
  public var longestInput: Int?
  /// The tokens after which generation ends, by `generation_config.json`.
  public var endOfGeneration: [Int32] = []
  /// Chat templates by name; the one without a name is `default`.
  public var chatTemplates: [String: String] = [:]
  /// The class that the file names, such as `LlamaTokenizerFast`.
  public var tokenizerClass: String?
  var addedTokens: [AddedToken] = []

  /// Nothing said.
  public init() {}

  /// Takes up what `tokenizer_config.json` or `special_tokens_map.json` says; what has been said before
  /// is kept.
  ///
  /// - Throws: ``TokenizerError`` with the file and the key.
  public mutating func read(_ bytes: UnsafeRawBufferPointer, path: String) throws(TokenizerError) {
    let root = try Self.parse(bytes, path)
    guard case .object(let members) = root.value else {
      throw root.error(.malformed, "an object must be here. Download the file again.")
    }
    for key in members.keys where key.hasSuffix("_token") {
      guard specialTokens[key] == nil, let text = try Self.tokenText(root.optional(key)) else { continue }
      specialTokens[key] = text
    }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      guard let element = try root.optional(key), case .array = element.value else { continue }
      for token in try element.elements() {
        if let text = try Self.tokenText(token) { additionalSpecialTokens.append(text) }
      }
    }
    if addBOS == nil { addBOS = try root.optional("add_bos_token")?.bool() }
    if addEOS == nil { addEOS = try root.optional("add_eos_token")?.bool() }
    if let side = try root.optional("padding_side"), paddingSide == nil {
      guard let known = PaddingSide(rawValue: try side.string()) else {
        throw side.error(.invalidValue, "'left' or 'right' must be here.")
      }
      paddingSide = known
    }
    if tokenizerClass == nil { tokenizerClass = try root.optional("tokenizer_class")?.string() }
    if case .integer(let count)? = members["model_max_length"], count > 0, count < 1 << 40 {
      longestInput = count
    }
    if let element = try root.optional("added_tokens_decoder") { try readAddedTokens(element) }
    if let element = try root.optional("chat_template") { try readTemplates(element) }
  }

  /// Takes up `eos_token_id` of `generation_config.json`: a number or a list.
  public mutating func readGeneration(_ bytes: UnsafeRawBufferPointer, path: String) throws(TokenizerError) {
    guard let element = try Self.parse(bytes, path).optional("eos_token_id") else { return }
    if case .array = element.value {
      endOfGeneration = try element.elements().map { (id) throws(TokenizerError) in Int32(try id.count()) }
    } else {
      endOfGeneration = [Int32(try element.count())]
    }
  }

  /// Takes up `chat_template.json`, whose templates go before those of the configuration.
  public mutating func readChatTemplates(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(TokenizerError) {
    if let element = try Self.parse(bytes, path).optional("chat_template") { try readTemplates(element) }
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(TokenizerError)
    -> JSONElement
  {
    do {
      // Files with many added tokens have megabytes.
      let limits = JSONValue.Limits(bytes: 1 << 26, values: 1 << 21)
      return JSONElement(try JSONValue(parsing: bytes, path: path, limits: limits), "\(path): configuration")
    } catch {
      throw TokenizerError(error)
    }
  }

  /// A token is written as its text or as an object with `content`.
  private static func tokenText(_ element: JSONElement?) throws(TokenizerError) -> String? {
    guard let element else { return nil }
    switch element.value {
    case .string(let text): return text
    case .object: return try element.optional("content")?.string()
    default: return nil
    }
  }

  private mutating func readAddedTokens(_ element: JSONElement) throws(TokenizerError) {
    guard case .object(let members) = element.value else { return }
    for (key, value) in members {
      let entry = JSONElement(value, "\(element.place).\(key)")
      guard let id = Int32(key), id >= 0 else {
        throw entry.error(.idOutOfRange, "the key of an added token is its id, from 0 to 2147483647.")
      }
      var token = AddedToken(id: id, content: try entry.bytes("content"))
      token.isSingleWord = try entry.bool("single_word", default: false)
      token.stripsLeft = try entry.bool("lstrip", default: false)
      token.stripsRight = try entry.bool("rstrip", default: false)
      token.isSpecial = try entry.bool("special", default: false)
      token.isNormalized = try entry.bool("normalized", default: !token.isSpecial)
      addedTokens.append(token)
    }
    addedTokens.sort { $0.id < $1.id }
  }

  private mutating func readTemplates(_ element: JSONElement) throws(TokenizerError) {
    if case .string(let text) = element.value {
      chatTemplates["default"] = text
      return
    }
    for entry in try element.elements() {
      chatTemplates[try entry.required("name").string()] = try entry.required("template").string()
    }
  }
}
