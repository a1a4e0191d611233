/// How a `tokenizer.json` with byte-level tokens cuts text into words.
struct WordCuts {
  /// Expressions whose matches, and what is between them, are words, each applied to the pieces of the one before.
  private(set) var expressions: [String] = []
  private(set) var isByteLevel = false
  private(set) var addsPrefixSpace = false

  /// Takes up a pre-tokenizer. What cuts by other rules becomes an expression that nothing is called by.
  mutating func append(_ element: JSONElement, depth: Int = 0) throws(TokenizerError) {
    try TokenizerJSON.checkDepth(element, depth)
    let type = try element.type(of: "pre-tokenizer", among: TokenizerJSON.preTokenizerTypes)
    switch type {
    case "Sequence":
      for part in try element.required("pretokenizers").elements() { try append(part, depth: depth + 1) }
    case "ByteLevel":
      isByteLevel = true
      if try element.bool("add_prefix_space") { addsPrefixSpace = true }
      if try element.bool("use_regex", default: true) { expressions.append(ByteLevelStep.expression) }
    case "Digits":
      expressions.append(try element.bool("individual_digits") ? "\\p{N}" : "\\p{N}+")
    case "Punctuation" where try element.optional("behavior")?.string() == "Contiguous":
      expressions.append("[\\p{P}$+<=>^~|`]+")
    case "Split":
      let behavior = try element.required("behavior").string()
      let isInverted = try element.bool("invert")
      // Where matches cover all of a text, it is the same whether what is between them goes.
      let isWords = behavior == "Isolated" || (behavior == "Removed" && isInverted)
      let expression = try element.required("pattern").optional("Regex")?.string()
      expressions.append(isWords ? expression ?? "\u{0}" : "\u{0}")
    default: expressions.append("\u{0}")
    }
  }
}

extension PreTokenizer {
  /// The name under which these expressions are known, or nil.
  ///
  /// - Parameter takesWholeWords: whether a word that is a token is taken whole; decides between names of the same
  ///   expressions.
  static func recognize(_ expressions: [String], takesWholeWords: Bool) -> String? {
    let wanted = expressions.map(plain)
    let same = catalog.filter { rules in
      !rules.escapesSpaces && rules.stages.count == wanted.count
        && zip(rules.stages, wanted).allSatisfy { stage, wanted in
          if case .pattern(let expression) = stage { plain(expression) == wanted } else { false }
        }
    }
    return (same.first { $0.takesWholeWords == takesWholeWords } ?? same.first)?.names[0]
  }

  /// An expression without what different writers write differently: characters for their names, and marks that
  /// only say that the expression need not try again.
  private static func plain(_ expression: String) -> String {
    var result: [Unicode.Scalar] = []
    for scalar in expression.unicodeScalars {
      switch scalar {
      case "\r": result += ["\\", "r"]
      case "\n": result += ["\\", "n"]
      case "+" where ["?", "+", "*"].contains(result.last) && result.dropLast().last != "\\": break
      default: result.append(scalar)
      }
    }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: result)
    return String(text)
  }
}
