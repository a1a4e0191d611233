/// Writes expressions of Oniguruma, which the `tokenizers` library compiles, as PCRE2 reads them.
///
/// They agree on most things. What differs: `(?m)` lets a dot match line ends, `\w` and `\b` are those of
/// Unicode, `\h` is a hexadecimal digit, `\u00E9` is a character, `{1,3}+` repeats and does not possess,
/// `{,3}` begins at none, and character classes may hold classes and intersections. (`^` and `$` stand at
/// every line, which is an option of PCRE2.)
struct OnigurumaExpression {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var result = ""
  /// Where in the result the last thing that a quantifier can follow begins, in UTF-8.
  private var atomStart = 0
  private var groupStarts: [Int] = []

  /// Classes within classes.
  private static let deepestNesting = 16
  /// The members of `\w`; of Latin-1, Oniguruma counts superscript digits and fractions too.
  private static let word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"
  private static let hexadecimal = "0-9a-fA-F"

  /// Nil where classes are nested too deep or do not end.
  static func translate(_ source: String) -> String? {
    var expression = OnigurumaExpression(scalars: Array(source.unicodeScalars))
    return expression.run() ? expression.result : nil
  }

  private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    index + offset < scalars.count ? scalars[index + offset] : nil
  }

  private mutating func run() -> Bool {
    while let scalar = peek() {
      switch scalar {
      case "\\":
        atomStart = result.utf8.count
        result += escape(isInClass: false)
      case "[":
        atomStart = result.utf8.count
        index += 1
        guard let text = characterClass(depth: 0) else { return false }
        result += text
      case "(":
        groupStarts.append(result.utf8.count)
        index += 1
        result += "("
        options()
      case ")":
        atomStart = groupStarts.popLast() ?? 0
        index += 1
        result += ")"
      case "{": interval()
      case "*", "+", "?", "|":
        index += 1
        result.unicodeScalars.append(scalar)
      default:
        atomStart = result.utf8.count
        index += 1
        result.unicodeScalars.append(scalar)
      }
    }
    return true
  }

  /// The letters of `(?im-x:`, where m is PCRE2's s.
  private mutating func options() {
    guard peek() == "?" else { return }
    var end = index + 1
    while end < scalars.count, "imx-".unicodeScalars.contains(scalars[end]) { end += 1 }
    guard end < scalars.count, end > index + 1, scalars[end] == ":" || scalars[end] == ")" else { return }
    for scalar in scalars[index..<end] { result.unicodeScalars.append(scalar == "m" ? "s" : scalar) }
    index = end
  }

  private mutating func interval() {
    var end = index + 1
    while end < scalars.count, scalars[end].properties.numericType != nil || scalars[end] == "," { end += 1 }
    guard end < scalars.count, scalars[end] == "}", end > index + 1 else {
      atomStart = result.utf8.count
      index += 1
      result += "{"
      return
    }
    var body = String(String.UnicodeScalarView(scalars[index + 1..<end]))
    if body.hasPrefix(",") { body = "0" + body }
    index = end + 1
    result += "{" + body + "}"
    if peek() == "+" {
      let start = result.utf8.index(result.startIndex, offsetBy: atomStart)
      result.insert(contentsOf: "(?:", at: start)
      result += ")"
    }
  }

  /// An escape, the backslash being next.
  private mutating func escape(isInClass: Bool) -> String {
    guard let letter = peek(1) else {
      index += 1
      return "\\"
    }
    index += 2
    switch letter {
    case "w": return isInClass ? Self.word : "[" + Self.word + "]"
    case "W" where !isInClass: return "[^" + Self.word + "]"
    case "b" where !isInClass:
      return "(?:(?<=[\(Self.word)])(?![\(Self.word)])|(?<![\(Self.word)])(?=[\(Self.word)]))"
    case "B" where !isInClass:
      return "(?:(?<=[\(Self.word)])(?=[\(Self.word)])|(?<![\(Self.word)])(?![\(Self.word)]))"
    case "h": return isInClass ? Self.hexadecimal : "[" + Self.hexadecimal + "]"
    case "H" where !isInClass: return "[^" + Self.hexadecimal + "]"
    case "u":
      let digits = scalars[index...].prefix(4)
      guard digits.count == 4, digits.allSatisfy({ $0.properties.isASCIIHexDigit }) else { return "u" }
      index += 4
      return "\\x{" + String(String.UnicodeScalarView(digits)) + "}"
    case "p", "P", "x", "k", "g":
      // Braces belong to the escape, not to an interval.
      var text = "\\" + String(letter)
      guard peek() == "{" else { return text }
      while let scalar = peek() {
        index += 1
        text.unicodeScalars.append(scalar)
        if scalar == "}" { break }
      }
      return text
    default: return "\\" + String(letter)
    }
  }

  /// A class after its opening bracket: one of PCRE2's, or alternatives and looks ahead that come to
  /// the same.
  private mutating func characterClass(depth: Int) -> String? {
    guard depth <= Self.deepestNesting else { return nil }
    let isNegated = peek() == "^"
    if isNegated { index += 1 }
    // The operands of &&; each has plain members and classes within.
    var operands: [(members: String, nested: [String])] = [("", [])]
    var isFirst = true
    while let scalar = peek() {
      let last = operands.count - 1
      if scalar == "]", !isFirst {
        index += 1
        return Self.join(operands, isNegated: isNegated)
      }
      isFirst = false
      if scalar == "[", peek(1) == ":" {
        guard let posix = posixClass() else { return nil }
        operands[last].members += posix
      } else if scalar == "[" {
        index += 1
        guard let nested = characterClass(depth: depth + 1) else { return nil }
        operands[last].nested.append(nested)
      } else if scalar == "&", peek(1) == "&" {
        index += 2
        operands.append(("", []))
      } else if scalar == "\\" {
        operands[last].members += escape(isInClass: true)
      } else {
        index += 1
        if scalar == "]" { operands[last].members += "\\" }
        operands[last].members.unicodeScalars.append(scalar)
      }
    }
    return nil
  }

  private mutating func posixClass() -> String? {
    guard let end = scalars[index...].firstIndex(of: "]"), scalars[end - 1] == ":" else { return nil }
    defer { index = end + 1 }
    return String(String.UnicodeScalarView(scalars[index...end]))
  }

  private static func join(_ operands: [(members: String, nested: [String])], isNegated: Bool) -> String {
    if operands.count == 1, operands[0].nested.isEmpty {
      return "[" + (isNegated ? "^" : "") + operands[0].members + "]"
    }
    let sets = operands.map { operand -> String in
      let own = operand.members.isEmpty ? [] : ["[" + operand.members + "]"]
      return "(?:" + (own + operand.nested).joined(separator: "|") + ")"
    }
    let all = sets.dropLast().map { "(?=" + $0 + ")" }.joined() + sets[sets.count - 1]
    return isNegated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")"
  }
}
