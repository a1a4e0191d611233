/// Arithmetic and comparisons as Python has them, but that integers have 64 bits.
extension Renderer {
  private func overflow() -> TemplateError { error(.value, "a number needs more than 64 bits") }

  func negate(_ value: Value) throws -> Value {
    if case .float(let number) = value { return .float(-number) }
    if case .undefined(let missing) = value { throw use(missing) }
    guard let number = value.asInteger else {
      throw error(.type, "bad operand type for unary -: '\(value.typeName)'")
    }
    let (result, isOverflow) = (0).subtractingReportingOverflow(number)
    if isOverflow { throw overflow() }
    return .integer(result)
  }

  func plus(_ value: Value) throws -> Value {
    if case .float = value { return value }
    if case .undefined(let missing) = value { throw use(missing) }
    guard let number = value.asInteger else {
      throw error(.type, "bad operand type for unary +: '\(value.typeName)'")
    }
    return .integer(number)
  }

  func binary(_ left: Value, _ sign: BinaryOperator, _ right: Value) throws -> Value {
    if case .text(let format) = left, sign == .modulo { return try formatted(format, right) }
    if case .undefined(let missing) = left { throw use(missing) }
    if case .undefined(let missing) = right { throw use(missing) }
    if let left = left.asInteger, let right = right.asInteger { return try integers(left, sign, right) }
    if let left = left.asDouble, let right = right.asDouble { return try floats(left, sign, right) }
    switch (left, sign, right) {
    case (.text(let left), .add, .text(let right)):
      try claim(bytes: (left.count + right.count) * 4)
      return .text(left + right)
    case (.list(let left), .add, .list(let right)): return try list(left.values + right.values)
    case (.tuple(let left), .add, .tuple(let right)): return try tuple(left.values + right.values)
    case (_, .multiply, _):
      if let count = right.asInteger { return try repeated(left, count) }
      if let count = left.asInteger { return try repeated(right, count) }
    default: break
    }
    throw error(
      .type, "unsupported operand types for \(sign): '\(left.typeName)' and '\(right.typeName)'")
  }

  private func repeated(_ value: Value, _ count: Int) throws -> Value {
    let count = max(count, 0)
    func check(_ size: Int, _ bytes: Int) throws {
      let (all, isOverflow) = (size * bytes).multipliedReportingOverflow(by: count)
      try claim(bytes: isOverflow ? .max : all)
    }
    switch value {
    case .text(let text):
      try check(text.count, 4)
      return .text(Text(repeatElement(text, count: text.isEmpty ? 0 : count).joined()))
    case .list(let items), .tuple(let items):
      try check(items.values.count, 16)
      let all = Array(repeatElement(items.values, count: items.values.isEmpty ? 0 : count).joined())
      if case .list = value { return try list(all) }
      return try tuple(all)
    default: throw error(.type, "'\(value.typeName)' object cannot be multiplied")
    }
  }

  private func integers(_ left: Int, _ sign: BinaryOperator, _ right: Int) throws -> Value {
    let result: (partialValue: Int, overflow: Bool)
    switch sign {
    case .add: result = left.addingReportingOverflow(right)
    case .subtract: result = left.subtractingReportingOverflow(right)
    case .multiply: result = left.multipliedReportingOverflow(by: right)
    case .divide:
      guard right != 0 else { throw error(.value, "division by zero") }
      return .float(Double(left) / Double(right))
    case .floorDivide, .modulo:
      guard right != 0 else { throw error(.value, "integer division or modulo by zero") }
      if right == -1 {
        result = sign == .modulo ? (0, false) : (0).subtractingReportingOverflow(left)
        break
      }
      let (quotient, remainder) = left.quotientAndRemainder(dividingBy: right)
      let rounds = remainder != 0 && (remainder < 0) != (right < 0)
      result = (sign == .modulo ? remainder + (rounds ? right : 0) : quotient - (rounds ? 1 : 0), false)
    case .power: return try power(left, right)
    }
    if result.overflow { throw overflow() }
    return .integer(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) throws -> Value {
    if exponent < 0 {
      guard base != 0 else { throw error(.value, "0.0 cannot be raised to a negative power") }
      return .float(FloatText.power(Double(base), Double(exponent)))
    }
    if base == 0 || base == 1 { return .integer(exponent == 0 ? 1 : base) }
    if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
    var result = 1
    for _ in 0..<min(exponent, 64) {
      let (product, isOverflow) = result.multipliedReportingOverflow(by: base)
      if isOverflow { throw overflow() }
      result = product
    }
    if exponent > 64 { throw overflow() }
    return .integer(result)
  }

  private func floats(_ left: Double, _ sign: BinaryOperator, _ right: Double) throws -> Value {
    switch sign {
    case .add: return .float(left + right)
    case .subtract: return .float(left - right)
    case .multiply: return .float(left * right)
    case .divide, .floorDivide, .modulo:
      guard right != 0 else { throw error(.value, "float division by zero") }
      if sign == .divide { return .float(left / right) }
      // As CPython does it: the remainder is exact, the quotient is what is left.
      var remainder = left.truncatingRemainder(dividingBy: right)
      var quotient = (left - remainder) / right
      if remainder != 0 {
        if (right < 0) != (remainder < 0) {
          remainder += right
          quotient -= 1
        }
      } else {
        remainder = right < 0 ? -0.0 : 0.0
      }
      if sign == .modulo { return .float(remainder) }
      guard quotient != 0 else { return .float((left / right).sign == .minus ? -0.0 : 0.0) }
      let floor = quotient.rounded(.down)
      return .float(quotient - floor > 0.5 ? floor + 1 : floor)
    case .power:
      if left == 0, right < 0 { throw error(.value, "0.0 cannot be raised to a negative power") }
      let result = FloatText.power(left, right)
      if result.isNaN, !left.isNaN, !right.isNaN { throw error(.value, "the power is not a real number") }
      if result.isInfinite, left.isFinite, right.isFinite { throw error(.value, "the power is too large") }
      return .float(result)
    }
  }

  // MARK: - Comparisons

  func compare(_ left: Value, _ comparison: Comparison, _ right: Value) throws -> Bool {
    switch comparison {
    case .equal: try equal(left, right)
    case .notEqual: try !equal(left, right)
    case .less: try less(left, right)
    case .lessOrEqual: try lessOrEqual(left, right)
    case .greater: try less(right, left)
    case .greaterOrEqual: try lessOrEqual(right, left)
    case .isIn: try contains(right, left)
    case .isNotIn: try !contains(right, left)
    }
  }

  func equal(_ left: Value, _ right: Value) throws -> Bool {
    try spend(min(left.weight, right.weight))
    return left == right
  }

  func less(_ left: Value, _ right: Value) throws -> Bool {
    try ordered(left, right, "<", { $0 < $1 }, { $0 < $1 }, isEqualEnough: false)
  }

  private func lessOrEqual(_ left: Value, _ right: Value) throws -> Bool {
    try ordered(left, right, "<=", { $0 <= $1 }, { $0 <= $1 }, isEqualEnough: true)
  }

  private func ordered(
    _ left: Value, _ right: Value, _ sign: String, _ integers: (Int, Int) -> Bool,
    _ floats: (Double, Double) -> Bool, isEqualEnough: Bool
  ) throws -> Bool {
    try spend()
    switch (left, right) {
    case (.undefined(let missing), _), (_, .undefined(let missing)): throw use(missing)
    case (.text(let left), .text(let right)):
      try spend(min(left.count, right.count) / 16)
      return left.lexicographicallyPrecedes(right) || isEqualEnough && left == right
    case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
      try checkStack()
      for (a, b) in zip(first.values, second.values) where try !equal(a, b) {
        return try ordered(a, b, sign, integers, floats, isEqualEnough: isEqualEnough)
      }
      return integers(first.values.count, second.values.count)
    default:
      if let left = left.asInteger, let right = right.asInteger { return integers(left, right) }
      if let left = left.asDouble, let right = right.asDouble { return floats(left, right) }
      throw error(
        .type, "'\(sign)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
    }
  }

  /// `value in container`
  func contains(_ container: Value, _ value: Value) throws -> Bool {
    switch container {
    case .text(let text):
      guard let part = value.asText else {
        throw error(.type, "'in <string>' requires a string as its left side, not '\(value.typeName)'")
      }
      return try find(part, in: text, 0..<text.count) != nil
    case .dictionary(let mapping):
      try checkKey(value)
      return mapping.entries[value] != nil
    case .list(let items), .tuple(let items):
      for item in items.values where try equal(item, value) { return true }
      return false
    default:
      let iterator = try iterator(container)
      while let next = try iterator.next() {
        if try equal(next, value) { return true }
      }
      return false
    }
  }

  // MARK: - Searching

  /// Where `part` begins in a range of `text`, the first or the last place.
  func find(_ part: Text, in text: Text, _ range: Range<Int>, fromEnd: Bool = false) throws -> Int? {
    guard range.count >= part.count else { return nil }
    let last = range.upperBound - part.count
    var work = 0
    for step in 0...(last - range.lowerBound) {
      let start = fromEnd ? last - step : range.lowerBound + step
      var matched = 0
      while matched < part.count, text[start + matched] == part[matched] { matched += 1 }
      if matched == part.count { return start }
      work += matched + 1
      if work > 4096 {
        try spend(work / 16)
        work = 0
      }
    }
    try spend(work / 16)
    return nil
  }
}
