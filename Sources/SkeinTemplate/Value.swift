import OrderedCollections

/// A value of a template, as Python has them. Lists and dictionaries never change, as in Jinja's immutable sandbox.
enum Value {
  /// Something that is not there; it may be printed, looped over and tested, and nothing else.
  case undefined(Missing)
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case text(Text)
  case list(Items)
  case tuple(Items)
  case dictionary(Mapping)
  case object(Object)
}

/// What is not there, and what to say of it where it is used.
final class Missing {
  let message: String
  let code: TemplateError.Code

  init(_ message: String, code: TemplateError.Code = .undefined) {
    self.message = message
    self.code = code
  }
}

/// The values of a list or tuple.
final class Items {
  let values: [Value]
  /// Containers inside one another, this one among them.
  let depth: Int
  /// Values in it at any depth, each as often as it is reached: what walking through it takes.
  let weight: Int
  /// The group of `groupby`, whose two parts have names.
  let isGroup: Bool

  init(_ values: [Value], isGroup: Bool = false) {
    self.values = values
    self.isGroup = isGroup
    var depth = 0
    var weight = 1
    for value in values {
      depth = max(depth, value.depth)
      weight = weight.addingClamped(value.weight)
    }
    self.depth = depth + 1
    self.weight = weight
  }
}

/// The entries of a dictionary, in order.
final class Mapping {
  let entries: OrderedDictionary<Value, Value>
  let depth: Int
  let weight: Int

  init(_ entries: OrderedDictionary<Value, Value>) {
    self.entries = entries
    var depth = 0
    var weight = 1
    for (key, value) in entries {
      depth = max(depth, key.depth, value.depth)
      weight = weight.addingClamped(key.weight).addingClamped(value.weight)
    }
    self.depth = depth + 1
    self.weight = weight
  }
}

extension Int {
  /// A sum that stops at the largest number.
  func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

extension Value {
  /// A text.
  static func string(_ string: String) -> Value { .text(string.text) }

  /// Containers inside one another.
  var depth: Int {
    switch self {
    case .list(let items), .tuple(let items): items.depth
    case .dictionary(let mapping): mapping.depth
    case .object(let object): object.depth
    default: 0
    }
  }

  /// What walking through it takes.
  var weight: Int {
    switch self {
    case .list(let items), .tuple(let items): items.weight
    case .dictionary(let mapping): mapping.weight
    case .text(let text): 1 + text.count / 16
    default: 1
    }
  }

  /// As `bool(x)`.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .text(let text): !text.isEmpty
    case .list(let items), .tuple(let items): !items.values.isEmpty
    case .dictionary(let mapping): !mapping.entries.isEmpty
    case .object(let object): object.isTrue
    }
  }

  /// Python's name of its type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .integer: "int"
    case .float: "float"
    case .text: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .object(let object): object.typeName
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
  var isNone: Bool { if case .none = self { true } else { false } }

  /// The number where it is one that Python counts as an `int`, as it does truth values.
  var asInteger: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): value
    default: nil
    }
  }

  /// The number where it is one of any kind.
  var asDouble: Double? {
    if case .float(let value) = self { return value }
    return asInteger.map(Double.init)
  }

  /// The text where it is one.
  var asText: Text? { if case .text(let text) = self { text } else { nil } }

  /// Whether it may be the key of a dictionary.
  var isHashable: Bool {
    switch self {
    case .list, .dictionary: false
    case .tuple(let items): items.weight <= 10_000 && items.values.allSatisfy(\.isHashable)
    default: true
    }
  }
}

/// Equality and hashes as Python has them: 1, 1.0 and true are one key.
extension Value: Hashable {
  static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.text(let left), .text(let right)): return left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      return left === right || left.values == right.values
    case (.dictionary(let left), .dictionary(let right)):
      return left === right
        || left.entries.count == right.entries.count
          && left.entries.allSatisfy { key, value in right.entries[key].map { $0 == value } ?? false }
    case (.object(let left), .object(let right)): return left.isEqual(right)
    case (.float(let left), .float(let right)): return left == right
    case (.float(let float), _): return right.asInteger.map { Int(exactly: float) == $0 } ?? false
    case (_, .float(let float)): return left.asInteger.map { Int(exactly: float) == $0 } ?? false
    default:
      guard let left = left.asInteger, let right = right.asInteger else { return false }
      return left == right
    }
  }

  func hash(into hasher: inout Hasher) {
    switch self {
    case .text(let text): hasher.combine(text)
    case .bool, .integer: hasher.combine(asInteger)
    case .float(let value):
      if let integer = Int(exactly: value) {
        hasher.combine(Int?.some(integer))
      } else {
        hasher.combine(value)
      }
    case .tuple(let items): hasher.combine(items.values)
    case .object(let object): hasher.combine(object.hash)
    case .undefined, .none, .list, .dictionary: hasher.combine(0)
    }
  }
}
