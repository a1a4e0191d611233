/// `'%s and %05.2f' % values`, as Python formats.
extension Renderer {
  func formatted(_ format: Text, _ value: Value) throws -> Value {
    var arguments: [Value]
    if case .tuple(let items) = value { arguments = items.values } else { arguments = [value] }
    var used = 0
    var usesNames = false
    var result = Text()
    var index = 0
    func next() throws -> Value {
      guard used < arguments.count else { throw error(.type, "not enough arguments for format string") }
      used += 1
      return arguments[used - 1]
    }
    while index < format.count {
      guard format[index] == "%" else {
        result.append(format[index])
        index += 1
        continue
      }
      index += 1
      var named: Value?
      if index < format.count, format[index] == "(" {
        guard let end = format[index...].firstIndex(of: ")") else {
          throw error(.value, "incomplete format key")
        }
        guard case .dictionary(let mapping) = value else { throw error(.type, "format requires a mapping") }
        let key = Text(format[(index + 1)..<end])
        guard let found = mapping.entries[.text(key)] else {
          throw error(.value, "the format's key \(String(key.quoted)) is not there")
        }
        named = found
        usesNames = true
        index = end + 1
      }
      var specification = try FormatSpecification(percent: format, &index, renderer: self) {
        try integer(next(), "the width")!
      }
      guard index < format.count else { throw error(.value, "incomplete format") }
      let code = format[index]
      index += 1
      if code == "%" {
        result.append("%")
        continue
      }
      let argument = try named ?? next()
      result += try converted(argument, code, &specification)
      try claim(bytes: result.count / 8)
    }
    // Whatever has items by key is taken as a dictionary of names, all of which need not be used.
    let mayBeUnused =
      switch value {
      case .dictionary, .list, .undefined: true
      case .object(let object): object is NumberRange
      default: usesNames
      }
    if used < arguments.count, !mayBeUnused {
      throw error(.type, "not all arguments converted during string formatting")
    }
    arguments = []
    return try text(result)
  }

  private func converted(
    _ value: Value, _ code: Unicode.Scalar, _ specification: inout FormatSpecification
  ) throws -> Text {
    switch code {
    case "s", "r", "a":
      var text = code == "s" ? try toText(value) : try toRepresentation(value)
      if let precision = specification.precision { text = Text(text.prefix(precision)) }
      return specification.padded(text)
    case "c":
      if let text = value.asText, text.count == 1 { return specification.padded(text) }
      guard let number = value.asInteger, let scalar = UInt32(exactly: number).flatMap(Unicode.Scalar.init)
      else {
        throw error(.type, "%c requires a number or one character")
      }
      return specification.padded([scalar])
    case "d", "i", "u", "x", "X", "o":
      if case .undefined(let missing) = value { throw use(missing) }
      var number = value.asInteger
      if case .float(let float) = value, code == "d" || code == "i" || code == "u" {
        number = Int(exactly: float.rounded(.towardZero))
      }
      guard let number else {
        throw error(.type, "%\(String([code])) format: a number is required, not \(value.typeName)")
      }
      specification.type = code == "i" || code == "u" ? "d" : code
      return try specification.number(number)
    case "e", "E", "f", "F", "g", "G":
      if case .undefined(let missing) = value { throw use(missing) }
      guard let number = value.asDouble else {
        throw error(.type, "%\(String([code])) format: a number is required, not \(value.typeName)")
      }
      specification.type = code
      return specification.number(number)
    default: throw error(.value, "unsupported format character \(String(Text([code]).quoted))")
    }
  }
}
