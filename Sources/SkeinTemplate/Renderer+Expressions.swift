import OrderedCollections

/// Arguments of a call.
struct Arguments {
  var positional: [Value] = []
  var named: [(name: String, value: Value)] = []
}

extension Renderer {
  func evaluate(_ expression: Expression, _ scope: Scope) throws -> Value {
    try spend()
    line = expression.line
    switch expression.kind {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .text(let text): return .text(text)
    case .name(let name): return scope.find(name) ?? undefined("'\(name)' is undefined")
    default:
      try checkStack()
      return try evaluateCompound(expression, scope)
    }
  }

  private func evaluateCompound(_ expression: Expression, _ scope: Scope) throws -> Value {
    switch expression.kind {
    case .tuple(let parts): return try tuple(parts.map { try evaluate($0, scope) })
    case .list(let parts): return try list(parts.map { try evaluate($0, scope) })
    case .dictionary(let entries): return try dictionary(entries, scope)
    case .attribute(let value, let name): return try attribute(evaluate(value, scope), name)
    case .item(let value, let key): return try item(evaluate(value, scope), evaluate(key, scope))
    case .slice(let value, let start, let stop, let step):
      let bounds = try [start, stop, step].map { try $0.map { try evaluate($0, scope) } }
      return try slice(evaluate(value, scope), bounds[0], bounds[1], bounds[2])
    case .call(let callee, let list):
      let function = try evaluate(callee, scope)
      let arguments = try arguments(list, scope)
      line = expression.line
      return try call(function, arguments)
    case .filter(let value, let name, let list):
      guard let value else { throw error(.syntax, "a filter must follow a value") }
      return try filter(name, evaluate(value, scope), arguments(list, scope))
    case .test(let value, let name, let list):
      return .bool(try test(name, evaluate(value, scope), arguments(list, scope)))
    case .not(let value): return .bool(try !evaluate(value, scope).isTrue)
    default: return try evaluateOperation(expression, scope)
    }
  }

  private func evaluateOperation(_ expression: Expression, _ scope: Scope) throws -> Value {
    switch expression.kind {
    case .negate(let value): return try negate(evaluate(value, scope))
    case .plus(let value): return try plus(evaluate(value, scope))
    case .and(let left, let right):
      let value = try evaluate(left, scope)
      return value.isTrue ? try evaluate(right, scope) : value
    case .or(let left, let right):
      let value = try evaluate(left, scope)
      return value.isTrue ? value : try evaluate(right, scope)
    case .binary(let left, let sign, let right):
      return try binary(evaluate(left, scope), sign, evaluate(right, scope))
    case .concatenate(let parts):
      var result = Text()
      for part in parts {
        let text = try toText(evaluate(part, scope))
        try claim(bytes: text.count * 4)
        result += text
      }
      return .text(result)
    case .compare(let first, let operands):
      var left = try evaluate(first, scope)
      for (comparison, operand) in operands {
        let right = try evaluate(operand, scope)
        guard try compare(left, comparison, right) else { return .bool(false) }
        left = right
      }
      return .bool(true)
    case .condition(let condition, let then, let otherwise):
      if try evaluate(condition, scope).isTrue { return try evaluate(then, scope) }
      return try otherwise.map { try evaluate($0, scope) }
        ?? undefined("the condition in line \(expression.line) is false, and there is no else")
    default: throw error(.syntax, "this has no value")
    }
  }

  private func dictionary(_ entries: [(key: Expression, value: Expression)], _ scope: Scope) throws -> Value {
    var result: OrderedDictionary<Value, Value> = [:]
    for entry in entries {
      let key = try evaluate(entry.key, scope)
      try checkKey(key)
      result[key] = try evaluate(entry.value, scope)
    }
    return try dictionary(result)
  }

  func checkKey(_ key: Value) throws {
    try spend(key.weight)
    if !key.isHashable {
      throw error(.type, "unhashable type: '\(key.typeName)'; a key must not be a container")
    }
  }

  /// Arguments, with those that `*` and `**` bring.
  func arguments(_ list: ArgumentList, _ scope: Scope) throws -> Arguments {
    var result = Arguments()
    for value in list.positional { result.positional.append(try evaluate(value, scope)) }
    for (name, value) in list.named {
      guard !result.named.contains(where: { $0.name == name }) else {
        throw error(.syntax, "the argument '\(name)' is given twice")
      }
      result.named.append((name, try evaluate(value, scope)))
    }
    if let more = list.list { result.positional += try values(of: evaluate(more, scope)) }
    if let more = list.dictionary {
      guard case .dictionary(let mapping) = try evaluate(more, scope) else {
        throw error(.type, "what follows ** must be a dictionary")
      }
      for (key, value) in mapping.entries {
        guard let name = key.asText else { throw error(.type, "names of arguments must be strings") }
        guard !result.named.contains(where: { $0.name == String(name) }) else {
          throw error(.type, "the argument \(String(name.quoted)) is given twice")
        }
        result.named.append((String(name), value))
      }
    }
    return result
  }

  /// The filters of a block, from the innermost.
  func filter(_ expression: Expression, block: Value, _ scope: Scope) throws -> Value {
    guard case .filter(let inner, let name, let list) = expression.kind else { return block }
    let value = try inner.map { try filter($0, block: block, scope) } ?? block
    line = expression.line
    return try filter(name, value, arguments(list, scope))
  }
}
