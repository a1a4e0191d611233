/// The filters of Jinja that there are here. Missing are `random` (a chat must render the same each time) and
/// `pprint` and `urlize`, which are for debugging and web pages.
enum FilterName: String, CaseIterable {
  // Texts
  case capitalize, center, e, escape, filesizeformat, forceescape, format, indent, lower, replace, safe,
    string
  case striptags, title, trim, truncate, upper, urlencode, wordcount, wordwrap, xmlattr
  // Numbers and conversions
  case abs, float, int, round, tojson
  // Sequences
  case batch, count, dictsort, first, groupby, items, join, last, length, list, max, min, reverse, slice, sort
  case sum, unique
  // Any value
  case attr, d, `default`, map, reject, rejectattr, select, selectattr
}

extension Renderer {
  /// `value | name(arguments)`
  func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
    guard let filter = FilterName(rawValue: name) else {
      let isKnown = ["random", "pprint", "urlize"].contains(name)
      throw error(
        isKnown ? .unsupported : .syntax,
        isKnown ? "the filter '\(name)' is not supported in chat templates" : "there is no filter '\(name)'")
    }
    try spend(1 + (value.asText?.count ?? 0) / 16)
    switch filter {
    case .capitalize, .center, .e, .escape, .filesizeformat, .forceescape, .format, .indent, .lower, .replace,
      .safe, .string, .striptags, .title, .trim, .truncate, .upper, .urlencode, .wordcount, .wordwrap,
      .xmlattr:
      return try textFilter(filter, value, arguments)
    case .abs, .float, .int, .round, .tojson: return try numberFilter(filter, value, arguments)
    case .batch, .count, .dictsort, .first, .groupby, .items, .join, .last, .length, .list, .max, .min,
      .reverse, .slice, .sort, .sum, .unique:
      return try sequenceFilter(filter, value, arguments)
    case .attr:
      let name = try string(bind(arguments, "attr", ["name"], required: 1)[0], "the name")!
      return try plainAttribute(value, String(name))
    case .d, .default:
      let bound = try bind(arguments, "default", ["default_value", "boolean"])
      let isMissing = value.isUndefined || (bound[1]?.isTrue ?? false) && !value.isTrue
      return isMissing ? bound[0] ?? .text([]) : value
    case .map: return try map(value, arguments)
    case .reject, .rejectattr, .select, .selectattr: return try select(filter, value, arguments)
    }
  }

  // MARK: - Numbers

  private func numberFilter(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    switch filter {
    case .abs:
      _ = try bind(arguments, "abs", [])
      if case .undefined(let missing) = value { throw use(missing) }
      if case .float(let number) = value { return .float(Swift.abs(number)) }
      guard let number = value.asInteger else {
        throw error(.type, "bad operand type for abs(): '\(value.typeName)'")
      }
      return number < 0 ? try negate(value) : .integer(number)
    case .float:
      let bound = try bind(arguments, "float", ["default"])
      if case .undefined(let missing) = value { throw use(missing) }
      return number(value).map(Value.float) ?? bound[0] ?? .float(0)
    case .int: return try integer(value, arguments)
    case .round: return try rounded(value, arguments)
    default: return try json(value, arguments)
    }
  }

  /// As `float(value)`; nil where that fails.
  private func number(_ value: Value) -> Double? {
    guard let text = value.asText else { return value.asDouble }
    let trimmed = text.stripped(nil)
    guard trimmed.last != "_", trimmed.first != "_",
      trimmed.allSatisfy({ $0.isASCII && $0 != "x" && $0 != "X" && $0 != "(" })
    else { return nil }
    return Double(String(trimmed.filter { $0 != "_" }))
  }

  private func integer(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "int", ["default", "base"])
    let base = try integer(bound[1], "base") ?? 10
    let standard = bound[0] ?? .integer(0)
    if case .undefined(let missing) = value { throw use(missing) }
    if let text = value.asText, let integer = parsed(text.stripped(nil), base: base) {
      return .integer(integer)
    }
    if let integer = value.asInteger { return .integer(integer) }
    guard let number = number(value) else { return standard }
    guard number.isFinite else {
      // `int(inf)` is no ValueError where the value is a number already.
      if value.asText == nil, number.isInfinite {
        throw error(.value, "cannot convert float infinity to integer")
      }
      return standard
    }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else {
      throw error(.value, "a number needs more than 64 bits")
    }
    return .integer(integer)
  }

  /// As `int(text, base)`; nil where that fails.
  private func parsed(_ text: Text, base: Int) -> Int? {
    var digits = text[...]
    var isNegative = false
    if let first = digits.first, first == "+" || first == "-" {
      isNegative = first == "-"
      digits.removeFirst()
    }
    var base = base
    if digits.count > 2, digits[digits.startIndex] == "0" {
      let letter = String(digits[digits.startIndex + 1]).lowercased()
      let prefix = ["x": 16, "o": 8, "b": 2][letter]
      if let prefix, base == prefix || base == 0 {
        digits = digits.dropFirst(2)
        if digits.first == "_" { digits.removeFirst() }
        base = prefix
      }
    }
    if base == 0 { base = 10 }
    guard (2...36).contains(base), let first = digits.first, first != "_", digits.last != "_", first != "+",
      first != "-", !String(digits).contains("__")
    else { return nil }
    return Int((isNegative ? "-" : "") + String(digits.filter { $0 != "_" }), radix: base)
  }

  private func rounded(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "round", ["precision", "method"])
    let digits = min(max(try integer(bound[0], "precision") ?? 0, -400), 400)
    let method = String(try string(bound[1], "method") ?? "common".text)
    if case .undefined(let missing) = value { throw use(missing) }
    guard ["common", "ceil", "floor"].contains(method) else {
      throw error(.value, "method must be common, ceil or floor")
    }
    guard let number = value.asDouble else { throw error(.type, "type \(value.typeName) cannot be rounded") }
    if method == "common" {
      guard let integer = value.asInteger else { return .float(FloatText.rounded(number, digits: digits)) }
      if digits >= 0 { return .integer(integer) }
      return .integer(Int(exactly: FloatText.rounded(number, digits: digits)) ?? 0)
    }
    guard number.isFinite else { throw error(.value, "cannot round \(FloatText.shortest(number))") }
    let scale = FloatText.power(10, Double(digits))
    let scaled = number * scale
    return .float((method == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)) / scale)
  }

  /// The filter `attr`: attributes and methods, no items.
  private func plainAttribute(_ value: Value, _ name: String) throws -> Value {
    if case .undefined(let missing) = value { throw use(missing) }
    if case .dictionary(let mapping) = value, Methods.access(of: value, name) == nil,
      mapping.entries[.string(name)] != nil
    {
      return undefined("'\(label(value))' has no attribute '\(name)'")
    }
    return try attribute(value, name)
  }
}
