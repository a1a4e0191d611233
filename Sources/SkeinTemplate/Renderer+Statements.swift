/// How a body ended.
enum Flow {
  case normal, breakLoop, continueLoop
}

extension Renderer {
  func run(_ body: [Statement], _ scope: Scope) throws -> Flow {
    try checkStack()
    for statement in body {
      line = statement.line
      try spend()
      let flow = try run(statement, scope)
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ statement: Statement, _ scope: Scope) throws -> Flow {
    switch statement.kind {
    case .data(let text): try write(text)
    case .output(let values):
      for value in values { try write(toText(evaluate(value, scope))) }
    case .condition(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition, scope).isTrue {
        return try run(branch.body, scope)
      }
      return try run(otherwise, scope)
    case .loop(let definition): try loop(definition, scope)
    case .assign(let target, let value):
      try checkNamespaces(target, scope)
      try assign(target, evaluate(value, scope), scope)
    case .assignBlock, .call, .filter: try runCaptured(statement, scope)
    case .macro(let definition):
      keep(scope)
      scope.set(definition.name ?? "", .object(try tracked(Macro(definition, scope))))
    case .with(let values, let body):
      let inner = try self.scope(in: scope)
      for value in values { try assign(value.target, evaluate(value.value, scope), inner) }
      return try run(body, inner)
    case .scope(let body): return try run(body, self.scope(in: scope))
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .normal
  }

  /// Statements whose body's text is kept.
  private func runCaptured(_ statement: Statement, _ scope: Scope) throws {
    switch statement.kind {
    case .assignBlock(let target, let filter, let body):
      let inner = try self.scope(in: scope)
      var value = try capture { _ = try run(body, inner) }
      if let filter { value = try self.filter(filter, block: value, inner) }
      try assign(target, value, scope)
    case .filter(let filter, let body):
      let inner = try self.scope(in: scope)
      let value = try capture { _ = try run(body, inner) }
      try write(toText(self.filter(filter, block: value, inner)))
    case .call(let call, let body):
      guard case .call(let callee, let list) = call.kind else { return }
      keep(scope)
      var arguments = try arguments(list, scope)
      let caller = Value.object(try tracked(Macro(body, scope)))
      arguments.named.append(("caller", caller))
      try write(toText(self.call(evaluate(callee, scope), arguments)))
    default: break
    }
  }

  // MARK: - Assignments

  /// Only namespaces have attributes that can be set; said before the value is computed, as Jinja does.
  private func checkNamespaces(_ target: Expression, _ scope: Scope) throws {
    switch target.kind {
    case .tuple(let parts): for part in parts { try checkNamespaces(part, scope) }
    case .namespaceAttribute(let name, let attribute):
      guard case .object(let object)? = scope.find(name), object is Namespace else {
        throw error(.type, "cannot assign attribute '\(attribute)' of '\(name)', which is no namespace")
      }
    default: break
    }
  }

  func assign(_ target: Expression, _ value: Value, _ scope: Scope) throws {
    switch target.kind {
    case .name(let name): scope.set(name, value)
    case .namespaceAttribute(let name, let attribute):
      guard case .object(let object)? = scope.find(name), let namespace = object as? Namespace else {
        throw error(.type, "cannot assign attribute '\(attribute)' of '\(name)', which is no namespace")
      }
      try checkNamespaceKey(attribute.text)
      try claim(bytes: 64)
      namespace.attributes[attribute.text] = value
    case .tuple(let parts):
      let values = try values(of: value, atMost: parts.count)
      guard values.count == parts.count else {
        throw error(.value, "\(parts.count) values are needed here, and there are \(values.count)")
      }
      for (part, value) in zip(parts, values) { try assign(part, value, scope) }
    default: throw error(.syntax, "this cannot be assigned to")
    }
  }

  func checkNamespaceKey(_ key: Text) throws {
    if key.first == "_" {
      throw error(.security, "the namespace attribute \(String(key.quoted)) begins with _; rename it")
    }
  }

  // MARK: - Loops

  private func loop(_ definition: LoopDefinition, _ scope: Scope) throws {
    let items = try evaluate(definition.items, scope)
    guard definition.isRecursive else { return try loop(definition, items, depth: 0, scope, recurse: nil) }
    keep(scope)
    try write(toText(recursiveLoop(definition, items, 0, scope)))
  }

  private func recursiveLoop(
    _ definition: LoopDefinition, _ items: Value, _ depth: Int, _ scope: Scope
  ) throws -> Value {
    try deeper {
      try capture {
        try loop(definition, items, depth: depth, scope) { [unowned self] items, depth in
          try recursiveLoop(definition, items, depth, scope)
        }
      }
    }
  }

  private func loop(
    _ definition: LoopDefinition, _ items: Value, depth: Int, _ scope: Scope,
    recurse: ((Value, Int) throws -> Value)?
  ) throws {
    var source = try iterator(items)
    var count = try self.count(items)
    if let condition = definition.condition {
      count = nil
      let all = source
      source = ValueIterator(depth: all.depth) { [unowned self] in
        while let value = try all.next() {
          let inner = try self.scope(in: scope)
          try assign(definition.target, value, inner)
          if try evaluate(condition, inner).isTrue { return value }
        }
        return nil
      }
    }
    let loop = try tracked(Loop(source, count: count, depth0: depth))
    loop.recurse = recurse
    var isEmpty = true
    while let value = try loop.advance() {
      try spend()
      let inner = try self.scope(in: scope)
      inner.set("loop", .object(loop))
      try assign(definition.target, value, inner)
      let flow = try run(definition.body, inner)
      if flow == .breakLoop { break }
      // As in Jinja: a pass that `break` or `continue` cut short counts as one that never was.
      if flow == .normal { isEmpty = false }
    }
    if isEmpty, !definition.otherwise.isEmpty {
      _ = try run(definition.otherwise, self.scope(in: scope))
    }
  }
}
