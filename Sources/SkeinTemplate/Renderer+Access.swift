/// Attributes, items, slices and what can be looped over.
extension Renderer {
  /// Raises the error of something that is not there.
  func use(_ missing: Missing) -> TemplateError { error(missing.code, missing.message) }

  /// How Jinja names a value in errors.
  func label(_ value: Value) -> String {
    switch value {
    case .none: "None"
    case .object(let object) where object is Namespace: "jinja2.utils.Namespace object"
    default: "\(value.typeName) object"
    }
  }

  /// `value.name`: the attribute, else the item.
  func attribute(_ value: Value, _ name: String) throws -> Value {
    if case .undefined(let missing) = value { throw use(missing) }
    if let found = try ownAttribute(value, name) { return found }
    if let found = try ownItem(value, .string(name)) { return found }
    return undefined("'\(label(value))' has no attribute '\(name)'")
  }

  /// `value[key]`: the item, else the attribute.
  func item(_ value: Value, _ key: Value) throws -> Value {
    if case .undefined(let missing) = value { throw use(missing) }
    if let found = try ownItem(value, key) { return found }
    guard let name = key.asText else {
      return undefined("\(label(value)) has no element \(String(try toRepresentation(key)))")
    }
    if let found = try ownAttribute(value, String(name)) { return found }
    return undefined("'\(label(value))' has no attribute \(String(name.quoted))")
  }

  private func ownItem(_ value: Value, _ key: Value) throws -> Value? {
    switch value {
    case .dictionary(let mapping):
      guard key.isHashable else { return nil }
      try spend(key.weight)
      return mapping.entries[key]
    case .list(let items), .tuple(let items):
      return key.asInteger.flatMap { position($0, items.values.count) }.map { items.values[$0] }
    case .text(let text):
      return key.asInteger.flatMap { position($0, text.count) }.map { .text([text[$0]]) }
    case .object(let object as NumberRange):
      return key.asInteger.flatMap { position($0, object.count) }.map { object[$0] }
    default: return nil
    }
  }

  /// An index from the start or, negative, from the end; nil where it is outside.
  private func position(_ index: Int, _ count: Int) -> Int? {
    let position = index < 0 ? index + count : index
    return position >= 0 && position < count ? position : nil
  }

  /// An attribute as Python has it, methods among them.
  private func ownAttribute(_ value: Value, _ name: String) throws -> Value? {
    if case .object(let object) = value {
      switch object {
      case let namespace as Namespace:
        if let found = namespace.attributes[name.text] { return found }
      case let loop as Loop:
        if let found = try loop.attribute(name) { return found }
      case let cycler as Cycler:
        if name == "current" { return cycler.items[cycler.position] }
        if ["next", "reset"].contains(name) { return try self.object(BoundMethod(value, name)) }
      case let range as NumberRange:
        switch name {
        case "start": return .integer(range.start)
        case "step": return .integer(range.step)
        case "stop": return .integer(range.stop)
        case "index", "count": return try self.object(BoundMethod(value, name))
        default: break
        }
      case let macro as Macro:
        if name == "name" { return macro.definition.name.map(Value.string) ?? Value.none }
        if name == "arguments" { return try tuple(macro.definition.parameters.map { .string($0.name) }) }
        if name == "catch_kwargs" { return .bool(macro.definition.reads.contains("kwargs")) }
        if name == "catch_varargs" { return .bool(macro.definition.reads.contains("varargs")) }
        if name == "caller" { return .bool(macro.definition.reads.contains("caller")) }
      default: break
      }
    }
    if name.hasPrefix("__") && name.hasSuffix("__") { return unsafe(value, name) }
    if let found = try groupAttribute(value, name) { return found }
    switch Methods.access(of: value, name) {
    case .callable: return try object(BoundMethod(value, name))
    case .changing: return unsafe(value, name)
    case .number(let number): return number
    case nil: return nil
    }
  }

  private func groupAttribute(_ value: Value, _ name: String) throws -> Value? {
    guard case .tuple(let items) = value, items.isGroup else { return nil }
    return name == "grouper" ? items.values[0] : name == "list" ? items.values[1] : nil
  }

  /// Something that may not be used; only saying its name is not an error.
  private func unsafe(_ value: Value, _ name: String) -> Value {
    .undefined(
      Missing("access to attribute '\(name)' of '\(value.typeName)' object is unsafe.", code: .security))
  }

  // MARK: - Slices

  func slice(_ value: Value, _ start: Value?, _ stop: Value?, _ step: Value?) throws -> Value {
    let count: Int
    switch value {
    case .undefined(let missing): throw use(missing)
    case .text(let text): count = text.count
    case .list(let items), .tuple(let items): count = items.values.count
    case .object(let range as NumberRange): count = range.count
    default: throw error(.type, "'\(value.typeName)' object cannot be sliced")
    }
    let (indices, end) = try sliced(count, bound(start), bound(stop), bound(step))
    switch value {
    case .text(let text): return try self.text(indices.map { text[$0] })
    case .list(let items): return try list(indices.map { items.values[$0] })
    case .tuple(let items): return try tuple(indices.map { items.values[$0] })
    case .object(let range as NumberRange):
      let stride = (indices.count > 1 ? indices[1] - indices[0] : try bound(step) ?? 1) &* range.step
      let start = range.start &+ (indices.first ?? end) &* range.step
      let stop = range.start &+ end &* range.step
      return try object(NumberRange(start: start, stop: stop, step: stride, count: indices.count))
    default: return value
    }
  }

  private func bound(_ value: Value?) throws -> Int? {
    guard let value, !value.isNone else { return nil }
    if case .undefined(let missing) = value { throw use(missing) }
    guard let index = value.asInteger else { throw error(.type, "slice indices must be integers or none") }
    return index
  }

  /// The indices of a slice, as Python has them, and the one that it ends before.
  private func sliced(
    _ count: Int, _ start: Int?, _ stop: Int?, _ step: Int?
  ) throws -> (indices: [Int], end: Int) {
    let step = min(max(step ?? 1, -count - 1), count + 1)
    guard step != 0 else { throw error(.value, "slice step cannot be zero") }
    let lowest = step < 0 ? -1 : 0
    let highest = step < 0 ? count - 1 : count
    func clamp(_ index: Int) -> Int {
      min(max(index < 0 ? index + count : index, lowest), highest)
    }
    let first = start.map(clamp) ?? (step < 0 ? highest : lowest)
    let end = stop.map(clamp) ?? (step < 0 ? lowest : highest)
    try spend(count / 16)
    return (Array(stride(from: first, to: end, by: step)), end)
  }

  // MARK: - What can be looped over

  func isIterable(_ value: Value) -> Bool {
    switch value {
    case .undefined, .text, .list, .tuple, .dictionary: true
    case .object(let object):
      object is NumberRange || object is ValueIterator || object is Loop || object is MappingView
    default: false
    }
  }

  /// How many items there are, where that is known without looking.
  func count(_ value: Value) throws -> Int? {
    switch value {
    case .undefined: 0
    case .text(let text): text.count
    case .list(let items), .tuple(let items): items.values.count
    case .dictionary(let mapping): mapping.entries.count
    case .object(let range as NumberRange): range.count
    case .object(let view as MappingView): view.items.values.count
    case .object(let loop as Loop): try loop.count()
    default: nil
    }
  }

  func iterator(_ value: Value) throws -> ValueIterator {
    switch value {
    case .object(let iterator as ValueIterator): return iterator
    case .object(let range as NumberRange):
      var index = 0
      return ValueIterator(depth: 1) {
        guard index < range.count else { return nil }
        defer { index += 1 }
        return range[index]
      }
    case .text(let text):
      var index = 0
      return ValueIterator(depth: 1) {
        guard index < text.count else { return nil }
        defer { index += 1 }
        return .text([text[index]])
      }
    case .object(let loop as Loop):
      return ValueIterator(depth: 1) { [unowned self] in
        try loop.advance().map { try tuple([$0, .object(loop)]) }
      }
    default: return ValueIterator(try values(of: value), depth: value.depth)
    }
  }

  /// All items, or the first `limit` and one more.
  func values(of value: Value, atMost limit: Int = .max) throws -> [Value] {
    switch value {
    case .undefined: return []
    case .list(let items), .tuple(let items): return items.values
    case .dictionary(let mapping): return Array(mapping.entries.keys)
    case .object(let view as MappingView): return view.items.values
    case .text(let text):
      try claim(bytes: text.count * 32)
      return text.map { .text([$0]) }
    case .object where isIterable(value):
      let iterator = try iterator(value)
      var result: [Value] = []
      while result.count <= limit, let next = try iterator.next() {
        try claim(bytes: 16)
        try spend()
        result.append(next)
      }
      return result
    default: throw error(.type, "'\(value.typeName)' object is not iterable")
    }
  }
}
