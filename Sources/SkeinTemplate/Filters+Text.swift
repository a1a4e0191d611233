extension Renderer {
  func textFilter(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    switch filter {
    case .center:
      let width = try bind(arguments, "center", ["width"])[0] ?? .integer(80)
      return try callMethod(.text(toText(value)), "center", Arguments(positional: [width]))
    case .e, .escape, .forceescape:
      _ = try bind(arguments, "escape", [])
      return try text(escaped(toText(value)))
    case .filesizeformat: return try fileSize(value, arguments)
    case .format:
      guard arguments.positional.isEmpty || arguments.named.isEmpty else {
        throw error(.type, "format takes positional or named arguments, not both")
      }
      if arguments.named.isEmpty { return try formatted(toText(value), tuple(arguments.positional)) }
      let entries = arguments.named.map { (Value.string($0.name), $0.value) }
      return try formatted(toText(value), dictionary(.init(uniqueKeysWithValues: entries)))
    case .indent: return try indented(value, arguments)
    case .replace:
      let bound = try bind(arguments, "replace", ["old", "new", "count"], required: 2)
      let count = bound[2].flatMap { $0.isNone ? nil : $0 }
      return try replaced(
        toText(value), toText(bound[0]!), toText(bound[1]!), integer(count, "count") ?? -1)
    case .striptags:
      _ = try bind(arguments, "striptags", [])
      return try text(withoutTags(toText(value)))
    case .trim:
      let characters = try bind(arguments, "trim", ["chars"])[0].flatMap { $0.isNone ? nil : $0 }
      return try text(toText(value).stripped(string(characters, "the argument")))
    case .truncate: return try truncated(value, arguments)
    case .urlencode: return try urlEncoded(value, arguments)
    case .wordcount:
      _ = try bind(arguments, "wordcount", [])
      return .integer(try toText(value).split { !$0.isWord }.count)
    case .wordwrap: return try wrapped(value, arguments)
    case .xmlattr: return try attributes(value, arguments)
    default:
      _ = try bind(arguments, filter.rawValue, [])
      let source = try toText(value)
      switch filter {
      case .capitalize: return try text(source.capitalizedText)
      case .lower: return try text(source.lowercased)
      case .title: return try text(titled(source))
      case .upper: return try text(source.uppercased)
      default: return .text(source)
      }
    }
  }

  private func escaped(_ text: Text) throws -> Text {
    try claim(bytes: text.count * 4)
    var result = Text()
    for scalar in text {
      switch scalar {
      case "&": result += "&amp;".text
      case "<": result += "&lt;".text
      case ">": result += "&gt;".text
      case "'": result += "&#39;".text
      case "\"": result += "&#34;".text
      default: result.append(scalar)
      }
    }
    return result
  }

  private func fileSize(_ value: Value, _ arguments: Arguments) throws -> Value {
    let isBinary = try bind(arguments, "filesizeformat", ["binary"])[0]?.isTrue ?? false
    guard case .float(let bytes) = try filter("float", value, Arguments(positional: [.none])) else {
      throw error(.type, "'\(value.typeName)' is no number of bytes")
    }
    let base = isBinary ? 1024.0 : 1000.0
    if bytes == 1 { return .string("1 Byte") }
    if bytes < base { return .string("\(Int(exactly: bytes.rounded(.towardZero)) ?? 0) Bytes") }
    var unit = base
    for (index, letter) in "kMGTPEZY".enumerated() {
      unit *= base
      if bytes < unit || index == 7 {
        let prefix = isBinary ? letter.uppercased() + "i" : String(letter)
        return .string(FloatText.formatted(base * bytes / unit, "f", precision: 1) + " \(prefix)B")
      }
    }
    return .none
  }

  private func indented(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "indent", ["width", "first", "blank"])
    if case .undefined(let missing) = value { throw use(missing) }
    guard let source = value.asText else { throw error(.type, "only strings can be indented") }
    let indent: Text
    if let text = bound[0]?.asText {
      indent = text
    } else {
      let width = max(try integer(bound[0], "width") ?? 4, 0)
      try claim(bytes: width > 1 << 30 ? .max : width * 4)
      indent = Text(repeating: " ", count: width)
    }
    let indentsBlank = bound[2]?.isTrue ?? false
    let lines = (source + ["\n"]).lines()
    try claim(
      bytes: (source.count + lines.count.multipliedReportingOverflow(by: indent.count + 1).partialValue) * 4)
    var result = bound[1]?.isTrue ?? false ? indent : []
    for (index, line) in lines.enumerated() {
      if index > 0 {
        result.append("\n")
        if indentsBlank || !line.isEmpty { result += indent }
      }
      result += line
    }
    return .text(result)
  }

  /// Capitals after white space, hyphens and opening brackets.
  private func titled(_ text: Text) -> Text {
    var result = Text()
    var isStart = true
    for scalar in text {
      let isBreak = scalar.isSpace || "-({[<".unicodeScalars.contains(scalar)
      let mapped = isStart ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
      result.append(contentsOf: isBreak ? [scalar] : Text(mapped.unicodeScalars))
      isStart = isBreak
    }
    return result
  }

  private func truncated(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "truncate", ["length", "killwords", "end", "leeway"])
    let length = try integer(bound[0], "length") ?? 255
    let end = try string(bound[2], "end") ?? "...".text
    let leeway = try integer(bound[3].flatMap { $0.isNone ? nil : $0 }, "leeway") ?? 5
    guard length >= end.count, leeway >= 0 else {
      throw error(.value, "the length must not be less than that of the end, and the leeway not less than 0")
    }
    if let count = try count(value), count <= length.addingClamped(leeway) { return value }
    guard let source = value.asText else { throw error(.type, "only strings can be truncated") }
    let part = Text(source[..<(length - end.count)])
    if bound[1]?.isTrue ?? false { return try text(part + end) }
    return try text(Text(part[..<(part.lastIndex(of: " ") ?? part.count)]) + end)
  }

  // MARK: - For web pages

  private func urlEncoded(_ value: Value, _ arguments: Arguments) throws -> Value {
    _ = try bind(arguments, "urlencode", [])
    if case .text(let source) = value { return try text(quoted(source, keeps: "/")) }
    guard isIterable(value) else { return try text(quoted(toText(value), keeps: "/")) }
    let pairs: [Value]
    if case .dictionary(let mapping) = value {
      pairs = try mapping.entries.map { try tuple([$0.key, $0.value]) }
    } else {
      pairs = try values(of: value)
    }
    let parts = try pairs.map { pair in
      let parts = try values(of: pair, atMost: 2)
      guard parts.count == 2 else { throw error(.value, "urlencode needs pairs") }
      return try quoted(toText(parts[0]), keeps: "", isQuery: true) + ["="]
        + quoted(toText(parts[1]), keeps: "", isQuery: true)
    }
    return try joined(parts, ["&"])
  }

  private func quoted(_ text: Text, keeps: String, isQuery: Bool = false) throws -> Text {
    try claim(bytes: text.count * 12)
    let plain = Set(("_.-~" + keeps).utf8)
    var result = Text()
    for byte in String(text).utf8 {
      let scalar = Unicode.Scalar(byte)
      if plain.contains(byte) || scalar.isASCII && (scalar.isLetter || scalar.isASCIIDigit) {
        result.append(scalar)
      } else if isQuery, byte == 0x20 {
        result.append("+")
      } else {
        result += ("%" + hexadecimal(UInt32(byte), width: 2).uppercased()).text
      }
    }
    return result
  }

  private func attributes(_ value: Value, _ arguments: Arguments) throws -> Value {
    let isSpaced = try bind(arguments, "xmlattr", ["autospace"])[0]?.isTrue ?? true
    if case .undefined(let missing) = value { throw use(missing) }
    guard case .dictionary(let mapping) = value else { throw error(.type, "xmlattr needs a dictionary") }
    var parts: [Text] = []
    for (key, value) in mapping.entries where !value.isNone && !value.isUndefined {
      let key = try string(key, "the name of an attribute")!
      guard !key.contains(where: { $0.isASCII && $0.isSpace || "/>=".unicodeScalars.contains($0) }) else {
        throw error(.value, "Invalid character in attribute name: \(String(key.quoted))")
      }
      parts.append(try escaped(key) + "=\"".text + escaped(toText(value)) + ["\""])
    }
    let result = Text(parts.joined(separator: [" "]))
    return try text(isSpaced && !result.isEmpty ? [" "] + result : result)
  }

  /// Text without comments and tags, and with one space for all white space.
  private func withoutTags(_ text: Text) throws -> Text {
    var source = text
    for (open, close) in [("<!--".text, "-->".text), ("<".text, ">".text)] {
      var result = Text()
      var start = 0
      while let opened = try find(open, in: source, start..<source.count),
        let closed = try find(close, in: source, (opened + open.count)..<source.count)
      {
        result += source[start..<opened]
        start = closed + close.count
      }
      source = result + source[start...]
    }
    return try unescaped(Text(source.words().joined(separator: [" "])))
  }

  /// The references of characters that `escape` writes, and numbers, as the characters.
  private func unescaped(_ text: Text) throws -> Text {
    let names = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}"]
    var result = Text()
    var index = 0
    while index < text.count {
      if text[index] == "&", let end = text[index...].prefix(12).firstIndex(of: ";") {
        let name = String(text[(index + 1)..<end])
        let isHexadecimal = name.hasPrefix("#x") || name.hasPrefix("#X")
        let code =
          name.hasPrefix("#")
          ? UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10) : nil
        if let found = names[name]?.text ?? code.flatMap(Unicode.Scalar.init).map({ [$0] }) {
          result += found
          index = end + 1
          continue
        }
      }
      result.append(text[index])
      index += 1
    }
    return result
  }
}
