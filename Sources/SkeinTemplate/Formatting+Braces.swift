/// `'{} and {name:>10}'.format(...)`, as Python formats.
extension Renderer {
  func formatted(_ format: Text, _ method: String, _ arguments: Arguments) throws -> Value {
    var arguments = arguments
    if method == "format_map" {
      guard case .dictionary(let mapping)? = arguments.positional.first, arguments.positional.count == 1
      else {
        throw error(.type, "format_map() takes exactly one dictionary")
      }
      arguments = Arguments(
        named: mapping.entries.compactMap { key, value in key.asText.map { (String($0), value) } })
    }
    var automatic = 0
    return try text(braces(format, arguments, &automatic, depth: 0))
  }

  private func braces(_ format: Text, _ arguments: Arguments, _ automatic: inout Int, depth: Int) throws
    -> Text
  {
    guard depth < 3 else { throw error(.value, "Max string recursion exceeded") }
    var result = Text()
    var index = 0
    while index < format.count {
      let scalar = format[index]
      index += 1
      guard scalar == "{" || scalar == "}" else {
        result.append(scalar)
        continue
      }
      if index < format.count, format[index] == scalar {
        result.append(scalar)
        index += 1
        continue
      }
      guard scalar == "{" else { throw error(.value, "Single '}' encountered in format string") }
      let start = index
      var open = 1
      while index < format.count, open > 0 {
        if format[index] == "{" { open += 1 }
        if format[index] == "}" { open -= 1 }
        index += 1
      }
      guard open == 0 else { throw error(.value, "Single '{' encountered in format string") }
      result += try field(Text(format[start..<(index - 1)]), arguments, &automatic, depth: depth)
      try claim(bytes: result.count / 8)
    }
    return result
  }

  private func field(_ field: Text, _ arguments: Arguments, _ automatic: inout Int, depth: Int) throws -> Text
  {
    var bracket = false
    var end = 0
    while end < field.count {
      if field[end] == "[" { bracket = true }
      if field[end] == "]" { bracket = false }
      if !bracket, field[end] == ":" || field[end] == "!" { break }
      end += 1
    }
    var value = try find(Text(field[..<end]), arguments, &automatic)
    if end < field.count, field[end] == "!" {
      guard end + 1 < field.count else { throw error(.value, "end of string while looking for conversion") }
      switch field[end + 1] {
      case "s": value = .text(try toText(value))
      case "r", "a": value = .text(try toRepresentation(value))
      default: throw error(.value, "Unknown conversion specifier \(String([field[end + 1]]))")
      }
      end += 2
      guard end == field.count || field[end] == ":" else {
        throw error(.value, "expected ':' after conversion")
      }
    }
    let rest = Text(field.dropFirst(end + 1))
    return try formatted(value, braces(rest, arguments, &automatic, depth: depth + 1))
  }

  /// The value that `0.name[key]` stands for.
  private func find(_ path: Text, _ arguments: Arguments, _ automatic: inout Int) throws -> Value {
    var index = path.firstIndex { $0 == "." || $0 == "[" } ?? path.count
    let first = String(path[..<index])
    var value: Value
    if first.isEmpty || Int(first) != nil {
      let position = Int(first) ?? automatic
      if first.isEmpty { automatic += 1 }
      guard arguments.positional.indices.contains(position) else {
        throw error(.value, "Replacement index \(position) out of range for positional args tuple")
      }
      value = arguments.positional[position]
    } else {
      guard let found = arguments.named.first(where: { $0.name == first }) else {
        throw error(.value, "the format's key \(String(first.text.quoted)) is not there")
      }
      value = found.value
    }
    while index < path.count {
      let isAttribute = path[index] == "."
      let start = index + 1
      index = path[start...].firstIndex { isAttribute ? $0 == "." || $0 == "[" : $0 == "]" } ?? path.count
      let name = Text(path[start..<index])
      guard !name.isEmpty else { throw error(.value, "Empty attribute in format string") }
      if isAttribute {
        value = try attribute(value, String(name))
      } else {
        value = try item(value, Int(String(name)).map(Value.integer) ?? .text(name))
        index = min(index + 1, path.count)
      }
    }
    return value
  }

  /// `format(value, specification)`
  private func formatted(_ value: Value, _ format: Text) throws -> Text {
    guard !format.isEmpty else { return try toText(value) }
    let specification = try FormatSpecification(format, renderer: self)
    func check(_ types: String) throws {
      guard let type = specification.type, !types.unicodeScalars.contains(type) else { return }
      throw error(
        .value, "Unknown format code '\(String([type]))' for object of type '\(value.typeName)'")
    }
    switch value {
    case .text(let text):
      try check("s")
      if specification.alignment == "=" {
        throw error(.value, "'=' alignment not allowed in string format specifier")
      }
      return specification.padded(specification.precision.map { Text(text.prefix($0)) } ?? text)
    case .integer, .bool:
      try check("bcdeEfFgGnoxX%")
      let isFloat = specification.type.map { "eEfFgG%".unicodeScalars.contains($0) } ?? false
      if specification.precision != nil, !isFloat {
        throw error(.value, "Precision not allowed in integer format specifier")
      }
      return try specification.number(value.asInteger ?? 0)
    case .float(let number):
      try check("eEfFgGn%")
      return specification.number(number)
    default: throw error(.type, "unsupported format string passed to \(value.typeName).__format__")
    }
  }
}
