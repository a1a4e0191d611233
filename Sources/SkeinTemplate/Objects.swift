import OrderedCollections

/// A value with an identity. What it holds may lead back to it; `Renderer.finish` cuts such circles.
class Object {
  var typeName: String { "object" }
  var depth: Int { 1 }
  var isTrue: Bool { true }
  var isCallable: Bool { false }
  var hash: Int { ObjectIdentifier(self).hashValue }
  func isEqual(_ other: Object) -> Bool { self === other }
  /// Lets go of all that it holds.
  func clear() {}
}

/// `namespace()`: the one thing that a template can change.
final class Namespace: Object {
  var attributes: OrderedDictionary<Text, Value>
  init(_ attributes: OrderedDictionary<Text, Value>) { self.attributes = attributes }
  override var typeName: String { "Namespace" }
  override func clear() { attributes = [:] }
}

/// `range()`.
final class NumberRange: Object {
  let start: Int
  let stop: Int
  let step: Int
  let count: Int
  init(start: Int, stop: Int, step: Int, count: Int) {
    self.start = start
    self.stop = stop
    self.step = step
    self.count = count
  }
  override var typeName: String { "range" }
  override var isTrue: Bool { count > 0 }
  override var hash: Int { count }
  override func isEqual(_ other: Object) -> Bool {
    guard let other = other as? NumberRange, other.count == count else { return false }
    return count == 0 || start == other.start && (count == 1 || step == other.step)
  }
  subscript(index: Int) -> Value { .integer(start + index * step) }
  var values: [Value] { (0..<count).map { self[$0] } }
}

/// `keys()`, `values()` or `items()` of a dictionary: looped over and counted, but without indices.
final class MappingView: Object {
  let name: String
  let items: Items
  init(_ name: String, _ items: Items) {
    self.name = name
    self.items = items
  }
  override var typeName: String { "dict_\(name)" }
  override var depth: Int { items.depth + 1 }
  override var isTrue: Bool { !items.values.isEmpty }
}

/// Values that come one after the other, once: a generator of Python.
final class ValueIterator: Object {
  private var source: (() throws -> Value?)?
  private let ownDepth: Int

  /// - Parameter depth: containers and iterators inside one another that it draws from.
  init(depth: Int, _ next: @escaping () throws -> Value?) {
    source = next
    ownDepth = depth + 1
  }

  convenience init(_ values: [Value], depth: Int) {
    var index = 0
    self.init(depth: depth) {
      guard index < values.count else { return nil }
      defer { index += 1 }
      return values[index]
    }
  }

  override var typeName: String { "generator" }
  override var depth: Int { ownDepth }
  override func clear() { source = nil }

  func next() throws -> Value? {
    guard let value = try source?() else {
      source = nil
      return nil
    }
    return value
  }
}

/// `cycler()`.
final class Cycler: Object {
  var items: [Value]
  var position = 0
  private let ownDepth: Int
  init(_ items: [Value]) {
    self.items = items
    ownDepth = (items.map(\.depth).max() ?? 0) + 1
  }
  override var typeName: String { "Cycler" }
  override var depth: Int { ownDepth }
}

/// `joiner()`.
final class Joiner: Object {
  let separator: Value
  var isUsed = false
  init(_ separator: Value) { self.separator = separator }
  override var typeName: String { "Joiner" }
  override var depth: Int { separator.depth + 1 }
  override var isCallable: Bool { true }
}

/// A method with the value that it belongs to.
final class BoundMethod: Object {
  let receiver: Value
  let name: String
  init(_ receiver: Value, _ name: String) {
    self.receiver = receiver
    self.name = name
  }
  override var typeName: String { "builtin_function_or_method" }
  override var depth: Int { receiver.depth + 1 }
  override var isCallable: Bool { true }
}

/// A function that every template has.
final class GlobalFunction: Object {
  enum Name: String, CaseIterable {
    case range, dict, namespace, cycler, joiner
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
  }
  let name: Name
  init(_ name: Name) { self.name = name }
  override var typeName: String { "function" }
  override var isCallable: Bool { true }
}

/// A macro, or the body of a `call` block, with the scope that it was written in.
final class Macro: Object {
  let definition: MacroDefinition
  var scope: Scope?
  init(_ definition: MacroDefinition, _ scope: Scope) {
    self.definition = definition
    self.scope = scope
  }
  override var typeName: String { "Macro" }
  override var isCallable: Bool { true }
  override func clear() { scope = nil }
}

/// Variables of a block, and the block round it.
final class Scope {
  private var names: [String: Value] = [:]
  private let parent: Scope?

  init(_ parent: Scope?) { self.parent = parent }

  /// The value of a variable here or in a block round this one.
  func find(_ name: String) -> Value? {
    var scope: Scope? = self
    while let current = scope {
      if let value = current.names[name] { return value }
      scope = current.parent
    }
    return nil
  }

  func set(_ name: String, _ value: Value) { names[name] = value }
  func clear() { names = [:] }
}
