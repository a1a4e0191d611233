import OrderedCollections
import SkeinJSON

/// JSON in and out.
extension Renderer {
  /// A value of a template for a JSON value.
  func value(_ json: JSONValue) throws -> Value {
    switch json {
    case .null: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .float(value)
    case .string(let string): return try text(string.text)
    case .array(let values):
      try checkStack()
      return try list(values.map { try value($0) })
    case .object(let members):
      try checkStack()
      var entries = OrderedDictionary<Value, Value>(minimumCapacity: members.count)
      for (key, member) in members { entries[try text(key.text)] = try value(member) }
      return try dictionary(entries)
    }
  }

  /// The filter `tojson` as Hugging Face defines it: `json.dumps` with these options.
  func json(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
    var writer = JSONWriter(renderer: self)
    writer.isASCII = bound[0]?.isTrue ?? false
    writer.sortsKeys = bound[3]?.isTrue ?? false
    if let indent = bound[1], !indent.isNone {
      if let text = indent.asText {
        writer.indent = text
      } else {
        let width = max(try integer(indent, "indent")!, 0)
        try claim(bytes: width.multipliedReportingOverflow(by: 4).overflow ? .max : width * 4)
        writer.indent = Text(repeating: " ", count: width)
      }
      writer.itemSeparator = [","]
    }
    if let separators = bound[2], !separators.isNone {
      let parts = try values(of: separators, atMost: 2)
      guard parts.count == 2 else { throw error(.value, "separators must be two strings") }
      writer.itemSeparator = try string(parts[0], "a separator")!
      writer.keySeparator = try string(parts[1], "a separator")!
    }
    try writer.write(value, depth: 0)
    return try text(writer.result)
  }
}

/// Writes JSON as Python's `json.dumps` does.
private struct JSONWriter {
  let renderer: Renderer
  var isASCII = false
  var sortsKeys = false
  var indent: Text?
  var itemSeparator = ", ".text
  var keySeparator = ": ".text
  var result = Text()

  mutating func write(_ value: Value, depth: Int) throws {
    try renderer.spend()
    guard result.count <= renderer.limits.outputBytes else {
      throw renderer.error(.limit, "the JSON has more than \(renderer.limits.outputBytes) characters")
    }
    switch value {
    case .none: result += "null".text
    case .bool(let value): result += (value ? "true" : "false").text
    case .integer(let value): result += String(value).text
    case .float(let value): result += number(value)
    case .text(let text): try string(text)
    case .list(let items), .tuple(let items):
      try container("[", "]", items.values.count, depth: depth) { writer, index in
        try writer.write(items.values[index], depth: depth + 1)
      }
    case .dictionary(let mapping):
      var entries = try mapping.entries.map { (key: try key($0.key), original: $0.key, value: $0.value) }
      if sortsKeys {
        try entries.sort { try renderer.less($0.original, $1.original) }
      }
      try container("{", "}", entries.count, depth: depth) { writer, index in
        try writer.string(entries[index].key)
        writer.result += writer.keySeparator
        try writer.write(entries[index].value, depth: depth + 1)
      }
    case .undefined, .object:
      throw renderer.error(.type, "Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private mutating func container(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ count: Int, depth: Int,
    _ body: (inout JSONWriter, Int) throws -> Void
  ) throws {
    try renderer.checkStack()
    result.append(open)
    for index in 0..<count {
      if index > 0 { result += itemSeparator }
      try newline(depth + 1)
      try body(&self, index)
    }
    if count > 0 { try newline(depth) }
    result.append(close)
  }

  private mutating func newline(_ depth: Int) throws {
    guard let indent else { return }
    try renderer.claim(bytes: indent.count * depth * 4)
    result.append("\n")
    for _ in 0..<depth { result += indent }
  }

  private func number(_ value: Double) -> Text {
    value.isFinite
      ? FloatText.shortest(value).text : (value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity").text
  }

  private func key(_ value: Value) throws -> Text {
    switch value {
    case .text(let text): return text
    case .none: return "null".text
    case .bool(let value): return (value ? "true" : "false").text
    case .integer(let value): return String(value).text
    case .float(let value): return number(value)
    default:
      throw renderer.error(.type, "keys must be str, int, float, bool or None, not \(value.typeName)")
    }
  }

  private mutating func string(_ text: Text) throws {
    try renderer.spend(text.count / 16)
    result.append("\"")
    for scalar in text {
      switch scalar {
      case "\"", "\\": result += ["\\", scalar]
      case "\n": result += ["\\", "n"]
      case "\r": result += ["\\", "r"]
      case "\t": result += ["\\", "t"]
      case "\u{8}": result += ["\\", "b"]
      case "\u{C}": result += ["\\", "f"]
      default:
        if scalar.value < 0x20 || isASCII && scalar.value > 0x7E {
          for unit in UTF16.encode(scalar)! {
            result += ("\\u" + hexadecimal(UInt32(unit), width: 4)).text
          }
        } else {
          result.append(scalar)
        }
      }
    }
    result.append("\"")
  }
}
