/// Cuts a template into words, with the white space rules of `trim_blocks` and `lstrip_blocks`:
/// a line break after a block is dropped, and so is white space from the start of a line to a block.
struct Lexer {
  let source: Text
  var offset = 0
  var line = 1
  private(set) var tokens: [Token] = []
  /// Brackets that are open; the mark that ends a block is looked for only where there are none.
  private var brackets: [Token.Mark] = []

  /// - Parameter source: the template. Line breaks of all kinds become `\n`, and one at the end is dropped.
  init(_ source: String) {
    var text = Text()
    var isAfterReturn = false
    for scalar in source.unicodeScalars {
      if scalar == "\n", isAfterReturn {
        isAfterReturn = false
        continue
      }
      isAfterReturn = scalar == "\r"
      text.append(isAfterReturn ? "\n" : scalar)
    }
    if text.last == "\n" { text.removeLast() }
    self.source = text
  }

  mutating func tokenize() throws -> [Token] {
    while offset < source.count { try root() }
    append(.end)
    return tokens
  }

  /// Text up to the next mark, and what that mark opens.
  private mutating func root() throws {
    var end = offset
    while end < source.count, !isOpening(end) { end += 1 }
    guard end < source.count else {
      appendData(offset..<end)
      return
    }
    let kind = source[end + 1]
    let sign = end + 2 < source.count ? source[end + 2] : " "
    let strips = stripped(offset..<end, sign: sign, isVariable: kind == "{")
    appendData(strips, through: end)
    offset = end + (sign == "-" || sign == "+" ? 3 : 2)
    switch kind {
    case "#": try comment()
    case "{":
      append(.variableBegin)
      try words(closing: "}", .variableEnd)
    default:
      if try raw() { return }
      append(.blockBegin)
      try words(closing: "%", .blockEnd)
    }
  }

  private func isOpening(_ index: Int) -> Bool {
    guard source[index] == "{", index + 1 < source.count else { return false }
    return source[index + 1] == "{" || source[index + 1] == "%" || source[index + 1] == "#"
  }

  /// The text before a mark without the white space that the mark takes away.
  private func stripped(_ range: Range<Int>, sign: Unicode.Scalar, isVariable: Bool) -> Range<Int> {
    var end = range.upperBound
    if sign == "-" {
      while end > range.lowerBound, source[end - 1].isSpace { end -= 1 }
    } else if sign != "+", !isVariable {
      while end > range.lowerBound, source[end - 1].isSpace, source[end - 1] != "\n" { end -= 1 }
      let isLineStart = end == 0 || source[end - 1] == "\n"
      if !isLineStart { end = range.upperBound }
    }
    return range.lowerBound..<end
  }

  private mutating func appendData(_ range: Range<Int>, through end: Int? = nil) {
    if !range.isEmpty { append(.data(Text(source[range]))) }
    countLines(range.lowerBound..<(end ?? range.upperBound))
    offset = end ?? range.upperBound
  }

  private mutating func countLines(_ range: Range<Int>) {
    for index in range where source[index] == "\n" { line += 1 }
  }

  mutating func append(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

  /// Goes past the mark that closes something: `%}`, `-%}` with the white space after it, `+%}`.
  /// False where it is not here.
  private mutating func closes(_ mark: Unicode.Scalar, trims: Bool) -> Bool {
    var index = offset
    let sign = index < source.count ? source[index] : " "
    if sign == "-" || sign == "+" && trims { index += 1 }
    guard index + 1 < source.count, source[index] == mark, source[index + 1] == "}" else { return false }
    index += 2
    if sign == "-" {
      while index < source.count, source[index].isSpace { index += 1 }
    } else if sign != "+", trims, index < source.count, source[index] == "\n" {
      index += 1
    }
    countLines(offset..<index)
    offset = index
    return true
  }

  private mutating func comment() throws {
    let start = line
    while offset < source.count {
      if closes("#", trims: true) { return }
      if source[offset] == "\n" { line += 1 }
      offset += 1
    }
    throw TemplateError(.syntax, "the comment that begins here has no end; add #}", line: start)
  }

  /// `raw ... endraw`; false where another block is here.
  private mutating func raw() throws -> Bool {
    guard let opened = skip(word: "raw", from: offset) else { return false }
    let start = (offset, line)
    countLines(offset..<opened)
    offset = opened
    // The line break after `raw` stays, unlike that after any other block.
    let isStripped = offset < source.count && source[offset] == "-"
    guard isStripped ? closes("%", trims: false) : isAt("%}") else {
      (offset, line) = start
      return false
    }
    if !isStripped { offset += 2 }
    var end = offset
    while end < source.count {
      if source[end] == "{", end + 1 < source.count, source[end + 1] == "%" {
        let sign = end + 2 < source.count ? source[end + 2] : " "
        let inside = end + (sign == "-" || sign == "+" ? 3 : 2)
        if let closing = skip(word: "endraw", from: inside) {
          let saved = (offset, line)
          let text = stripped(offset..<end, sign: sign, isVariable: false)
          offset = closing
          if closes("%", trims: true) {
            let after = offset
            (offset, line) = saved
            appendData(text, through: after)
            return true
          }
          (offset, line) = saved
        }
      }
      end += 1
    }
    throw TemplateError(.syntax, "the raw block has no end; add {% endraw %}", line: line)
  }

  private func isAt(_ mark: String) -> Bool { source[offset...].starts(with: mark.unicodeScalars) }

  /// The offset after white space, the word, and white space; nil where it is not here.
  private func skip(word: String, from start: Int) -> Int? {
    var index = start
    while index < source.count, source[index].isSpace { index += 1 }
    guard source[min(index, source.count)...].starts(with: word.unicodeScalars) else { return nil }
    index += word.unicodeScalars.count
    while index < source.count, source[index].isSpace { index += 1 }
    return index
  }

  /// Words up to the mark that closes them.
  private mutating func words(closing mark: Unicode.Scalar, _ kind: Token.Kind) throws {
    brackets = []
    while offset < source.count {
      let closingLine = line
      if brackets.isEmpty, closes(mark, trims: mark == "%") {
        tokens.append(Token(kind: kind, line: closingLine))
        return
      }
      try word()
    }
  }

  private mutating func word() throws {
    let first = source[offset]
    if first.isSpace {
      if first == "\n" { line += 1 }
      offset += 1
    } else if first.isASCIIDigit {
      try number()
    } else if first.isWord {
      let start = offset
      while offset < source.count, source[offset].isWord || source[offset].properties.isXIDContinue {
        offset += 1
      }
      append(.name(String(source[start..<offset])))
    } else if first == "'" || first == "\"" {
      try string(mark: first)
    } else {
      try mark()
    }
  }

  private mutating func mark() throws {
    guard let mark = Token.Mark.allCases.first(where: { isAt($0.rawValue) }) else {
      let text = String(Text([source[offset]]).quoted)
      throw TemplateError(.syntax, "unexpected character \(text)", line: line)
    }
    switch mark {
    case .leftParenthesis: brackets.append(.rightParenthesis)
    case .leftBracket: brackets.append(.rightBracket)
    case .leftBrace: brackets.append(.rightBrace)
    case .rightParenthesis, .rightBracket, .rightBrace:
      guard let expected = brackets.popLast() else {
        throw TemplateError(.syntax, "unexpected '\(mark.rawValue)'", line: line)
      }
      guard expected == mark else {
        throw TemplateError(
          .syntax, "unexpected '\(mark.rawValue)', expected '\(expected.rawValue)'", line: line)
      }
    default: break
    }
    offset += mark.rawValue.utf8.count
    append(.mark(mark))
  }
}
