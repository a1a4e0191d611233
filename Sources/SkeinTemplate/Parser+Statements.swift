extension Parser {
  /// One statement, from its name to before the mark that ends it.
  mutating func statement(until names: [String]) throws -> Statement.Kind {
    let line = self.line
    let tag = try name()
    switch tag {
    case "for": return try loop(line: line)
    case "if": return try condition()
    case "set": return try assignment()
    case "macro": return try macro()
    case "call": return try callBlock(line: line)
    case "filter":
      let filter = try filter(nil, isInline: true)
      return .filter(filter, body: try body(until: "endfilter").statements)
    case "with": return try with()
    case "generation": return .scope(try body(until: "endgeneration").statements)
    case "print":
      var values: [Expression] = []
      while current.kind != .blockEnd {
        if !values.isEmpty { try expect(.mark(.comma)) }
        values.append(try expression())
      }
      return .output(values)
    case "break", "continue":
      guard loopDepth > 0 else { throw error("'\(tag)' is outside of any loop", line: line) }
      return tag == "break" ? .breakLoop : .continueLoop
    case "include", "import", "from", "extends", "block", "autoescape":
      throw error("'\(tag)' is not supported in chat templates", line: line, code: .unsupported)
    default:
      let wanted = names.map { "'\($0)'" }.joined(separator: " or ")
      throw error("unknown tag '\(tag)'" + (names.isEmpty ? "" : "; expected \(wanted)"), line: line)
    }
  }

  private mutating func condition() throws -> Statement.Kind {
    var branches: [(condition: Expression, body: [Statement])] = []
    while true {
      let condition = try tuple(allowsConditions: false)
      let (body, end) = try body(until: "elif", "else", "endif")
      branches.append((condition, body))
      if end == "elif" { continue }
      let otherwise = end == "else" ? try self.body(until: "endif").statements : []
      return .condition(branches, otherwise: otherwise)
    }
  }

  private mutating func loop(line: Int) throws -> Statement.Kind {
    let target = try target(until: "in")
    try checkNotLoop(target)
    try expect(.name("in"))
    let items = try tuple(allowsConditions: false, until: "recursive")
    let condition = takes(word: "if") ? try expression() : nil
    let isRecursive = takes(word: "recursive")
    loopDepth += 1
    let (body, end) = try body(until: "endfor", "else")
    loopDepth -= 1
    let otherwise = end == "else" ? try self.body(until: "endfor").statements : []
    return .loop(
      LoopDefinition(
        target: target, items: items, condition: condition, isRecursive: isRecursive, body: body,
        otherwise: otherwise))
  }

  private func checkNotLoop(_ target: Expression) throws {
    switch target.kind {
    case .name("loop"): throw error("'loop' cannot be assigned to")
    case .tuple(let parts): for part in parts { try checkNotLoop(part) }
    default: break
    }
  }

  private mutating func assignment() throws -> Statement.Kind {
    let target = try target(allowsAttributes: true)
    if takes(.assign) { return .assign(target: target, value: try tuple()) }
    let filter = isAt(.pipe) ? try self.filter(nil) : nil
    return .assignBlock(target: target, filter: filter, body: try body(until: "endset").statements)
  }

  private mutating func with() throws -> Statement.Kind {
    var values: [(target: Expression, value: Expression)] = []
    while current.kind != .blockEnd {
      if !values.isEmpty { try expect(.mark(.comma)) }
      let target = try target()
      try expect(.mark(.assign))
      values.append((target, try expression()))
    }
    return .with(values, body: try body(until: "endwith").statements)
  }

  private mutating func macro() throws -> Statement.Kind {
    let name = try name()
    let parameters = try signature()
    return .macro(try definition(name, parameters, until: "endmacro"))
  }

  private mutating func callBlock(line: Int) throws -> Statement.Kind {
    let parameters = isAt(.leftParenthesis) ? try signature() : []
    let call = try expression()
    guard case .call = call.kind else { throw error("a call of a macro must be here", line: line) }
    return .call(call, body: try definition(nil, parameters, until: "endcall"))
  }

  private mutating func definition(
    _ name: String?, _ parameters: [(name: String, value: Expression?)], until end: String
  ) throws -> MacroDefinition {
    let outerLoops = loopDepth
    loopDepth = 0
    defer { loopDepth = outerLoops }
    reads.append([])
    let body = try body(until: end).statements
    let names = reads.removeLast()
    if !reads.isEmpty { reads[reads.count - 1].formUnion(names) }
    return MacroDefinition(name: name, parameters: parameters, body: body, reads: names)
  }

  private mutating func signature() throws -> [(name: String, value: Expression?)] {
    var parameters: [(name: String, value: Expression?)] = []
    try expect(.mark(.leftParenthesis))
    while !isAt(.rightParenthesis) {
      if !parameters.isEmpty { try expect(.mark(.comma)) }
      let name = try name()
      if takes(.assign) {
        parameters.append((name, try expression()))
      } else if parameters.last?.value != nil {
        throw error("a parameter without a default value follows one with it")
      } else {
        parameters.append((name, nil))
      }
    }
    try expect(.mark(.rightParenthesis))
    return parameters
  }

  /// What is assigned to: a name, names, or an attribute of a namespace.
  private mutating func target(until word: String? = nil, allowsAttributes: Bool = false) throws -> Expression
  {
    let line = self.line
    var parts: [Expression] = []
    var isTuple = false
    while true {
      if !parts.isEmpty { try expect(.mark(.comma)) }
      if isTupleEnd(until: word) { break }
      parts.append(try nested { try $0.targetPart(allowsAttributes: allowsAttributes) })
      guard isAt(.comma) else { break }
      isTuple = true
    }
    if isTuple { return Expression(.tuple(parts), line: line) }
    guard let part = parts.first else { throw error("a name must be here, not '\(current.description)'") }
    return part
  }

  private mutating func targetPart(allowsAttributes: Bool) throws -> Expression {
    let line = self.line
    if takes(.leftParenthesis) {
      let target = try target(allowsAttributes: allowsAttributes)
      try expect(.mark(.rightParenthesis))
      return target
    }
    let name = try name()
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw error("'\(name)' cannot be assigned to", line: line)
    }
    if allowsAttributes, takes(.dot) {
      return Expression(.namespaceAttribute(name, try self.name()), line: line)
    }
    return Expression(.name(name), line: line)
  }
}
