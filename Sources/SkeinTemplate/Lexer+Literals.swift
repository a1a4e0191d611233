/// Numbers and strings, as Python writes them.
extension Lexer {
  mutating func number() throws {
    if let radix = radix() { return try integer(radix: radix) }
    let start = offset
    skipDigits()
    let isAfterDot = start > 0 && source[start - 1] == "."
    var end = offset
    if !isAfterDot {
      if isDigit(end + 1), source[end] == "." {
        offset = end + 1
        skipDigits()
        end = offset
      }
      if end < source.count, source[end] == "e" || source[end] == "E" {
        let hasSign = end + 1 < source.count && (source[end + 1] == "+" || source[end + 1] == "-")
        let digits = end + (hasSign ? 2 : 1)
        if isDigit(digits) {
          offset = digits
          skipDigits()
          end = offset
        }
      }
    }
    let text = Text(source[start..<end]).filter { $0 != "_" }
    offset = end
    if text.contains(where: { $0 == "." || $0 == "e" || $0 == "E" }) {
      return append(.float(Double(String(text)) ?? .infinity))
    }
    guard let value = Int(String(text)) else {
      throw TemplateError(
        .syntax, "the number \(String(text.prefix(40))) needs more than 64 bits", line: line)
    }
    if text.count > 1, text[0] == "0", value != 0 {
      throw TemplateError(.syntax, "the number \(String(text.prefix(40))) begins with 0", line: line)
    }
    append(.integer(value))
  }

  private func isDigit(_ index: Int) -> Bool { index < source.count && source[index].isASCIIDigit }

  /// Digits, with single underscores between them.
  private mutating func skipDigits() {
    while isDigit(offset) || offset < source.count && source[offset] == "_" && isDigit(offset + 1) {
      offset += 1
    }
  }

  private func radix() -> Int? {
    guard source[offset] == "0", offset + 2 < source.count else { return nil }
    let radix: Int
    switch source[offset + 1] {
    case "b", "B": radix = 2
    case "o", "O": radix = 8
    case "x", "X": radix = 16
    default: return nil
    }
    let first = source[offset + 2] == "_" ? offset + 3 : offset + 2
    guard first < source.count, Int(String(Text([source[first]])), radix: radix) != nil else { return nil }
    return radix
  }

  private mutating func integer(radix: Int) throws {
    offset += 2
    let start = offset
    while offset < source.count,
      source[offset] == "_" || Int(String(Text([source[offset]])), radix: radix) != nil
    {
      offset += 1
    }
    let text = String(source[start..<offset].filter { $0 != "_" })
    guard let value = Int(text, radix: radix) else {
      throw TemplateError(.syntax, "the number \(text.prefix(40)) needs more than 64 bits", line: line)
    }
    append(.integer(value))
  }

  mutating func string(mark: Unicode.Scalar) throws {
    let start = line
    offset += 1
    var text = Text()
    while offset < source.count {
      let scalar = source[offset]
      offset += 1
      if scalar == mark {
        tokens_append(.string(text), line: start)
        return
      }
      if scalar == "\n" { line += 1 }
      if scalar == "\\" { try escape(into: &text) } else { text.append(scalar) }
    }
    throw TemplateError(.syntax, "the string that begins here does not end", line: start)
  }

  private mutating func tokens_append(_ kind: Token.Kind, line: Int) {
    let end = self.line
    self.line = line
    append(kind)
    self.line = end
  }

  private mutating func escape(into text: inout Text) throws {
    guard offset < source.count else { return }
    let letter = source[offset]
    offset += 1
    switch letter {
    case "\n": line += 1
    case "\\", "'", "\"": text.append(letter)
    case "a": text.append("\u{7}")
    case "b": text.append("\u{8}")
    case "f": text.append("\u{C}")
    case "n": text.append("\n")
    case "r": text.append("\r")
    case "t": text.append("\t")
    case "v": text.append("\u{B}")
    case "x": text.append(try code(digits: 2))
    case "u": text.append(try code(digits: 4))
    case "U": text.append(try code(digits: 8))
    case "N": throw TemplateError(.syntax, "names of characters (\\N) are not supported; use \\u", line: line)
    case "0"..."7":
      var value = letter.value - 0x30
      for _ in 0..<2 where offset < source.count && ("0"..."7").contains(source[offset]) {
        value = value * 8 + source[offset].value - 0x30
        offset += 1
      }
      text.append(Unicode.Scalar(value) ?? "?")
    default:
      text.append("\\")
      // Jinja reads strings through ASCII: a backslash before another character escapes that one's escape.
      if letter.isASCII { text.append(letter) } else { text += Text([letter]).escapedLetters }
    }
  }

  private mutating func code(digits: Int) throws -> Unicode.Scalar {
    let end = min(offset + digits, source.count)
    let text = String(source[offset..<end])
    guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
      let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value)
    else {
      throw TemplateError(
        .syntax, "the escape in this string is not \(digits) digits of a character", line: line)
    }
    offset = end
    return scalar
  }
}

extension Text {
  /// `xe9`, `u20ac`, `U0001f600`: what follows the backslash of an escape.
  fileprivate var escapedLetters: Text {
    flatMap { scalar in
      let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
      return (letter + hexadecimal(scalar.value, width: width)).text
    }
  }
}
