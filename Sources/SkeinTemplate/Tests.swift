/// The tests of Jinja: what may follow `is`.
extension Renderer {
  /// `value is name(arguments)`
  func test(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Bool {
    try spend()
    switch name {
    case "divisibleby", "sameas", "in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", ">=",
      "ge",
      "<", "lt", "lessthan", "<=", "le":
      let other = try bind(
        arguments, name, [name == "divisibleby" ? "num" : name == "in" ? "seq" : "other"], required: 1)[0]!
      return try test(name, value, with: other)
    default:
      _ = try bind(arguments, name, [])
      return try test(name, value)
    }
  }

  private func test(_ name: String, _ value: Value, with other: Value) throws -> Bool {
    switch name {
    case "divisibleby": try equal(binary(value, .modulo, other), .integer(0))
    case "sameas": isSame(value, other)
    case "in": try compare(value, .isIn, other)
    case "==", "eq", "equalto": try compare(value, .equal, other)
    case "!=", "ne": try compare(value, .notEqual, other)
    case ">", "gt", "greaterthan": try compare(value, .greater, other)
    case ">=", "ge": try compare(value, .greaterOrEqual, other)
    case "<", "lt", "lessthan": try compare(value, .less, other)
    default: try compare(value, .lessOrEqual, other)
    }
  }

  private func test(_ name: String, _ value: Value) throws -> Bool {
    switch name {
    case "odd": return try equal(binary(value, .modulo, .integer(2)), .integer(1))
    case "even": return try equal(binary(value, .modulo, .integer(2)), .integer(0))
    case "defined": return !value.isUndefined
    case "undefined": return value.isUndefined
    case "filter": return value.asText.map { FilterName(rawValue: String($0)) != nil } ?? false
    case "test": return value.asText.map { Self.testNames.contains(String($0)) } ?? false
    case "none": return value.isNone
    case "boolean": if case .bool = value { return true } else { return false }
    case "false": if case .bool(false) = value { return true } else { return false }
    case "true": if case .bool(true) = value { return true } else { return false }
    case "integer": if case .integer = value { return true } else { return false }
    case "float": if case .float = value { return true } else { return false }
    case "lower": return try toText(value).isLowercase
    case "upper": return try toText(value).isUppercase
    case "string": return value.asText != nil
    case "mapping": if case .dictionary = value { return true } else { return false }
    case "number": return value.asDouble != nil
    case "sequence":
      switch value {
      case .text, .list, .tuple, .dictionary: return true
      case .object(let object): return object is NumberRange
      // What is not there has a length and items, as far as Python can see.
      case .undefined: return true
      default: return false
      }
    case "iterable": return isIterable(value)
    case "callable":
      switch value {
      case .object(let object): return object.isCallable
      case .undefined: return true
      default: return false
      }
    // Nothing is escaped here, so nothing is marked as such.
    case "escaped": return false
    default: throw error(.syntax, "there is no test '\(name)'")
    }
  }

  private static let testNames: Set<String> = [
    "odd", "even", "divisibleby", "defined", "undefined", "filter", "test", "none", "boolean", "false",
    "true",
    "integer", "float", "lower", "upper", "string", "mapping", "number", "sequence", "iterable", "callable",
    "sameas", "escaped", "in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<",
    "lt",
    "lessthan", "<=", "le",
  ]

  private func isSame(_ left: Value, _ right: Value) -> Bool {
    switch (left, right) {
    case (.none, .none), (.undefined, .undefined): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.float(let left), .float(let right)): left == right
    case (.text(let left), .text(let right)): left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): left === right
    case (.dictionary(let left), .dictionary(let right)): left === right
    case (.object(let left), .object(let right)): left === right
    default: false
    }
  }
}
