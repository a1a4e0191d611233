extension TokenizerJSON {
  static let decoderTypes = [
    "BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Sequence", "Strip",
    "WordPiece",
  ]

  static func appendDecoders(
    _ element: JSONElement, to steps: inout [DecoderStep], depth: Int
  ) throws(TokenizerError) {
    try checkDepth(element, depth)
    switch try element.type(of: "decoder", among: decoderTypes) {
    case "Sequence":
      for part in try element.required("decoders").elements() {
        try appendDecoders(part, to: &steps, depth: depth + 1)
      }
    case "BPEDecoder": steps.append(.endOfWord(suffix: try element.bytes("suffix")))
    case "ByteFallback": steps.append(.byteFallback)
    case "ByteLevel": steps.append(.byteLevel)
    case "CTC":
      steps.append(
        .connectionist(
          padding: try element.bytes("pad_token"), delimiter: try element.bytes("word_delimiter_token"),
          cleansUp: try element.bool("cleanup")))
    case "Fuse": steps.append(.fuse)
    case "Metaspace":
      steps.append(
        .metaspace(
          replacement: try element.required("replacement").scalar(),
          dropsFirst: try metaspacePrefix(element) != .never))
    case "Replace": steps.append(.replace(try finder(element), content: try element.bytes("content")))
    case "Strip":
      steps.append(
        .strip(
          content: try element.required("content").scalar(), start: try element.required("start").count(),
          stop: try element.required("stop").count()))
    default:
      steps.append(.wordPiece(prefix: try element.bytes("prefix"), cleansUp: try element.bool("cleanup")))
    }
  }
}

extension PostProcessor {
  static let types = ["BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"]

  /// Nil where the step only changes offsets, which are not kept here.
  init?(_ element: JSONElement, depth: Int) throws(TokenizerError) {
    try TokenizerJSON.checkDepth(element, depth)
    switch try element.type(of: "post-processor", among: Self.types) {
    case "ByteLevel": return nil
    case "Sequence":
      var found: PostProcessor?
      for part in try element.required("processors").elements() {
        guard let processor = try PostProcessor(part, depth: depth + 1) else { continue }
        if found != nil {
          throw part.error(.unknownType, "a second step that adds tokens is not supported in a Sequence.")
        }
        found = processor
      }
      guard let found else { return nil }
      self = found
    case "TemplateProcessing":
      let tokens = try element.required("special_tokens")
      single = try Self.template(element.required("single"), tokens)
      pair = try Self.template(element.required("pair"), tokens)
    case let type:
      let start = Part.special([try Self.token(element.required("cls"))])
      let end = Part.special([try Self.token(element.required("sep"))])
      single = [start, .first, end]
      pair = type == "BertProcessing" ? single + [.second, end] : single + [end, .second, end]
    }
  }

  /// `["</s>", 2]`
  private static func token(_ element: JSONElement) throws(TokenizerError) -> Int32 {
    let pair = try element.elements()
    guard pair.count == 2 else { throw element.error(.invalidValue, "a token and its id must be here.") }
    _ = try pair[0].string()
    return Int32(try pair[1].count())
  }

  private static func template(_ element: JSONElement, _ tokens: JSONElement) throws(TokenizerError) -> [Part]
  {
    var parts: [Part] = []
    for piece in try element.elements() {
      if let sequence = try piece.optional("Sequence") {
        let id = try sequence.required("id")
        switch try id.string() {
        case "A": parts.append(.first)
        case "B": parts.append(.second)
        default: throw id.error(.invalidValue, "A or B must be here. Download the file again.")
        }
      } else {
        let name = try piece.required("SpecialToken").required("id").string()
        let ids = try tokens.required(name).required("ids").elements()
        parts.append(.special(try ids.map { (id) throws(TokenizerError) in Int32(try id.count()) }))
      }
    }
    return parts
  }
}
