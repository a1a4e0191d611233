/// What follows a value: attributes, items, calls, filters and tests.
extension Parser {
  mutating func postfix(_ value: Expression) throws -> Expression {
    var value = value
    var count = 0
    while true {
      count += 1
      try checkLength(count)
      let line = self.line
      if takes(.dot) {
        value = try attribute(value, line: line)
      } else if takes(.leftBracket) {
        value = try subscripted(value, line: line)
      } else if isAt(.leftParenthesis) {
        value = Expression(.call(value, try arguments()), line: line)
      } else {
        return value
      }
    }
  }

  mutating func filters(_ value: Expression) throws -> Expression {
    var value = value
    var count = 0
    while true {
      count += 1
      try checkLength(count)
      let line = self.line
      if isAt(.pipe) {
        value = try filter(value)
      } else if isAt(word: "is") {
        value = try test(value)
      } else if isAt(.leftParenthesis) {
        value = Expression(.call(value, try arguments()), line: line)
      } else {
        return value
      }
    }
  }

  private mutating func attribute(_ value: Expression, line: Int) throws -> Expression {
    switch take().kind {
    case .name(let name): return Expression(.attribute(value, name), line: line)
    case .integer(let index):
      return Expression(.item(value, Expression(.integer(index), line: line)), line: line)
    default: throw error("expected a name or a number after the dot", line: line)
    }
  }

  private mutating func subscripted(_ value: Expression, line: Int) throws -> Expression {
    var keys: [Expression] = []
    var slice: Expression?
    while !isAt(.rightBracket) {
      if !keys.isEmpty || slice != nil { try expect(.mark(.comma)) }
      let start = isAt(.colon) ? nil : try expression()
      if isAt(.colon) {
        guard keys.isEmpty, slice == nil else { throw error("a slice must stand alone") }
        slice = try self.slice(value, start, line: line)
      } else if let start {
        keys.append(start)
      }
    }
    try expect(.mark(.rightBracket))
    if let slice {
      guard keys.isEmpty else { throw error("a slice must stand alone") }
      return slice
    }
    let key = keys.count == 1 ? keys[0] : Expression(.tuple(keys), line: line)
    return Expression(.item(value, key), line: line)
  }

  private mutating func slice(_ value: Expression, _ start: Expression?, line: Int) throws -> Expression {
    func isEnd(_ parser: Parser) -> Bool { parser.isAt(.rightBracket) || parser.isAt(.comma) }
    try expect(.mark(.colon))
    let stop = isAt(.colon) || isEnd(self) ? nil : try expression()
    let step = takes(.colon) && !isEnd(self) ? try expression() : nil
    return Expression(.slice(value, start: start, stop: stop, step: step), line: line)
  }

  /// `| name.name(arguments)`, several in a row where they follow each other.
  mutating func filter(_ value: Expression?, isInline: Bool = false) throws -> Expression {
    var value = value
    var isInline = isInline
    var count = 0
    while isInline || isAt(.pipe) {
      count += 1
      try checkLength(count)
      if !isInline { take() }
      isInline = false
      let line = self.line
      let name = try dottedName()
      let arguments = isAt(.leftParenthesis) ? try self.arguments() : ArgumentList()
      value = Expression(.filter(value, name, arguments), line: line)
    }
    return value!
  }

  private mutating func dottedName() throws -> String {
    var name = try self.name()
    while takes(.dot) { name += "." + (try self.name()) }
    return name
  }

  private mutating func test(_ value: Expression) throws -> Expression {
    let line = self.line
    take()
    let isNegated = takes(word: "not")
    let name = try dottedName()
    var arguments = ArgumentList()
    if isAt(.leftParenthesis) {
      arguments = try self.arguments()
    } else if isArgument {
      if isAt(word: "is") { throw error("tests with 'is' cannot follow each other") }
      let argument = try nested { parser in
        let value = try parser.primary()
        return try parser.postfix(value)
      }
      arguments.positional = [argument]
    }
    let test = Expression(.test(value, name, arguments), line: line)
    return isNegated ? Expression(.not(test), line: line) : test
  }

  /// Whether a test's argument without parentheses is here.
  private var isArgument: Bool {
    switch current.kind {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .string, .integer, .float, .mark(.leftBracket), .mark(.leftBrace): true
    default: false
    }
  }

  mutating func arguments() throws -> ArgumentList {
    let line = self.line
    var list = ArgumentList()
    func ensure(_ isValid: Bool) throws {
      if !isValid { throw error("the arguments of this call are out of order", line: line) }
    }
    try expect(.mark(.leftParenthesis))
    var isFirst = true
    while !isAt(.rightParenthesis) {
      if !isFirst {
        try expect(.mark(.comma))
        if isAt(.rightParenthesis) { break }
      }
      isFirst = false
      if takes(.multiply) {
        try ensure(list.list == nil && list.dictionary == nil)
        list.list = try expression()
      } else if takes(.power) {
        try ensure(list.dictionary == nil)
        list.dictionary = try expression()
      } else if case .name(let name) = current.kind, next.kind == .mark(.assign) {
        try ensure(list.dictionary == nil)
        take()
        take()
        list.named.append((name, try expression()))
      } else {
        try ensure(list.list == nil && list.dictionary == nil && list.named.isEmpty)
        list.positional.append(try expression())
      }
    }
    try expect(.mark(.rightParenthesis))
    return list
  }
}
