import SkeinGraph
import SkeinTensor

extension PlacementFile {
  /// Rules that a file may have.
  static let mostRules = 4096

  /// Reads a placement file's text.
  ///
  /// - Throws: `PlannerError` with the line, where the text is not YAML, a key is unknown or a value is not of
  ///   its kind. What depends on the model or the devices is found later, by `lint` and `resolve`.
  public init(parsing text: String, path: String) throws(PlannerError) {
    guard let root = try YAMLValue.parse(text, path: path) else {
      throw PlannerError(.invalidFile, "holds nothing; a placement needs `rules:`", path: path)
    }
    try self.init(root, path: path)
    header = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .prefix { $0.hasPrefix("#") }
      .map { String($0.dropFirst($0.hasPrefix("# ") ? 2 : 1)) }
  }

  init(_ root: YAMLValue, path: String) throws(PlannerError) {
    let reader = PlacementReader(path: path)
    self.init(path: path, rules: [])
    let keys = ["devices", "strategy", "passes_in_flight", "tokens_per_pass", "cache_type", "rules"]
    var isRuled = false
    for (key, value) in try reader.pairs(root, known: keys, of: "a placement") {
      switch key {
      case "devices": devices = try reader.devices(value)
      case "strategy": strategy = try reader.word(value, for: key)
      case "passes_in_flight": passesInFlight = try reader.count(value, for: key, most: 256)
      case "tokens_per_pass": tokensPerPass = try reader.count(value, for: key, most: 1 << 16)
      case "cache_type": cacheType = try reader.word(value, for: key)
      default:
        isRuled = true
        rules = try reader.rules(value)
      }
    }
    if !isRuled { throw reader.fail("has no `rules:`", root) }
  }
}

/// Reads the values of a placement file, each with its place in error messages.
struct PlacementReader {
  let path: String

  func fail(_ message: String, _ value: YAMLValue) -> PlannerError {
    PlannerError(.invalidFile, message, path: path, line: value.line)
  }

  /// The pairs of a mapping whose keys must be known.
  func pairs(
    _ value: YAMLValue, known: [String], of what: String
  ) throws(PlannerError) -> [(key: String, value: YAMLValue)] {
    guard let pairs = value.mapping else {
      throw fail("\(what) is \(value.kind), must be a mapping with \(known.joined(separator: ", "))", value)
    }
    var result: [(key: String, value: YAMLValue)] = []
    for (key, value) in pairs {
      guard let name = key.text, known.contains(name) else {
        let near = key.text.flatMap { nearestWord(to: $0, in: known) }
        throw fail(
          "\(key.kind) is no key of \(what); there are \(known.joined(separator: ", "))"
            + (near.map { " (the nearest is \($0))" } ?? ""), key)
      }
      result.append((name, value))
    }
    return result
  }

  /// Text that is not empty.
  func word(_ value: YAMLValue, for key: String) throws(PlannerError) -> String {
    guard let text = value.text, !text.isEmpty else {
      throw fail("\(key) is \(value.kind), must be a word", value)
    }
    return text
  }

  func count(_ value: YAMLValue, for key: String, most: Int) throws(PlannerError) -> Int {
    guard let count = value.integer, (1...most).contains(count) else {
      throw fail("\(key) is \(value.kind), must be a whole number within 1...\(most)", value)
    }
    return count
  }

  func devices(_ value: YAMLValue) throws(PlannerError) -> [DeviceID] {
    guard let values = value.sequence else {
      throw fail("devices is \(value.kind), must be a list: [cuda:0, cpu]", value)
    }
    var devices: [DeviceID] = []
    for value in values {
      let device = DeviceID(try word(value, for: "a device"))
      if devices.contains(device) { throw fail("\(device) is listed twice", value) }
      devices.append(device)
    }
    return devices
  }

  func rules(_ value: YAMLValue) throws(PlannerError) -> [PlacementFile.Rule] {
    guard let values = value.sequence else {
      throw fail("rules is \(value.kind), must be a list of rules, each with `match` and `device`", value)
    }
    guard values.count <= PlacementFile.mostRules else {
      throw fail("has \(values.count) rules; \(PlacementFile.mostRules) are allowed", value)
    }
    var rules: [PlacementFile.Rule] = []
    for value in values { rules.append(try rule(value)) }
    return rules
  }

  private func rule(_ value: YAMLValue) throws(PlannerError) -> PlacementFile.Rule {
    var subject: (PlacementFile.Subject, String)?
    var shares: [DeviceShare]?
    var weights = PlacementFile.Residence.resident
    var cut = PlacementFile.Cut.width
    let keys = ["match", "node", "device", "weights", "cut"]
    for (key, value) in try pairs(value, known: keys, of: "a rule") {
      switch key {
      case "cut":
        guard let word = value.text.flatMap(PlacementFile.Cut.init) else {
          throw fail("cut is \(value.kind), must be width or experts", value)
        }
        cut = word
      case "device": shares = try deviceShares(value)
      case "weights":
        guard let word = value.text.flatMap(PlacementFile.Residence.init) else {
          throw fail("weights is \(value.kind), must be resident or streamed", value)
        }
        weights = word
      default:
        if subject != nil { throw fail("has both match and node; write two rules", value) }
        let pattern = try word(value, for: key)
        do { _ = try RulePattern(pattern) } catch {
          throw fail("the expression \"\(pattern.prefix(80))\" \(error.message)", value)
        }
        subject = (PlacementFile.Subject(rawValue: key)!, pattern)
      }
    }
    guard let subject else { throw fail("a rule without `match`: give it an expression", value) }
    guard let shares else { throw fail("a rule without `device`: say where \(subject.1) runs", value) }
    return PlacementFile.Rule(subject.0, subject.1, shares, weights: weights, cut: cut, line: value.line)
  }

  /// `cuda:0`, or `{cuda:0: 0.6, cuda:1: 0.4}`, or with numbers of experts `{cuda:0: [0, 4-7], cpu: rest}`.
  private func deviceShares(_ value: YAMLValue) throws(PlannerError) -> [DeviceShare] {
    guard let pairs = value.mapping else {
      return [DeviceShare(DeviceID(try word(value, for: "device")))]
    }
    var shares: [DeviceShare] = []
    for (key, value) in pairs {
      let device = DeviceID(try word(key, for: "a device"))
      if let experts = try experts(value, of: device) {
        shares.append(DeviceShare(device, fraction: 0, experts: experts))
        continue
      }
      guard let fraction = value.number else {
        throw fail(
          "the share of \(device) is \(value.kind), must be a number such as 0.5, a list of experts such as"
            + " [0, 4-7], or rest", value)
      }
      shares.append(DeviceShare(device, fraction: fraction))
    }
    guard !shares.isEmpty else { throw fail("device names no device", value) }
    return shares
  }

  /// Numbers of experts: `[0, 4-7]`, or `rest`, which is empty; nil where it is neither.
  private func experts(_ value: YAMLValue, of device: DeviceID) throws(PlannerError) -> ExpertSet? {
    if value.text == "rest" { return ExpertSet([]) }
    guard let entries = value.sequence else { return nil }
    var numbers: Set<Int> = []
    for entry in entries {
      let ends = (entry.text ?? "").split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        first >= 0, last >= first, last < 1 << 20
      else {
        throw fail("\(device) is given \(entry.kind), must be numbers of experts such as 3 or 4-7", entry)
      }
      for number in first...last where !numbers.insert(number).inserted {
        throw fail("\(device) is given expert \(number) twice", entry)
      }
    }
    guard !numbers.isEmpty else { throw fail("\(device) is given no expert; leave it out", value) }
    return ExpertSet(numbers)
  }
}
