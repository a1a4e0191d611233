import OrderedCollections

/// Arguments put in the order of a function's parameters.
struct Bound {
  private var values: [Value?]

  subscript(index: Int) -> Value? { values[index] }

  fileprivate init(_ values: [Value?]) { self.values = values }
}

extension Renderer {
  /// Puts arguments in order, and refuses what does not belong.
  ///
  /// - Parameter required: how many must be there.
  func bind(_ arguments: Arguments, _ function: String, _ names: [String], required: Int = 0) throws -> Bound
  {
    guard arguments.positional.count <= names.count else {
      throw error(
        .type, "\(function) takes at most \(names.count) arguments (\(arguments.positional.count) given)")
    }
    var values: [Value?] = arguments.positional
    values += Array(repeating: nil, count: names.count - values.count)
    for (name, value) in arguments.named {
      guard let index = names.firstIndex(of: name) else {
        throw error(.type, "\(function) has no argument '\(name)'")
      }
      guard values[index] == nil else { throw error(.type, "\(function) has the argument '\(name)' twice") }
      values[index] = value
    }
    for index in 0..<required where values[index] == nil {
      throw error(.type, "\(function) needs the argument '\(names[index])'")
    }
    return Bound(values)
  }

  func integer(_ value: Value?, _ what: String) throws -> Int? {
    guard let value else { return nil }
    if case .undefined(let missing) = value { throw use(missing) }
    guard let integer = value.asInteger else {
      throw error(.type, "\(what) must be an integer, not '\(value.typeName)'")
    }
    return integer
  }

  func string(_ value: Value?, _ what: String) throws -> Text? {
    guard let value else { return nil }
    if case .undefined(let missing) = value { throw use(missing) }
    guard let text = value.asText else {
      throw error(.type, "\(what) must be a string, not '\(value.typeName)'")
    }
    return text
  }

  // MARK: - Calls

  func call(_ function: Value, _ arguments: Arguments) throws -> Value {
    switch function {
    case .undefined(let missing): throw use(missing)
    case .object(let macro as Macro): return try call(macro, arguments)
    case .object(let method as BoundMethod): return try call(method, arguments)
    case .object(let function as GlobalFunction): return try call(function.name, arguments)
    case .object(let loop as Loop):
      guard let recurse = loop.recurse else {
        throw error(.type, "the loop must have the 'recursive' marker to be called")
      }
      let bound = try bind(arguments, "loop", ["iterable"], required: 1)
      return try recurse(bound[0]!, loop.depth0 + 1)
    case .object(let joiner as Joiner):
      _ = try bind(arguments, "joiner", [])
      if joiner.isUsed { return joiner.separator }
      joiner.isUsed = true
      return .text([])
    default: throw error(.type, "'\(function.typeName)' object is not callable")
    }
  }

  private func call(_ macro: Macro, _ arguments: Arguments) throws -> Value {
    guard let outer = macro.scope else { throw error(.type, "the macro is no more") }
    let definition = macro.definition
    let scope = try self.scope(in: outer)
    let title = definition.name.map { "macro '\($0)'" } ?? "caller"
    var named = arguments.named
    let callLine = line
    func takeNamed(_ name: String) -> Value? {
      named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
    }
    var positional = arguments.positional[...]
    for parameter in definition.parameters {
      if let value = positional.popFirst() ?? takeNamed(parameter.name) {
        scope.set(parameter.name, value)
      } else if let value = parameter.value {
        scope.set(parameter.name, try evaluate(value, scope))
      } else {
        scope.set(parameter.name, undefined("parameter '\(parameter.name)' was not provided"))
      }
    }
    let names = definition.parameters.map(\.name)
    if definition.reads.contains("caller"), !names.contains("caller") {
      scope.set("caller", takeNamed("caller") ?? undefined("No caller defined"))
    }
    if definition.reads.contains("kwargs"), !names.contains("kwargs") {
      var rest: OrderedDictionary<Value, Value> = [:]
      for (name, value) in named { rest[.string(name)] = value }
      scope.set("kwargs", try dictionary(rest))
    } else if let first = named.first {
      throw error(.type, "\(title) takes no keyword argument '\(first.name)'")
    }
    if definition.reads.contains("varargs"), !names.contains("varargs") {
      scope.set("varargs", try tuple(Array(positional)))
    } else if !positional.isEmpty {
      throw error(.type, "\(title) takes not more than \(names.count) argument(s)")
    }
    let result = try deeper { try capture { _ = try run(definition.body, scope) } }
    line = callLine
    return result
  }

  private func call(_ method: BoundMethod, _ arguments: Arguments) throws -> Value {
    switch method.receiver {
    case .object(let loop as Loop):
      guard arguments.named.isEmpty else {
        throw error(.type, "loop.\(method.name) takes no names of arguments")
      }
      let values = arguments.positional
      if method.name == "cycle" {
        guard !values.isEmpty else { throw error(.type, "no items for cycling given") }
        return values[loop.index0 % values.count]
      }
      try spend(values.reduce(0) { $0.addingClamped($1.weight) })
      if loop.lastChanged == values { return .bool(false) }
      loop.lastChanged = values
      return .bool(true)
    case .object(let cycler as Cycler):
      _ = try bind(arguments, method.name, [])
      defer { cycler.position = method.name == "reset" ? 0 : (cycler.position + 1) % cycler.items.count }
      return method.name == "reset" ? .none : cycler.items[cycler.position]
    default: return try callMethod(method.receiver, method.name, arguments)
    }
  }

  // MARK: - Functions of every template

  private func call(_ function: GlobalFunction.Name, _ arguments: Arguments) throws -> Value {
    switch function {
    case .range: return try range(arguments)
    case .dict: return try dictionary(pairs(arguments))
    case .namespace:
      var attributes: OrderedDictionary<Text, Value> = [:]
      for (key, value) in try pairs(arguments) {
        guard let key = key.asText else { throw error(.type, "attributes of a namespace need names") }
        try checkNamespaceKey(key)
        attributes[key] = value
      }
      return .object(try tracked(Namespace(attributes)))
    case .cycler:
      guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw error(.type, "cycler() needs items")
      }
      return try object(Cycler(arguments.positional))
    case .joiner:
      return try object(Joiner(bind(arguments, "joiner", ["sep"])[0] ?? .string(", ")))
    case .raiseException:
      let message = try bind(arguments, "raise_exception", ["message"], required: 1)[0]!
      throw error(.raised, String(try toText(message)))
    case .strftimeNow:
      let format = try bind(arguments, "strftime_now", ["format"], required: 1)[0]
      return try text(date.formatted(string(format, "the format") ?? []))
    }
  }

  /// The entries of `dict(...)`.
  private func pairs(_ arguments: Arguments) throws -> OrderedDictionary<Value, Value> {
    guard arguments.positional.count <= 1 else {
      throw error(.type, "dict takes one argument and named ones")
    }
    var entries: OrderedDictionary<Value, Value> = [:]
    if case .dictionary(let mapping)? = arguments.positional.first {
      entries = mapping.entries
    } else if let pairs = arguments.positional.first {
      for pair in try values(of: pairs) {
        let parts = try values(of: pair, atMost: 2)
        guard parts.count == 2 else { throw error(.value, "dict needs pairs") }
        try checkKey(parts[0])
        entries[parts[0]] = parts[1]
      }
    }
    for (name, value) in arguments.named { entries[.string(name)] = value }
    return entries
  }

  private func range(_ arguments: Arguments) throws -> Value {
    guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
      throw error(.type, "range takes 1 to 3 numbers")
    }
    let numbers = try arguments.positional.map { try integer($0, "an argument of range")! }
    let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
    let step = numbers.count == 3 ? numbers[2] : 1
    guard step != 0 else { throw error(.value, "the step of range must not be zero") }
    var count = 0
    if step > 0 ? start < stop : start > stop {
      let (difference, isOverflow) = stop.subtractingReportingOverflow(start)
      guard !isOverflow else { throw error(.limit, "the range has more than \(limits.rangeSize) numbers") }
      count = Int(clamping: (difference.magnitude - 1) / step.magnitude) + 1
    }
    guard count <= limits.rangeSize else {
      throw error(.limit, "the range has more than \(limits.rangeSize) numbers")
    }
    return try object(NumberRange(start: start, stop: stop, step: step, count: count))
  }
}
