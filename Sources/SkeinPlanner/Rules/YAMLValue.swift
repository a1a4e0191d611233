import Yams

/// A value of a YAML or JSON file (JSON is YAML), which knows its line.
struct YAMLValue {
  enum Content {
    /// The text, and whether it stood in quotes: then it is text even if it looks like a number.
    case scalar(String, isQuoted: Bool)
    case sequence([YAMLValue])
    case mapping([(key: YAMLValue, value: YAMLValue)])
  }
  var content: Content
  /// Counted from 1.
  var line: Int

  /// The text of a scalar.
  var text: String? {
    if case .scalar(let text, _) = content { return text }
    return nil
  }

  /// A whole number without quotes.
  var integer: Int? {
    if case .scalar(let text, false) = content { return Int(text) }
    return nil
  }

  /// A finite number without quotes.
  var number: Double? {
    guard case .scalar(let text, false) = content, let number = Double(text), number.isFinite else {
      return nil
    }
    return number
  }

  /// Whether Python would take it for false: `false`, `no`, `off`, `0`, nothing.
  var isFalse: Bool {
    switch content {
    case .scalar(let text, let isQuoted):
      return text.isEmpty
        || (!isQuoted && ["false", "no", "off", "0", "null", "~"].contains(text.lowercased()))
    case .sequence(let values): return values.isEmpty
    case .mapping(let pairs): return pairs.isEmpty
    }
  }

  /// `null`, `~` or nothing at all.
  var isNull: Bool {
    if case .scalar(let text, false) = content { return ["", "~", "null"].contains(text.lowercased()) }
    return false
  }

  var sequence: [YAMLValue]? {
    if case .sequence(let values) = content { return values }
    return nil
  }

  var mapping: [(key: YAMLValue, value: YAMLValue)]? {
    if case .mapping(let pairs) = content { return pairs }
    return nil
  }

  /// The value of a key of a mapping.
  subscript(key: String) -> YAMLValue? { mapping?.first { $0.key.text == key }?.value }

  /// What it is, for messages.
  var kind: String {
    switch content {
    case .scalar(let text, _): "\"\(text.prefix(60))\""
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension YAMLValue {
  /// Bytes a file may have: beyond any table of modules.
  static let mostBytes = 8 << 20

  /// Reads a file's text. Nil where it holds nothing.
  static func parse(_ text: String, path: String) throws(PlannerError) -> YAMLValue? {
    guard text.utf8.count <= mostBytes else {
      throw PlannerError(.invalidFile, "has more than \(mostBytes) bytes: not a placement", path: path)
    }
    if let line = lineWithAnchor(text) {
      throw PlannerError(
        .invalidFile, "anchors (&name) are not supported: write the value out where it is used", path: path,
        line: line)
    }
    do {
      // No tags are resolved: what is a number is decided where one is expected.
      let root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
      return root.map(YAMLValue.init)
    } catch {
      let (problem, line) = describe(error)
      throw PlannerError(.invalidFile, "is not YAML: \(problem)", path: path, line: line)
    }
  }

  private init(_ node: Yams.Node) {
    line = node.mark?.line ?? 1
    switch node {
    case .scalar(let scalar): content = .scalar(scalar.string, isQuoted: scalar.style != .plain)
    case .sequence(let sequence): content = .sequence(sequence.map(YAMLValue.init))
    case .mapping(let mapping):
      content = .mapping(mapping.map { (key: YAMLValue($0.key), value: YAMLValue($0.value)) })
    case .alias: content = .scalar("", isQuoted: false)
    }
  }

  private static func describe(_ error: any Error) -> (problem: String, line: Int?) {
    switch error as? YamlError {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      return ((context.map { $0.text + " " } ?? "") + problem, mark.line)
    case .reader(let problem, _, _, _): return (problem, nil)
    case .duplicatedKeysInMapping(let keys, let context):
      return ("the key \"\((keys.first ?? "").prefix(80))\" is there twice", context.mark.line)
    default: return ("it cannot be parsed", nil)
    }
  }

  /// The first line with something that may be an anchor. A few lines of anchors that contain each other can
  /// stand for more values than any memory holds; no rule file needs them.
  private static func lineWithAnchor(_ text: String) -> Int? {
    var line = 1
    var isStart = true
    var previousStarts = false
    for byte in text.utf8 {
      if previousStarts, !" \t\r\n,]}&\"'".utf8.contains(byte) { return line }
      previousStarts = isStart && byte == UInt8(ascii: "&")
      isStart = " \t\r\n[{,:".utf8.contains(byte) || lineBreakEnds.contains(byte)
      if byte == UInt8(ascii: "\n") { line += 1 }
    }
    return nil
  }

  /// The last bytes of a byte order mark and of the line breaks of Unicode that YAML knows.
  private static let lineBreakEnds: Set<UInt8> = [0xBF, 0x85, 0xA8, 0xA9]
}
