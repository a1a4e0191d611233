/// How one value is formatted: `[[fill]align][sign][#][0][width][,][.precision][type]`.
struct FormatSpecification {
  var fill: Unicode.Scalar = " "
  /// `<`, `>`, `^` or `=`; nil where the kind of value decides.
  var alignment: Unicode.Scalar?
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var width = 0
  var grouping: Unicode.Scalar?
  var precision: Int?
  var type: Unicode.Scalar?

  private static let widest = 10_000

  /// The part of a `%` format between the percent sign and the letter.
  ///
  /// - Parameter star: the next argument, where `*` stands for a number.
  init(percent format: Text, _ index: inout Int, renderer: Renderer, star: () throws -> Int) throws {
    // Without flags text and numbers stand on the right.
    alignment = ">"
    while index < format.count, "-+ #0".unicodeScalars.contains(format[index]) {
      switch format[index] {
      case "-": alignment = "<"
      case "+": sign = "+"
      case " ": if sign != "+" { sign = " " }
      case "#": isAlternate = true
      default: if alignment != "<" { (fill, alignment) = ("0", "=") }
      }
      index += 1
    }
    if alignment == "<" { fill = " " }
    func number() throws -> Int? {
      if index < format.count, format[index] == "*" {
        index += 1
        return try star()
      }
      return try Self.digits(format, &index, renderer)
    }
    if let width = try number() {
      self.width = min(width.magnitude > Self.widest ? Self.widest : abs(width), Self.widest)
      if width < 0 { (fill, alignment) = (" ", "<") }
    }
    if index < format.count, format[index] == "." {
      index += 1
      precision = min(max(try number() ?? 0, 0), Self.widest)
    }
    while index < format.count, "hlL".unicodeScalars.contains(format[index]) { index += 1 }
  }

  /// The part of a `{:...}` format after the colon.
  init(_ format: Text, renderer: Renderer) throws {
    var index = 0
    let alignments = "<>^=".unicodeScalars
    if format.count > 1, alignments.contains(format[1]) {
      (fill, alignment, index) = (format[0], format[1], 2)
    } else if let first = format.first, alignments.contains(first) {
      (alignment, index) = (first, 1)
    }
    func takes(_ scalars: String) -> Unicode.Scalar? {
      guard index < format.count, scalars.unicodeScalars.contains(format[index]) else { return nil }
      index += 1
      return format[index - 1]
    }
    sign = takes("+- ") ?? "-"
    isAlternate = takes("#") != nil
    if takes("0") != nil, alignment == nil { (fill, alignment) = ("0", "=") }
    width = min(try Self.digits(format, &index, renderer) ?? 0, Self.widest)
    grouping = takes(",_")
    if takes(".") != nil {
      guard let digits = try Self.digits(format, &index, renderer) else {
        throw renderer.error(.value, "Format specifier missing precision")
      }
      precision = min(digits, Self.widest)
    }
    type = takes("bcdeEfFgGnosxX%")
    if index < format.count {
      throw renderer.error(.value, "Invalid format specifier \(String(format.quoted))")
    }
  }

  private static func digits(_ format: Text, _ index: inout Int, _ renderer: Renderer) throws -> Int? {
    let start = index
    while index < format.count, format[index].isASCIIDigit { index += 1 }
    guard index > start else { return nil }
    guard let number = Int(String(format[start..<index])), number <= widest else {
      throw renderer.error(.limit, "a width or precision of a format is above \(widest)")
    }
    return number
  }

  /// Text with what fills it up to the width.
  func padded(_ text: Text, standard: Unicode.Scalar = "<") -> Text {
    guard text.count < width else { return text }
    let count = width - text.count
    func filling(_ count: Int) -> Text { Text(repeating: alignment == "=" ? " " : fill, count: count) }
    switch alignment ?? standard {
    case "<": return text + filling(count)
    case "^": return filling(count / 2) + text + filling(count - count / 2)
    default: return filling(count) + text
    }
  }

  private func signed(_ isNegative: Bool, _ prefix: String, _ digits: String) -> Text {
    let head = (isNegative ? "-" : sign == "-" ? "" : String(Text([sign]))) + prefix
    var body = grouped(digits)
    if alignment == "=" {
      let count = max(width - head.unicodeScalars.count - body.count, 0)
      return head.text + Text(repeating: fill, count: count) + body
    }
    body = head.text + body
    return padded(body, standard: ">")
  }

  /// Digits with a mark between groups of three before the point.
  private func grouped(_ digits: String) -> Text {
    guard let grouping else { return digits.text }
    let text = digits.text
    let whole = text.firstIndex { !$0.isASCIIDigit } ?? text.count
    var result = Text()
    for index in 0..<whole {
      if index > 0, (whole - index) % 3 == 0 { result.append(grouping) }
      result.append(text[index])
    }
    return result + text[whole...]
  }

  /// An integer, by `type`.
  func number(_ value: Int) throws -> Text {
    let isNegative = value < 0
    var (radix, prefix) = (10, "")
    switch type {
    case "b": (radix, prefix) = (2, "0b")
    case "o": (radix, prefix) = (8, "0o")
    case "x": (radix, prefix) = (16, "0x")
    case "X": (radix, prefix) = (16, "0X")
    case "c": return padded(UInt32(exactly: value).flatMap(Unicode.Scalar.init).map { [$0] } ?? [])
    case "e", "E", "f", "F", "g", "G", "%": return number(Double(value))
    default: break
    }
    var digits = String(value.magnitude, radix: radix, uppercase: type == "X")
    if let precision, digits.utf8.count < precision {
      digits = String(repeating: "0", count: precision - digits.utf8.count) + digits
    }
    return signed(isNegative, isAlternate ? prefix : "", digits)
  }

  /// A floating-point number, by `type`.
  func number(_ value: Double) -> Text {
    let isNegative = value.sign == .minus && !value.isNaN
    switch type {
    case "e", "E", "f", "F":
      return signed(isNegative, "", digits(value, Character(type!), precision ?? 6))
    case "g", "G", "n":
      return signed(isNegative, "", digits(value, type == "G" ? "G" : "g", precision ?? 6))
    case "%":
      return signed(isNegative, "", digits(value * 100, "f", precision ?? 6) + "%")
    default:
      guard let precision else { return signed(isNegative, "", FloatText.shortest(value.magnitude)) }
      let text = digits(value, "g", max(precision, 1))
      let isWhole = value.isFinite && !text.contains { $0 == "." || $0 == "e" }
      return signed(isNegative, "", isWhole ? text + ".0" : text)
    }
  }

  private func digits(_ value: Double, _ conversion: Character, _ precision: Int) -> String {
    FloatText.formatted(value, conversion, precision: precision, keepsZeros: isAlternate)
  }
}
