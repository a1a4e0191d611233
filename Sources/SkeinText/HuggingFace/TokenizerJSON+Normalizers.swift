extension TokenizerJSON {
  static let normalizerTypes = [
    "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend",
    "Replace", "Sequence", "Strip", "StripAccents",
  ]

  static func appendNormalizers(
    _ element: JSONElement, to steps: inout [any Normalizer], depth: Int
  ) throws(TokenizerError) {
    try checkDepth(element, depth)
    switch try element.type(of: "normalizer", among: normalizerTypes) {
    case "Sequence":
      for part in try element.required("normalizers").elements() {
        try appendNormalizers(part, to: &steps, depth: depth + 1)
      }
    case "NFC": steps.append(FormNormalizer(form: .canonicalComposed))
    case "NFD": steps.append(FormNormalizer(form: .canonicalDecomposed))
    case "NFKC": steps.append(FormNormalizer(form: .compatibilityComposed))
    case "NFKD": steps.append(FormNormalizer(form: .compatibilityDecomposed))
    case "Lowercase": steps.append(LowercaseNormalizer())
    case "StripAccents": steps.append(RemovingNormalizer(kinds: .combiningMark))
    case "Nmt": steps.append(TranslationNormalizer())
    case "ByteLevel": steps.append(ByteLevelNormalizer())
    case "Prepend": steps.append(PrependNormalizer(prefix: try element.bytes("prepend")))
    case "Strip":
      steps.append(
        StripNormalizer(left: try element.bool("strip_left"), right: try element.bool("strip_right")))
    case "Replace":
      steps.append(ReplaceNormalizer(finder: try finder(element), content: try element.bytes("content")))
    case "Precompiled":
      if let charsmap = try charsmap(element) { steps.append(CharsmapNormalizer(charsmap: charsmap)) }
    default:
      let lowercases = try element.bool("lowercase")
      steps.append(
        BertNormalizer(
          cleansText: try element.bool("clean_text"), separatesHan: try element.bool("handle_chinese_chars"),
          stripsAccents: try element.bool("strip_accents", default: lowercases), lowercases: lowercases))
    }
  }

  static func checkDepth(_ element: JSONElement, _ depth: Int) throws(TokenizerError) {
    if depth > deepestNesting {
      throw element.error(.tooLarge, "more than \(deepestNesting) sequences inside one another.")
    }
  }

  /// A `pattern`: `{"String": text}` or `{"Regex": expression}`.
  static func finder(_ element: JSONElement) throws(TokenizerError) -> Finder {
    let pattern = try element.required("pattern")
    if let text = try pattern.optional("String") {
      let bytes = Array(try text.string().utf8)
      // The empty string is between all characters, as an expression finds it.
      return bytes.isEmpty ? .pattern(try Pattern("")) : .string(bytes)
    }
    if let expression = try pattern.optional("Regex") {
      return .pattern(try Pattern(oniguruma: expression.string(), place: expression.place))
    }
    throw pattern.error(.invalidValue, "'String' or 'Regex' must be here. Download the file again.")
  }

  private static func charsmap(_ element: JSONElement) throws(TokenizerError) -> Charsmap? {
    guard let blob = try element.optional("precompiled_charsmap") else { return nil }
    var text = try blob.string()
    if text.isEmpty { return nil }
    guard let bytes = text.withUTF8({ decodeBase64($0) }) else {
      throw blob.error(.malformed, "this is not base64. Download the file again.")
    }
    return try Charsmap(bytes, place: blob.place)
  }
}
