import SkeinGraph
import SkeinTensor

extension Fleet {
  /// Reads a fleet file; `docs/fleets.md` has the format.
  ///
  /// - Parameters:
  ///   - text: the YAML.
  ///   - path: the file, for errors.
  /// - Throws: `PlannerError` with the line, where a key or name is unknown or a figure is out of range.
  public init(yaml text: String, path: String) throws(PlannerError) {
    guard let root = try YAMLValue.parse(text, path: path) else {
      throw PlannerError(.invalidFile, "is empty; a fleet has a list of devices", path: path)
    }
    self = try FleetReader(path: path).fleet(root)
  }
}

/// Makes a fleet of a parsed file.
struct FleetReader {
  /// More than any fleet; the planner's time grows with them.
  static let mostDevices = 256
  static let mostLinks = 1 << 16

  let path: String

  func fail(_ message: String, _ value: YAMLValue) -> PlannerError {
    PlannerError(.invalidFile, message, path: path, line: value.line)
  }

  func fleet(_ root: YAMLValue) throws(PlannerError) -> Fleet {
    let members = try FleetMembers(
      root, ["devices", "default_link", "links", "shared_speed"], of: "a fleet", in: self)
    let devices = try self.devices(try members.required("devices"))
    var fleet = Fleet(devices: devices)
    let names = devices.map(\.id.name)
    if let value = members["default_link"] { fleet.defaultLink = try linkRate(value) }
    if let value = members["links"] { fleet.links = try links(value, names) }
    if let value = members["shared_speed"] {
      let pools = Array(Set(devices.map(\.memoryPool))).sorted()
      for (pool, part) in try FleetMembers(value, pools, of: "the memory pools", in: self).pairs {
        guard let number = part.number, number > 0, number <= 1 else {
          throw fail("shared_speed of \(pool) is \(part.kind), must be a number above 0 and at most 1", part)
        }
        fleet.sharedSpeed[pool] = number
      }
    }
    return fleet
  }

  // MARK: Values

  func list(_ value: YAMLValue, of what: String, most: Int) throws(PlannerError) -> [YAMLValue] {
    guard let list = value.sequence, !list.isEmpty else {
      throw fail("\(what) are \(value.kind), must be a list", value)
    }
    guard list.count <= most else { throw fail("more than \(most) \(what)", value) }
    return list
  }

  func word(_ value: YAMLValue, for key: String) throws(PlannerError) -> String {
    guard let word = value.text, !word.isEmpty, word.utf8.count <= 200 else {
      throw fail("\(key) is \(value.kind), must be a word", value)
    }
    return word
  }

  func quantity(_ value: YAMLValue, _ quantity: Quantity, for key: String) throws(PlannerError) -> Double {
    switch quantity.parse(try word(value, for: key)) {
    case .success(let number): return number
    case .failure(let problem): throw fail("\(key): \(problem.text)", value)
    }
  }

  func flag(_ value: YAMLValue, for key: String) throws(PlannerError) -> Bool {
    switch value.text {
    case "true": return true
    case "false": return false
    default: throw fail("\(key) is \(value.kind), must be true or false", value)
    }
  }

  func known(_ name: String, in known: [String], _ what: String, _ value: YAMLValue) throws(PlannerError) {
    if known.contains(name) { return }
    let nearest = nearestWord(to: name, in: known).map { "; the nearest is \($0)" } ?? ""
    throw fail("there is no \(what) \"\(name.prefix(80))\"\(nearest)", value)
  }
}

/// The values of a mapping by key, all keys known and none twice.
struct FleetMembers {
  let value: YAMLValue
  let what: String
  let reader: FleetReader
  /// In the file's order.
  let pairs: [(key: String, value: YAMLValue)]

  init(
    _ value: YAMLValue, _ known: [String], of what: String, in reader: FleetReader
  ) throws(PlannerError) {
    guard let mapping = value.mapping else {
      throw reader.fail(
        "\(what) is \(value.kind), must be a mapping of \(known.joined(separator: ", "))", value)
    }
    var pairs: [(key: String, value: YAMLValue)] = []
    for (key, member) in mapping {
      let name = try reader.word(key, for: "a key of \(what)")
      try reader.known(name, in: known, "key of \(what)", key)
      if pairs.contains(where: { $0.key == name }) { throw reader.fail("\(name) is there twice", key) }
      pairs.append((name, member))
    }
    self.value = value
    self.what = what
    self.reader = reader
    self.pairs = pairs
  }

  subscript(key: String) -> YAMLValue? { pairs.first { $0.key == key }?.value }

  func required(_ key: String) throws(PlannerError) -> YAMLValue {
    guard let member = self[key] else { throw reader.fail("\(what) needs \(key)", value) }
    return member
  }

  func word(_ key: String) throws(PlannerError) -> String? {
    guard let value = self[key] else { return nil }
    return try reader.word(value, for: key)
  }

  func quantity(_ key: String, _ quantity: Quantity) throws(PlannerError) -> Double? {
    guard let value = self[key] else { return nil }
    return try reader.quantity(value, quantity, for: key)
  }
}
