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

  /// An expression without what different writers write differently: characters for their names or numbers, and marks
  /// that only say that the expression need not try again.
  private static func plain(_ expression: String) -> String {
    let source = Array(expression.unicodeScalars)
    var result: [Unicode.Scalar] = []
    var index = 0
    while index < source.count {
      let scalar = source[index]
      index += 1
      switch scalar {
      case "\r": result += ["\\", "r"]
      case "\n": result += ["\\", "n"]
      case "\\" where index < source.count && source[index] == "\"": continue
      case "\\" where index + 1 < source.count && source[index] == "x" && source[index + 1] == "{":
        let digits = source[(index + 2)...].prefix { $0 != "}" }
        let text = String(String.UnicodeScalarView(digits))
        guard let number = UInt32(text, radix: 16), let named = Unicode.Scalar(number) else { fallthrough }
        result.append(named)
        index += 3 + digits.count
      case "\\":
        result.append(scalar)
        if index < source.count { result.append(source[index]) }
        index += 1
      case "+" where ["?", "+", "*"].contains(result.last) && result.dropLast().last != "\\": break
      default: result.append(scalar)
      }
    }
    return String(String.UnicodeScalarView(result))
  }

  // MARK: By what they do

  /// The name of rules that cut some texts, which tell all known rules apart, as these steps do; or nil.
  static func resembling(_ steps: [any PreTokenizerStep], takesWholeWords: Bool) -> String? {
    let matcher = Matcher()
    let wanted = samples.map { words(Array($0.utf8), steps, matcher) }
    let same = catalog.filter { rules in
      guard !rules.escapesSpaces, let splitter = try? WordSplitter(rules.stages) else { return false }
      return zip(samples, wanted).allSatisfy { words(Array($0.utf8), splitter, matcher) == $1 }
    }
    return (same.first { $0.takesWholeWords == takesWholeWords } ?? same.first)?.names[0]
  }

  private static func words(_ text: [UInt8], _ splitter: WordSplitter, _ matcher: Matcher) -> [[UInt8]] {
    text.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return [] }
      var start = 0
      return splitter.split(base, count: bytes.count, with: matcher).map { end in
        defer { start = end }
        return Array(text[start..<end])
      }
    }
  }

  private static func words(
    _ text: [UInt8], _ steps: [any PreTokenizerStep], _ matcher: Matcher
  ) -> [[UInt8]?] {
    var pieces = Pieces(PipelineText(bytes: text, isAtOrigin: true))
    for step in steps { step.apply(&pieces, matcher) }
    // They are spelt in GPT-2's alphabet by then.
    let alphabet = ByteAlphabet()
    return pieces.ranges.filter { !$0.isEmpty }.map {
      alphabet.bytes(of: String(decoding: pieces.bytes[$0], as: UTF8.self)[...].unicodeScalars)
    }
  }

  static var samples: [String] {
    [
      "It's we'VE don't I'LL 'tis x'd he'Re",
      "a1b22c333d4444 55555 666666 7777777 \u{664}\u{665}\u{666}\u{667}",
      "one\ntwo\n\n\nthree\r\nfour \n five  \n\n  six\t\tseven   ",
      "aBcDe fooBar HTTPServer ABCdef \u{1C5}x \u{2B0}a",
      "(a) [b]! {c}?! #d @e $5 +6 <7> ^8~ `9` |x| a/b//\n c.d...\n\"q\"",
      "\u{65E5}\u{672C}\u{8A9E}\u{306E}\u{30AB}\u{30CA}A1\u{4E2D}\u{6587}\u{3002}\u{D55C}\u{AE00} \u{3131}\u{3105}",
      "\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947} \u{E44}\u{E17}\u{E22} e\u{301}a\u{308} \u{645}\u{64E}\u{631}\u{60C} x\u{964}",
      "\u{1F469}\u{200D}\u{1F467} \u{1F389}!! \u{2014}\u{201C}a\u{201D}\u{2026} \u{FF01}\u{FF21}b \u{B5}\u{2126}\u{AA}",
      "end    ", "x  5  66\n 7", "  two words joined by spaces ", ".net -foo _bar :baz\n\n",
      "x" + String(repeating: " ", count: 70) + "y",
    ]
  }
}
