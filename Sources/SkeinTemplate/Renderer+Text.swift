/// Values as text, as `str` and `repr` of Python have them.
extension Renderer {
  /// `str(value)`
  func toText(_ value: Value) throws -> Text {
    switch value {
    case .text(let text): return text
    case .undefined: return []
    default: return try toRepresentation(value)
    }
  }

  /// `repr(value)`
  func toRepresentation(_ value: Value) throws -> Text {
    var result = Text()
    try represent(value, &result)
    try claim(bytes: result.count * 4)
    return result
  }

  private func represent(_ value: Value, _ result: inout Text) throws {
    try spend()
    guard result.count <= limits.outputBytes else {
      throw error(.limit, "the template writes more than \(limits.outputBytes) bytes")
    }
    switch value {
    case .undefined: result += "Undefined".text
    case .none: result += "None".text
    case .bool(let value): result += (value ? "True" : "False").text
    case .integer(let value): result += String(value).text
    case .float(let value): result += FloatText.shortest(value).text
    case .text(let text):
      try spend(text.count / 16)
      result += text.quoted
    case .list(let items): try represent(items.values, "[", "]", &result)
    case .tuple(let items): try represent(items.values, "(", items.values.count == 1 ? ",)" : ")", &result)
    case .dictionary(let mapping):
      try checkStack()
      result.append("{")
      for (index, entry) in mapping.entries.enumerated() {
        if index > 0 { result += ", ".text }
        try represent(entry.key, &result)
        result += ": ".text
        try represent(entry.value, &result)
      }
      result.append("}")
    case .object(let object): try represent(object, &result)
    }
  }

  private func represent(_ values: [Value], _ open: String, _ close: String, _ result: inout Text) throws {
    try checkStack()
    result += open.text
    for (index, value) in values.enumerated() {
      if index > 0 { result += ", ".text }
      try represent(value, &result)
    }
    result += close.text
  }

  private func represent(_ object: Object, _ result: inout Text) throws {
    try checkStack()
    switch object {
    case let namespace as Namespace:
      result += "<Namespace {".text
      for (index, entry) in namespace.attributes.enumerated() {
        if index > 0 { result += ", ".text }
        result += entry.key.quoted + ": ".text
        try represent(entry.value, &result)
      }
      result += "}>".text
    case let range as NumberRange:
      result += "range(\(range.start), \(range.stop)".text
      result += (range.step == 1 ? ")" : ", \(range.step))").text
    case let view as MappingView:
      result += "dict_\(view.name)".text
      try represent(view.items.values, "([", "])", &result)
    case let macro as Macro:
      result += "<Macro \(macro.definition.name.map { String($0.text.quoted) } ?? "anonymous")>".text
    case let loop as Loop: result += "<LoopContext \(loop.index0 + 1)/\(try loop.count())>".text
    default: result += "<\(object.typeName) object>".text
    }
  }
}

/// Floating-point numbers as Python writes them.
enum FloatText {
  /// The shortest text that reads back as the number: `1.0`, `1e+16`, `1e-05`.
  static func shortest(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    var (digits, exponent) = parts(value)
    let sign = value.sign == .minus ? "-" : ""
    if exponent < -4 || exponent >= 16 {
      let first = digits.removeFirst()
      let size = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
      return sign + [first] + (digits.isEmpty ? "" : "." + digits) + "e" + (exponent < 0 ? "-" : "+") + size
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    if digits.count <= exponent + 1 {
      return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
    }
    let point = digits.index(digits.startIndex, offsetBy: exponent + 1)
    return sign + digits[..<point] + "." + digits[point...]
  }

  /// Digits without zeros at their ends, and the power of ten of the first.
  private static func parts(_ value: Double) -> (digits: String, exponent: Int) {
    let text = value.magnitude.description
    let halves = text.split(separator: "e")
    var exponent = halves.count > 1 ? Int(halves[1]) ?? 0 : 0
    let mantissa = halves[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
    exponent += mantissa[0].count - 1
    while digits.count > 1, digits.first == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    return digits == "0" ? ("0", 0) : (digits, exponent)
  }
}
