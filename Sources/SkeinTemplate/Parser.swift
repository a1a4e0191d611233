/// Makes a tree of a template's words.
struct Parser {
  let tokens: [Token]
  let limits: TemplateLimits
  private var index = 0
  /// Expressions and blocks that are open.
  private var depth = 0
  /// How many loops are open here; `break` must be in one.
  var loopDepth = 0
  /// For each macro that is open, the names that it reads.
  var reads: [Set<String>] = []
  private let stackStart = stackAddress()

  init(_ tokens: [Token], limits: TemplateLimits) {
    self.tokens = tokens
    self.limits = limits
  }

  // MARK: - Words

  var current: Token { tokens[index] }
  var next: Token { tokens[min(index + 1, tokens.count - 1)] }
  var line: Int { current.line }

  @discardableResult
  mutating func take() -> Token {
    defer { if index < tokens.count - 1 { index += 1 } }
    return tokens[index]
  }

  func isAt(_ mark: Token.Mark) -> Bool { current.kind == .mark(mark) }
  func isAt(word: String) -> Bool { current.kind == .name(word) }

  mutating func takes(_ mark: Token.Mark) -> Bool {
    guard isAt(mark) else { return false }
    take()
    return true
  }

  mutating func takes(word: String) -> Bool {
    guard isAt(word: word) else { return false }
    take()
    return true
  }

  mutating func expect(_ kind: Token.Kind) throws {
    guard current.kind == kind else {
      let expected = Token(kind: kind, line: 0).description
      throw error("expected '\(expected)', found '\(current.description)'")
    }
    take()
  }

  mutating func name() throws -> String {
    guard case .name(let name) = current.kind else {
      throw error("expected a name, found '\(current.description)'")
    }
    take()
    return name
  }

  func error(_ message: String, line: Int? = nil, code: TemplateError.Code = .syntax) -> TemplateError {
    TemplateError(code, message, line: line ?? self.line)
  }

  /// Counts what is inside one another while `body` runs.
  mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    depth += 1
    defer { depth -= 1 }
    let used = stackAddress().distance(to: stackStart).magnitude
    guard depth <= limits.nestingDepth, used < limits.stackBytes else {
      throw error("more than \(limits.nestingDepth) expressions and blocks inside one another", code: .limit)
    }
    return try body(&self)
  }

  /// A loop that makes a tree deeper with every turn counts its turns here.
  func checkLength(_ count: Int) throws {
    if count > 2 * limits.nestingDepth {
      throw error("more than \(2 * limits.nestingDepth) operations in a row", code: .limit)
    }
  }

  /// Keeps trees so flat that walking through them takes little stack.
  func checked(_ value: Expression) throws -> Expression {
    try checkLength(value.depth / 3)
    return value
  }

  // MARK: - Bodies

  /// The whole template.
  mutating func template() throws -> [Statement] {
    let body = try statements(until: [])
    guard current.kind == .end else { throw error("unexpected '\(current.description)'") }
    return body
  }

  /// Statements up to a block with one of the names, which stays; to the end where there are no names.
  mutating func statements(until names: [String]) throws -> [Statement] {
    var body: [Statement] = []
    while true {
      let line = self.line
      switch current.kind {
      case .data(let text):
        take()
        body.append(Statement(kind: .data(text), line: line))
      case .variableBegin:
        take()
        let value = try tuple()
        try expect(.variableEnd)
        body.append(Statement(kind: .output([value]), line: line))
      case .blockBegin:
        take()
        if case .name(let name) = current.kind, names.contains(name) { return body }
        let kind = try nested { try $0.statement(until: names) }
        try expect(.blockEnd)
        body.append(Statement(kind: kind, line: line))
      case .end:
        guard names.isEmpty else {
          let wanted = names.map { "'\($0)'" }.joined(separator: " or ")
          throw error("the template ends where \(wanted) must be")
        }
        return body
      default: throw error("unexpected '\(current.description)'")
      }
    }
  }

  /// The body of a block, from the end of its first mark to the name of its last, which is taken.
  mutating func body(until names: String...) throws -> (statements: [Statement], end: String) {
    _ = takes(.colon)
    try expect(.blockEnd)
    let body = try statements(until: names)
    return (body, try name())
  }
}
