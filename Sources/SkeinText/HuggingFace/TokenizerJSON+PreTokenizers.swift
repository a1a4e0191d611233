extension TokenizerJSON {
  static let preTokenizerTypes = [
    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength", "Metaspace",
    "Punctuation",
    "Sequence", "Split", "Whitespace", "WhitespaceSplit",
  ]

  static func appendPreTokenizers(
    _ element: JSONElement, to steps: inout [any PreTokenizerStep], depth: Int
  ) throws(TokenizerError) {
    try checkDepth(element, depth)
    switch try element.type(of: "pre-tokenizer", among: preTokenizerTypes) {
    case "Sequence":
      for part in try element.required("pretokenizers").elements() {
        try appendPreTokenizers(part, to: &steps, depth: depth + 1)
      }
    case "BertPreTokenizer":
      steps.append(ClassSplitStep(kinds: .space, behavior: .removed))
      steps.append(ClassSplitStep(kinds: .punctuation, behavior: .isolated))
    case "ByteLevel":
      let cuts = try element.bool("use_regex", default: true)
      steps.append(
        ByteLevelStep(
          addsPrefixSpace: try element.bool("add_prefix_space"),
          words: cuts ? try Pattern(ByteLevelStep.expression) : nil))
    case "CharDelimiterSplit":
      steps.append(CharacterSplitStep(delimiter: try element.required("delimiter").scalar()))
    case "Digits":
      let isIndividual = try element.bool("individual_digits")
      steps.append(ClassSplitStep(kinds: .numeric, behavior: isIndividual ? .isolated : .contiguous))
    case "FixedLength":
      let length = try element.optional("length")?.count() ?? 5
      guard length > 0 else { throw element.error(.invalidValue, "length is 0; pieces need a character.") }
      steps.append(FixedLengthStep(scalarCount: length))
    case "Metaspace": steps.append(try metaspace(element))
    case "Punctuation":
      steps.append(ClassSplitStep(kinds: .punctuation, behavior: try behavior(element) ?? .isolated))
    case "Split":
      guard let behavior = try behavior(element) else {
        throw element.error(.invalidValue, "'behavior' is missing. Download the file again.")
      }
      steps.append(
        SplitStep(finder: try finder(element), behavior: behavior, isInverted: try element.bool("invert")))
    case "Whitespace": steps.append(WhitespaceStep())
    default: steps.append(ClassSplitStep(kinds: .space, behavior: .removed))
    }
  }

  private static func behavior(_ element: JSONElement) throws(TokenizerError) -> SplitBehavior? {
    guard let named = try element.optional("behavior") else { return nil }
    let name = try named.string()
    if let behavior = SplitBehavior(rawValue: name) { return behavior }
    throw named.unknown("behavior", name, SplitBehavior.allCases.map(\.rawValue))
  }

  /// Old files say `add_prefix_space`, new ones `prepend_scheme`.
  static func metaspacePrefix(_ element: JSONElement) throws(TokenizerError) -> MetaspaceStep.Prefix {
    let addsPrefix = try element.optional("add_prefix_space").map { (flag) throws(TokenizerError) in
      try flag.bool()
    }
    guard let named = try element.optional("prepend_scheme") else {
      return addsPrefix == false ? .never : .always
    }
    let name = try named.string()
    guard let prefix = MetaspaceStep.Prefix(rawValue: name) else {
      throw named.unknown("scheme", name, MetaspaceStep.Prefix.allCases.map(\.rawValue))
    }
    if addsPrefix == false, prefix != .never {
      throw named.error(.invalidValue, "this contradicts add_prefix_space, which is false.")
    }
    return prefix
  }

  private static func metaspace(_ element: JSONElement) throws(TokenizerError) -> MetaspaceStep {
    MetaspaceStep(
      replacement: try element.required("replacement").scalar(), prefix: try metaspacePrefix(element),
      splits: try element.bool("split", default: true))
  }
}
