import SkeinJSON

/// What `tokenizer.json` says, ready to become a tokenizer once the configuration beside it is known.
struct TokenizerJSON {
  var normalizers: [any Normalizer] = []
  var preTokenizers: [any PreTokenizerStep] = []
  var decoderSteps: [DecoderStep] = []
  var postProcessor: PostProcessor?
  var model: ParsedModel
  var addedTokens: [AddedToken]
  /// The padding token, where the file says how to pad.
  var padding: Int32?
  var paddingSide: PaddingSide?

  /// The largest files have 256 thousand tokens, half a million merges and 35 MB.
  static let limits = JSONValue.Limits(bytes: 1 << 28, values: 1 << 23, depth: 64)
  /// Steps within steps; files have two levels.
  static let deepestNesting = 16

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(TokenizerError) {
    let value: JSONValue
    do {
      value = try JSONValue(
        parsing: bytes, path: path, limits: Self.limits, flattening: [["model", "vocab"]])
    } catch {
      throw TokenizerError(error)
    }
    let root = JSONElement(value, "\(path): tokenizer")
    if let version = try root.optional("version"), try version.string() != "1.0" {
      throw version.error(.invalidValue, "version 1.0 is supported, and there is no other known.")
    }
    model = try ParsedModel(root.required("model"))
    if let element = try root.optional("normalizer") {
      try Self.appendNormalizers(element, to: &normalizers, depth: 0)
    }
    if let element = try root.optional("pre_tokenizer") {
      try Self.appendPreTokenizers(element, to: &preTokenizers, depth: 0)
    }
    if let element = try root.optional("decoder") {
      try Self.appendDecoders(element, to: &decoderSteps, depth: 0)
    } else {
      decoderSteps = [.spaced]
    }
    addedTokens = try Self.addedTokens(root, model)
    if let element = try root.optional("post_processor") {
      postProcessor = try PostProcessor(element, depth: 0)
    }
    if let element = try root.optional("padding") {
      padding = try element.optional("pad_id").map { (id) throws(TokenizerError) in Int32(try id.count()) }
      paddingSide = try element.optional("direction")?.string().lowercased() == "left" ? .left : .right
    }
  }

  /// Added tokens with the ids that they have in the model, or else after it, as the library gives them out.
  private static func addedTokens(
    _ root: JSONElement, _ model: ParsedModel
  ) throws(TokenizerError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for element in try root.optional("added_tokens")?.elements() ?? [] {
      var token = AddedToken(id: 0, content: try element.bytes("content"))
      token.isSingleWord = try element.bool("single_word", default: false)
      token.stripsLeft = try element.bool("lstrip", default: false)
      token.stripsRight = try element.bool("rstrip", default: false)
      token.isSpecial = try element.bool("special", default: false)
      token.isNormalized = try element.bool("normalized", default: !token.isSpecial)
      tokens.append(token)
    }
    return AddedTokenList(model).adding(tokens)
  }
}

/// Gives added tokens their ids.
struct AddedTokenList {
  private let model: ParsedModel
  private var places: [[UInt8]: Int] = [:]
  private(set) var tokens: [AddedToken] = []

  init(_ model: ParsedModel, _ known: [AddedToken] = []) {
    self.model = model
    for token in known { add(token, id: token.id) }
  }

  /// A token that is there already takes the properties of the later one.
  func adding(_ new: [AddedToken]) -> [AddedToken] {
    var list = self
    var next = list.tokens.map(\.id).max().map { max(Int($0) + 1, model.tokenCount) } ?? model.tokenCount
    for token in new where !token.content.isEmpty {
      if let id = list.id(of: token.content) {
        list.add(token, id: id)
      } else {
        list.add(token, id: Int32(truncatingIfNeeded: next))
        next += 1
      }
    }
    return list.tokens
  }

  func id(of content: [UInt8]) -> Int32? {
    if let place = places[content] { return tokens[place].id }
    let id = model.table.find(content)
    return id == TokenTable.absent ? nil : id
  }

  private mutating func add(_ token: AddedToken, id: Int32) {
    var token = token
    token.id = id
    if let place = places[token.content] {
      tokens[place] = token
    } else {
      places[token.content] = tokens.count
      tokens.append(token)
    }
  }
}

extension TokenizerError {
  /// A file that is not JSON, or too much of it.
  init(_ error: JSONError) {
    self.init(error.code == .tooLarge ? .tooLarge : .malformed, error.description, cause: nil)
  }
}
