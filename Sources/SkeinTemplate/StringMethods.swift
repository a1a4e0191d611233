/// Methods of `str`.
extension Renderer {
  /// Methods that say what a text is made of; nil for others.
  func stringCheck(_ text: Text, _ name: String, _ arguments: Arguments) throws -> Value? {
    let result: Bool
    switch name {
    case "isalnum": result = !text.isEmpty && text.allSatisfy(\.isAlphanumeric)
    case "isalpha": result = !text.isEmpty && text.allSatisfy(\.isLetter)
    case "isascii": result = text.allSatisfy(\.isASCII)
    case "isdecimal":
      result = !text.isEmpty && text.allSatisfy { $0.properties.numericType == .decimal }
    case "isdigit": result = !text.isEmpty && text.allSatisfy(\.isDigit)
    case "isnumeric": result = !text.isEmpty && text.allSatisfy { $0.properties.numericType != nil }
    case "isidentifier":
      result =
        text.first.map { $0 == "_" || $0.properties.isXIDStart } ?? false
        && text.allSatisfy(\.properties.isXIDContinue)
    case "islower": result = text.isLowercase
    case "isupper": result = text.isUppercase
    case "istitle": result = text.isTitled
    case "isprintable": result = text.allSatisfy(\.isPrintable)
    case "isspace": result = !text.isEmpty && text.allSatisfy(\.isSpace)
    default: return nil
    }
    _ = try bind(arguments, name, [])
    return .bool(result)
  }

  /// Methods that look for a part; nil for others.
  func stringSearch(_ text: Text, _ name: String, _ arguments: Arguments) throws -> Value? {
    switch name {
    case "startswith", "endswith":
      let bound = try bind(arguments, name, ["prefix", "start", "end"], required: 1)
      let part = text[try bounds(bound[1], bound[2], text.count)]
      let options: [Value]
      if case .tuple(let items) = bound[0]! { options = items.values } else { options = [bound[0]!] }
      for option in options {
        let wanted = try string(option, "the argument of \(name)")!
        if name == "startswith" ? part.starts(with: wanted) : part.suffix(wanted.count).elementsEqual(wanted)
        {
          return .bool(true)
        }
      }
      return .bool(false)
    case "find", "index", "rfind", "rindex":
      let bound = try bind(arguments, name, ["sub", "start", "end"], required: 1)
      let part = try string(bound[0], "the argument of \(name)")!
      // A start behind the end is no place, not even for an empty text.
      let isOutside = (bound[1]?.asInteger ?? 0) > text.count
      let range = try bounds(bound[1], bound[2], text.count)
      let found =
        isOutside ? nil : try find(part, in: text, range, fromEnd: name.hasPrefix("r"))
      guard let found else {
        if name.hasSuffix("index") { throw error(.value, "substring not found") }
        return .integer(-1)
      }
      return .integer(found)
    case "count":
      let bound = try bind(arguments, name, ["sub", "start", "end"], required: 1)
      let part = try string(bound[0], "the argument of count")!
      let range = try bounds(bound[1], bound[2], text.count)
      if part.isEmpty { return .integer((bound[1]?.asInteger ?? 0) > text.count ? 0 : range.count + 1) }
      var start = range.lowerBound
      var count = 0
      while let found = try find(part, in: text, start..<range.upperBound) {
        count += 1
        start = found + part.count
      }
      return .integer(count)
    default: return nil
    }
  }

  /// Methods that cut a text; nil for others.
  func stringCut(_ text: Text, _ name: String, _ arguments: Arguments) throws -> Value? {
    switch name {
    case "split", "rsplit":
      let bound = try bind(arguments, name, ["sep", "maxsplit"])
      let limit = try integer(bound[1], "maxsplit") ?? -1
      let separator = bound[0].flatMap { $0.isNone ? nil : $0 }
      return try split(text, string(separator, "the separator"), limit, fromEnd: name == "rsplit")
    case "splitlines":
      let bound = try bind(arguments, name, ["keepends"])
      return try list(text.lines(keepingEnds: bound[0]?.isTrue ?? false).map { try self.text($0) })
    case "partition", "rpartition":
      let separator = try string(bind(arguments, name, ["sep"], required: 1)[0], "the separator")!
      guard !separator.isEmpty else { throw error(.value, "empty separator") }
      let isLast = name == "rpartition"
      guard let found = try find(separator, in: text, 0..<text.count, fromEnd: isLast) else {
        return try tuple(isLast ? [.text([]), .text([]), .text(text)] : [.text(text), .text([]), .text([])])
      }
      return try tuple([
        self.text(Text(text[..<found])), .text(separator),
        self.text(Text(text[(found + separator.count)...])),
      ])
    default: return nil
    }
  }

  private func split(_ text: Text, _ separator: Text?, _ limit: Int, fromEnd: Bool) throws -> Value {
    let limit = limit < 0 ? Int.max : limit
    try claim(bytes: text.count * 4)
    guard let separator else {
      if !fromEnd { return try list(text.words(limit: limit).map { try self.text($0) }) }
      let words = Text(text.reversed()).words(limit: limit)
      return try list(words.reversed().map { try self.text($0.reversed()) })
    }
    guard !separator.isEmpty else { throw error(.value, "empty separator") }
    var parts: [Value] = []
    var (start, end) = (0, text.count)
    while parts.count < limit, let found = try find(separator, in: text, start..<end, fromEnd: fromEnd) {
      parts.append(try self.text(Text(fromEnd ? text[(found + separator.count)..<end] : text[start..<found])))
      if fromEnd { end = found } else { start = found + separator.count }
    }
    parts.append(try self.text(Text(text[start..<end])))
    return try list(fromEnd ? parts.reversed() : parts)
  }

  /// Methods that make another text.
  func stringChange(_ text: Text, _ name: String, _ arguments: Arguments) throws -> Value {
    switch name {
    case "strip", "lstrip", "rstrip":
      let bound = try bind(arguments, name, ["chars"])
      let characters = try bound[0].flatMap { $0.isNone ? nil : $0 }.map { try string($0, "the argument")! }
      return try self.text(text.stripped(characters, left: name != "rstrip", right: name != "lstrip"))
    case "replace":
      let bound = try bind(arguments, name, ["old", "new", "count"], required: 2)
      return try replaced(
        text, string(bound[0], "the text to replace")!, string(bound[1], "the new text")!,
        integer(bound[2], "count") ?? -1)
    case "join":
      let values = try values(of: bind(arguments, name, ["iterable"], required: 1)[0]!)
      return try joined(values.map { try string($0, "an item to join")! }, text)
    case "removeprefix", "removesuffix":
      let part = try string(bind(arguments, name, ["prefix"], required: 1)[0], "the argument")!
      let isPrefix = name == "removeprefix"
      let isThere = isPrefix ? text.starts(with: part) : text.suffix(part.count).elementsEqual(part)
      return isThere
        ? try self.text(Text(isPrefix ? text.dropFirst(part.count) : text.dropLast(part.count))) : .text(text)
    case "center", "ljust", "rjust", "zfill", "expandtabs":
      return try padded(text, name, arguments)
    case "format", "format_map": return try formatted(text, name, arguments)
    default:
      _ = try bind(arguments, name, [])
      switch name {
      case "capitalize": return try self.text(text.capitalizedText)
      case "casefold": return try self.text(text.flatMap { $0 == "ß" ? ["s", "s"] : [$0] }.lowercased)
      case "lower": return try self.text(text.lowercased)
      case "swapcase": return try self.text(text.swapped)
      case "title": return try self.text(text.titled)
      default: return try self.text(text.uppercased)
      }
    }
  }

  func joined(_ parts: [Text], _ separator: Text) throws -> Value {
    let count = parts.reduce(0) { $0 + $1.count } + separator.count * max(parts.count - 1, 0)
    try claim(bytes: count * 4)
    return .text(Text(parts.joined(separator: separator)))
  }

  func replaced(_ text: Text, _ old: Text, _ new: Text, _ limit: Int) throws -> Value {
    let limit = limit < 0 ? Int.max : limit
    var result = Text()
    var start = 0
    var count = 0
    while count < limit, let found = try find(old, in: text, start..<text.count) {
      // An empty text is before and after every character.
      try claim(bytes: (found - start + new.count + 1) * 4)
      result += text[start..<found] + new
      start = found + old.count
      count += 1
      if old.isEmpty {
        guard start < text.count else { return .text(result) }
        result.append(text[start])
        start += 1
      }
    }
    try claim(bytes: (text.count - start) * 4)
    return .text(result + text[start...])
  }

  private func padded(_ text: Text, _ name: String, _ arguments: Arguments) throws -> Value {
    if name == "expandtabs" {
      let size = try integer(bind(arguments, name, ["tabsize"])[0], "tabsize") ?? 8
      var result = Text()
      var column = 0
      for scalar in text {
        if scalar == "\t" {
          let count = size > 0 ? size - column % size : 0
          try claim(bytes: count * 4)
          result += Text(repeating: " ", count: count)
          column += count
        } else {
          result.append(scalar)
          column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
        }
      }
      return try self.text(result)
    }
    let bound = try bind(arguments, name, name == "zfill" ? ["width"] : ["width", "fillchar"], required: 1)
    let width = try integer(bound[0], "width")!
    let fill = name == "zfill" ? ["0"] : try string(bound[1], "fillchar") ?? [" "]
    guard fill.count == 1 else { throw error(.type, "the fill character must be exactly one character long") }
    guard width > text.count else { return .text(text) }
    try claim(bytes: width.multipliedReportingOverflow(by: 4).overflow ? .max : width * 4)
    let count = width - text.count
    func filling(_ count: Int) -> Text { Text(repeating: fill[0], count: count) }
    switch name {
    case "ljust": return .text(text + filling(count))
    case "rjust": return .text(filling(count) + text)
    case "zfill":
      let hasSign = text.first == "-" || text.first == "+"
      return .text((hasSign ? [text[0]] : []) + filling(count) + text.dropFirst(hasSign ? 1 : 0))
    default:
      // As CPython: of an odd number the left gets the greater part where the width is odd too.
      let left = count / 2 + (count & width & 1)
      return .text(filling(left) + text + filling(count - left))
    }
  }
}

extension Text {
  /// As `str.islower`.
  var isLowercase: Bool { contains(where: \.isCased) && !contains { $0.isUpper || $0.isTitle } }
  /// As `str.isupper`.
  var isUppercase: Bool { contains(where: \.isCased) && !contains { $0.isLower || $0.isTitle } }

  /// As `str.istitle`.
  var isTitled: Bool {
    var isInside = false
    var hasCased = false
    for scalar in self {
      if scalar.isUpper || scalar.isTitle {
        if isInside { return false }
      } else if scalar.isLower, !isInside {
        return false
      }
      isInside = scalar.isCased
      hasCased = hasCased || isInside
    }
    return hasCased
  }
}
