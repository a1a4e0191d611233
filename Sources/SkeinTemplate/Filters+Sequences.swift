import OrderedCollections

extension Renderer {
  func sequenceFilter(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    switch filter {
    case .batch, .slice: return try columns(filter, value, arguments)
    case .count, .length:
      _ = try bind(arguments, "length", [])
      guard let count = try count(value) else {
        throw error(.type, "object of type '\(value.typeName)' has no len()")
      }
      return .integer(count)
    case .dictsort: return try sortedEntries(value, arguments)
    case .first:
      _ = try bind(arguments, "first", [])
      return try iterator(value).next() ?? undefined("No first item, sequence was empty.")
    case .groupby: return try groups(value, arguments)
    case .items:
      _ = try bind(arguments, "items", [])
      if value.isUndefined { return try object(ValueIterator([], depth: 1)) }
      guard case .dictionary(let mapping) = value else {
        throw error(.type, "Can only get item pairs from a mapping.")
      }
      let pairs = try mapping.entries.map { try tuple([$0.key, $0.value]) }
      return try object(ValueIterator(pairs, depth: mapping.depth + 1))
    case .join:
      let bound = try bind(arguments, "join", ["d", "attribute"])
      let path = try self.path(bound[1])
      let parts = try values(of: value).map { try toText(lookUp($0, path)) }
      return try joined(parts, toText(bound[0] ?? .text([])))
    case .last:
      _ = try bind(arguments, "last", [])
      return try reversed(value).first ?? undefined("No last item, sequence was empty.")
    case .list:
      _ = try bind(arguments, "list", [])
      return try list(values(of: value))
    case .max, .min: return try extreme(filter, value, arguments)
    case .reverse:
      _ = try bind(arguments, "reverse", [])
      if case .text(let text) = value { return try self.text(text.reversed()) }
      let isIterator = if case .object(let object) = value { object is ValueIterator } else { false }
      if isIterator || value.isUndefined { return try list(values(of: value).reversed()) }
      return try object(ValueIterator(reversed(value), depth: value.depth))
    case .sort:
      let bound = try bind(arguments, "sort", ["reverse", "case_sensitive", "attribute"])
      let paths = try self.paths(bound[2])
      let keepsCase = bound[1]?.isTrue ?? false
      return try list(
        sorted(values(of: value), isReversed: bound[0]?.isTrue ?? false) { item in
          try list(paths.map { try folded(lookUp(item, $0), keepsCase) })
        })
    case .sum:
      let bound = try bind(arguments, "sum", ["attribute", "start"])
      let path = try self.path(bound[0])
      if case .text? = bound[1] { throw error(.type, "sum() can't sum strings") }
      return try values(of: value).reduce(bound[1] ?? .integer(0)) { try binary($0, .add, lookUp($1, path)) }
    default: return try unique(value, arguments)
    }
  }

  // MARK: - Attributes by name

  /// The parts of `a.b.0`: names, and numbers for indices.
  private func path(_ attribute: Value?) throws -> [Value] {
    guard let attribute, !attribute.isNone else { return [] }
    guard let text = attribute.asText else { return [attribute] }
    return text.split(separator: ".", omittingEmptySubsequences: false).map { part in
      let isIndex = !part.isEmpty && part.allSatisfy(\.isASCIIDigit)
      return isIndex ? Int(String(part)).map(Value.integer) ?? .text(Text(part)) : .text(Text(part))
    }
  }

  /// As `path`, for several with commas between.
  private func paths(_ attribute: Value?) throws -> [[Value]] {
    guard let text = attribute?.asText else { return [try path(attribute)] }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { try path(.text(Text($0))) }
  }

  private func lookUp(_ value: Value, _ path: [Value], standard: Value? = nil) throws -> Value {
    var value = value
    for part in path {
      value = try item(value, part)
      if let standard, value.isUndefined { value = standard }
    }
    return value
  }

  /// Texts in small letters, so that they compare without case.
  private func folded(_ value: Value, _ keepsCase: Bool) throws -> Value {
    guard !keepsCase, let source = value.asText else { return value }
    return try text(source.lowercased)
  }

  // MARK: - Orders

  private func sorted(
    _ values: [Value], isReversed: Bool = false, by key: (Value) throws -> Value
  ) throws -> [Value] {
    var keyed = try values.enumerated().map {
      (index: $0.offset, key: try key($0.element), value: $0.element)
    }
    try keyed.sort { left, right in
      if isReversed ? try less(right.key, left.key) : try less(left.key, right.key) { return true }
      if isReversed ? try less(left.key, right.key) : try less(right.key, left.key) { return false }
      return left.index < right.index
    }
    return keyed.map(\.value)
  }

  private func reversed(_ value: Value) throws -> [Value] {
    if case .object(let object) = value, !(object is NumberRange || object is MappingView) {
      throw error(.type, "'\(value.typeName)' object is not reversible")
    }
    return try values(of: value).reversed()
  }

  private func sortedEntries(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "dictsort", ["case_sensitive", "by", "reverse"])
    let by = String(try string(bound[1], "by") ?? "key".text)
    guard by == "key" || by == "value" else {
      throw error(.value, "You can only sort by either \"key\" or \"value\"")
    }
    if case .undefined(let missing) = value { throw use(missing) }
    guard case .dictionary(let mapping) = value else { throw error(.type, "dictsort needs a dictionary") }
    let keepsCase = bound[0]?.isTrue ?? false
    let pairs = try mapping.entries.map { try tuple([$0.key, $0.value]) }
    return try list(
      sorted(pairs, isReversed: bound[2]?.isTrue ?? false) { pair in
        try folded(item(pair, .integer(by == "key" ? 0 : 1)), keepsCase)
      })
  }

  private func extreme(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, filter.rawValue, ["case_sensitive", "attribute"])
    let path = try self.path(bound[1])
    var best: (key: Value, value: Value)?
    for value in try values(of: value) {
      let key = try folded(lookUp(value, path), bound[0]?.isTrue ?? false)
      if let best, try !(filter == .max ? less(best.key, key) : less(key, best.key)) { continue }
      best = (key, value)
    }
    return best?.value ?? undefined("No aggregated item, sequence was empty.")
  }

  private func unique(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "unique", ["case_sensitive", "attribute"])
    let path = try self.path(bound[1])
    let source = try iterator(value)
    var seen: Set<Value> = []
    return try object(
      ValueIterator(depth: source.depth) { [unowned self] in
        while let value = try source.next() {
          let key = try folded(lookUp(value, path), bound[0]?.isTrue ?? false)
          try checkKey(key)
          if seen.insert(key).inserted { return value }
        }
        return nil
      })
  }

  // MARK: - Groups

  private func groups(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, "groupby", ["attribute", "default", "case_sensitive"], required: 1)
    let path = try self.path(bound[0])
    let standard = bound[1].flatMap { $0.isNone ? nil : $0 }
    func key(_ value: Value) throws -> Value {
      try folded(lookUp(value, path, standard: standard), bound[2]?.isTrue ?? false)
    }
    var groups: [(key: Value, values: [Value])] = []
    for value in try sorted(values(of: value), by: key) {
      let own = try key(value)
      if let last = groups.last, try equal(last.key, own) {
        groups[groups.count - 1].values.append(value)
      } else {
        groups.append((own, [value]))
      }
    }
    return try list(
      groups.map { group in
        let key = try lookUp(group.values[0], path, standard: standard)
        return .tuple(try items([key, list(group.values)], isGroup: true))
      })
  }

  /// `batch` and `slice`.
  private func columns(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(arguments, filter.rawValue, ["count", "fill_with"], required: 1)
    let size = try integer(bound[0], "the count")!
    let fill = bound[1].flatMap { $0.isNone ? nil : $0 }
    let all = try values(of: value)
    var result: [Value] = []
    if filter == .batch {
      var part: [Value] = []
      for item in all {
        if part.count == size {
          result.append(try list(part))
          part = []
        }
        part.append(item)
      }
      if !part.isEmpty {
        if let fill, part.count < size {
          try claim(bytes: size > 1 << 30 ? .max : size * 16)
          part += Array(repeating: fill, count: size - part.count)
        }
        result.append(try list(part))
      }
    } else {
      guard size != 0 else { throw error(.value, "integer division or modulo by zero") }
      try claim(bytes: size > 1 << 30 ? .max : max(size, 0) * 64)
      var start = 0
      for index in 0..<max(size, 0) {
        let isLong = index < all.count % size
        let end = start + all.count / size + (isLong ? 1 : 0)
        result.append(try list(Array(all[start..<end]) + (isLong ? [] : fill.map { [$0] } ?? [])))
        start = end
      }
    }
    return try object(ValueIterator(result, depth: result.map(\.depth).max() ?? 1))
  }

  // MARK: - Maps and selections

  func map(_ value: Value, _ arguments: Arguments) throws -> Value {
    let source = try iterator(value.isTrue ? value : .list(items([])))
    var arguments = arguments
    if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
      let bound = try bind(arguments, "map", ["attribute", "default"], required: 1)
      let path = try self.path(bound[0])
      let standard = bound[1].flatMap { $0.isNone ? nil : $0 }
      return try object(
        ValueIterator(depth: source.depth) { [unowned self] in
          try source.next().map { try lookUp($0, path, standard: standard) }
        })
    }
    guard !arguments.positional.isEmpty else { throw error(.type, "map requires a filter argument") }
    let name = String(try toText(arguments.positional.removeFirst()))
    let rest = arguments
    return try object(
      ValueIterator(depth: source.depth) { [unowned self] in
        try checkStack()
        return try source.next().map { try filter(name, $0, rest) }
      })
  }

  func select(_ filter: FilterName, _ value: Value, _ arguments: Arguments) throws -> Value {
    let source = try iterator(value.isTrue ? value : .list(items([])))
    var arguments = arguments
    var path: [Value] = []
    if filter == .selectattr || filter == .rejectattr {
      guard !arguments.positional.isEmpty else { throw error(.type, "Missing parameter for attribute name") }
      path = try self.path(arguments.positional.removeFirst())
    }
    let name = arguments.positional.isEmpty ? nil : String(try toText(arguments.positional.removeFirst()))
    let rest = arguments
    let keeps = filter == .select || filter == .selectattr
    return try object(
      ValueIterator(depth: source.depth) { [unowned self, path] in
        try checkStack()
        while let item = try source.next() {
          try spend()
          let tested = try lookUp(item, path)
          if try name.map({ try test($0, tested, rest) }) ?? tested.isTrue == keeps { return item }
        }
        return nil
      })
  }
}
