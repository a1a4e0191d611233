/// Methods of Python's types: which there are, and which of them a template may call.
enum Methods {
  enum Access {
    case callable
    /// It would change the value.
    case changing
    /// An attribute of numbers.
    case number(Value)
  }

  /// What a name is on a value; nil where the value has nothing of that name.
  static func access(of value: Value, _ name: String) -> Access? {
    switch value {
    case .text: return strings.contains(name) ? .callable : nil
    case .list:
      if name == "copy" || name == "count" || name == "index" { return .callable }
      return listChanges.contains(name) ? .changing : nil
    case .tuple: return name == "count" || name == "index" ? .callable : nil
    case .dictionary:
      if dictionaries.contains(name) { return .callable }
      return dictionaryChanges.contains(name) ? .changing : nil
    case .bool, .integer: return integer(value.asInteger ?? 0, name)
    case .float(let number): return float(number, name)
    default: return nil
    }
  }

  private static func integer(_ number: Int, _ name: String) -> Access? {
    switch name {
    case "real", "numerator": .number(.integer(number))
    case "imag": .number(.integer(0))
    case "denominator": .number(.integer(1))
    case "bit_length", "bit_count", "conjugate": .callable
    default: nil
    }
  }

  private static func float(_ number: Double, _ name: String) -> Access? {
    switch name {
    case "real": .number(.float(number))
    case "imag": .number(.float(0))
    case "is_integer", "conjugate": .callable
    default: nil
    }
  }

  private static let strings: Set<String> = [
    "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "format_map",
    "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
    "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition",
    "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
    "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
  ]
  private static let listChanges: Set<String> = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
  ]
  private static let dictionaries: Set<String> = ["items", "keys", "values", "get", "copy", "fromkeys"]
  private static let dictionaryChanges: Set<String> = ["clear", "pop", "popitem", "setdefault", "update"]
}

extension Renderer {
  /// Calls a method that `Methods.access` says is there.
  func callMethod(_ receiver: Value, _ name: String, _ arguments: Arguments) throws -> Value {
    switch receiver {
    case .text(let text):
      try spend(1 + text.count / 16)
      if let result = try stringCheck(text, name, arguments) { return result }
      if let result = try stringSearch(text, name, arguments) { return result }
      if let result = try stringCut(text, name, arguments) { return result }
      return try stringChange(text, name, arguments)
    case .list(let items), .tuple(let items): return try sequenceMethod(receiver, items, name, arguments)
    case .dictionary(let mapping): return try dictionaryMethod(receiver, mapping, name, arguments)
    case .object(let range as NumberRange):
      return try sequenceMethod(receiver, items(range.values), name, arguments)
    default: return try numberMethod(receiver, name, arguments)
    }
  }

  private func numberMethod(_ receiver: Value, _ name: String, _ arguments: Arguments) throws -> Value {
    _ = try bind(arguments, name, [])
    switch (receiver, name) {
    case (.float(let number), "is_integer"): return .bool(number.rounded() == number && number.isFinite)
    case (.float, _): return receiver
    default:
      let number = receiver.asInteger ?? 0
      switch name {
      case "bit_length": return .integer(Int.bitWidth - number.magnitude.leadingZeroBitCount)
      case "bit_count": return .integer(number.magnitude.nonzeroBitCount)
      default: return .integer(number)
      }
    }
  }

  private func sequenceMethod(
    _ receiver: Value, _ items: Items, _ name: String, _ arguments: Arguments
  ) throws -> Value {
    let values = items.values
    switch name {
    case "copy":
      _ = try bind(arguments, name, [])
      return receiver
    case "count":
      let value = try bind(arguments, name, ["value"], required: 1)[0]!
      var count = 0
      for item in values where try equal(item, value) { count += 1 }
      return .integer(count)
    default:
      let bound = try bind(arguments, name, ["value", "start", "stop"], required: 1)
      let range = try bounds(bound[1], bound[2], values.count)
      for index in range where try equal(values[index], bound[0]!) { return .integer(index) }
      throw error(.value, "\(String(try toRepresentation(bound[0]!))) is not in list")
    }
  }

  private func dictionaryMethod(
    _ receiver: Value, _ mapping: Mapping, _ name: String, _ arguments: Arguments
  ) throws -> Value {
    switch name {
    case "get":
      guard arguments.named.isEmpty else { throw error(.type, "get() takes no keyword arguments") }
      let bound = try bind(arguments, name, ["key", "default"], required: 1)
      try checkKey(bound[0]!)
      return mapping.entries[bound[0]!] ?? bound[1] ?? .none
    case "fromkeys":
      throw error(.type, "fromkeys is not supported in chat templates")
    default:
      _ = try bind(arguments, name, [])
      switch name {
      case "keys": return try object(MappingView(name, items(Array(mapping.entries.keys))))
      case "values": return try object(MappingView(name, items(Array(mapping.entries.values))))
      case "items":
        let pairs = try mapping.entries.map { try tuple([$0.key, $0.value]) }
        return try object(MappingView(name, items(pairs)))
      default: return receiver
      }
    }
  }

  /// A range as the optional arguments `start` and `stop` of Python's methods give it.
  func bounds(_ start: Value?, _ stop: Value?, _ count: Int) throws -> Range<Int> {
    func bound(_ value: Value?, _ standard: Int) throws -> Int {
      guard let value, !value.isNone else { return standard }
      let index = try integer(value, "an index")!
      return min(max(index < 0 ? index + count : index, 0), count)
    }
    let lower = try bound(start, 0)
    return lower..<max(try bound(stop, count), lower)
  }
}
