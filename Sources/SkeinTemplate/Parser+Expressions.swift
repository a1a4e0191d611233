extension Parser {
  /// An expression, with `if ... else` where that is allowed.
  mutating func expression(allowsConditions: Bool = true) throws -> Expression {
    try nested { parser in
      guard allowsConditions else { return try parser.checked(parser.or()) }
      let line = parser.line
      var value = try parser.or()
      var count = 0
      while parser.takes(word: "if") {
        count += 1
        try parser.checkLength(count)
        let condition = try parser.or()
        let otherwise = parser.takes(word: "else") ? try parser.expression() : nil
        value = Expression(.condition(condition, then: value, otherwise: otherwise), line: line)
      }
      return try parser.checked(value)
    }
  }

  func isTupleEnd(until word: String?) -> Bool {
    switch current.kind {
    case .variableEnd, .blockEnd, .mark(.rightParenthesis): true
    default: word.map { isAt(word: $0) } ?? false
    }
  }

  /// An expression, or several with commas between.
  mutating func tuple(
    allowsConditions: Bool = true, until word: String? = nil, isInParentheses: Bool = false
  ) throws -> Expression {
    let line = self.line
    var parts: [Expression] = []
    var isTuple = false
    while true {
      if !parts.isEmpty { try expect(.mark(.comma)) }
      if isTupleEnd(until: word) { break }
      parts.append(try expression(allowsConditions: allowsConditions))
      guard isAt(.comma) else { break }
      isTuple = true
    }
    if !isTuple {
      if let part = parts.first { return part }
      if !isInParentheses { throw error("expected an expression, found '\(current.description)'") }
    }
    return Expression(.tuple(parts), line: line)
  }

  private mutating func or() throws -> Expression {
    let line = self.line
    var left = try and()
    var count = 0
    while takes(word: "or") {
      count += 1
      try checkLength(count)
      left = Expression(.or(left, try and()), line: line)
    }
    return left
  }

  private mutating func and() throws -> Expression {
    let line = self.line
    var left = try not()
    var count = 0
    while takes(word: "and") {
      count += 1
      try checkLength(count)
      left = Expression(.and(left, try not()), line: line)
    }
    return left
  }

  private mutating func not() throws -> Expression {
    let line = self.line
    guard takes(word: "not") else { return try comparison() }
    return Expression(.not(try nested { try $0.not() }), line: line)
  }

  private mutating func comparison() throws -> Expression {
    let line = self.line
    let first = try sum()
    var operands: [(Comparison, Expression)] = []
    while let comparison = takeComparison() { operands.append((comparison, try sum())) }
    return operands.isEmpty ? first : Expression(.compare(first, operands), line: line)
  }

  private mutating func takeComparison() -> Comparison? {
    let comparison: Comparison
    switch current.kind {
    case .mark(.equal): comparison = .equal
    case .mark(.notEqual): comparison = .notEqual
    case .mark(.less): comparison = .less
    case .mark(.lessOrEqual): comparison = .lessOrEqual
    case .mark(.greater): comparison = .greater
    case .mark(.greaterOrEqual): comparison = .greaterOrEqual
    case .name("in"): comparison = .isIn
    case .name("not") where next.kind == .name("in"):
      take()
      comparison = .isNotIn
    default: return nil
    }
    take()
    return comparison
  }

  private mutating func sum() throws -> Expression {
    let line = self.line
    var left = try concatenation()
    var count = 0
    while isAt(.add) || isAt(.subtract) {
      count += 1
      try checkLength(count)
      let sign: BinaryOperator = take().kind == .mark(.add) ? .add : .subtract
      left = Expression(.binary(left, sign, try concatenation()), line: line)
    }
    return left
  }

  private mutating func concatenation() throws -> Expression {
    let line = self.line
    var parts = [try product()]
    while takes(.tilde) { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : Expression(.concatenate(parts), line: line)
  }

  private mutating func product() throws -> Expression {
    let line = self.line
    var left = try power()
    var count = 0
    while true {
      let sign: BinaryOperator
      switch current.kind {
      case .mark(.multiply): sign = .multiply
      case .mark(.divide): sign = .divide
      case .mark(.floorDivide): sign = .floorDivide
      case .mark(.modulo): sign = .modulo
      default: return left
      }
      take()
      count += 1
      try checkLength(count)
      left = Expression(.binary(left, sign, try power()), line: line)
    }
  }

  private mutating func power() throws -> Expression {
    let line = self.line
    var left = try unary()
    var count = 0
    while takes(.power) {
      count += 1
      try checkLength(count)
      left = Expression(.binary(left, .power, try unary()), line: line)
    }
    return left
  }

  private mutating func unary(allowsFilters: Bool = true) throws -> Expression {
    let line = self.line
    var value: Expression
    if takes(.subtract) {
      value = Expression(.negate(try nested { try $0.unary(allowsFilters: false) }), line: line)
    } else if takes(.add) {
      value = Expression(.plus(try nested { try $0.unary(allowsFilters: false) }), line: line)
    } else {
      value = try primary()
    }
    value = try postfix(value)
    return allowsFilters ? try filters(value) : value
  }

  mutating func primary() throws -> Expression {
    let token = current
    func made(_ kind: Expression.Kind) -> Expression { Expression(kind, line: token.line) }
    switch token.kind {
    case .name(let name):
      take()
      switch name {
      case "true", "True": return made(.bool(true))
      case "false", "False": return made(.bool(false))
      case "none", "None": return made(.none)
      default:
        if !reads.isEmpty { reads[reads.count - 1].insert(name) }
        return made(.name(name))
      }
    case .string(var text):
      take()
      while case .string(let more) = current.kind {
        text += more
        take()
      }
      return made(.text(text))
    case .integer(let value):
      take()
      return made(.integer(value))
    case .float(let value):
      take()
      return made(.float(value))
    case .mark(.leftParenthesis):
      take()
      let value = try tuple(isInParentheses: true)
      try expect(.mark(.rightParenthesis))
      return value
    case .mark(.leftBracket):
      take()
      var values: [Expression] = []
      while !isAt(.rightBracket) {
        if !values.isEmpty { try expect(.mark(.comma)) }
        if isAt(.rightBracket) { break }
        values.append(try expression())
      }
      try expect(.mark(.rightBracket))
      return made(.list(values))
    case .mark(.leftBrace): return made(.dictionary(try entries()))
    default: throw error("unexpected '\(token.description)'")
    }
  }

  private mutating func entries() throws -> [(key: Expression, value: Expression)] {
    take()
    var entries: [(key: Expression, value: Expression)] = []
    while !isAt(.rightBrace) {
      if !entries.isEmpty { try expect(.mark(.comma)) }
      if isAt(.rightBrace) { break }
      let key = try expression()
      try expect(.mark(.colon))
      entries.append((key, try expression()))
    }
    try expect(.mark(.rightBrace))
    return entries
  }
}
