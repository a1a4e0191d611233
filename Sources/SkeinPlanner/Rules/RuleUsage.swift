import SkeinGraph
import SkeinTensor

/// What became of rules: which names each would take, and which it got.
struct RuleUsage {
  /// A rule as a reader of the file sees it.
  struct Rule {
    /// What it is called in messages: `"^model\.layers"`.
    var name: String
    var line: Int?
  }
  private struct Count {
    var matched = 0
    var taken = 0
    var takers: Set<Int> = []
  }
  private let rules: [Rule]
  private var counts: [Count]

  init(_ rules: [Rule]) {
    self.rules = rules
    counts = [Count](repeating: Count(), count: rules.count)
  }

  /// Notes the rules that match one thing, in the order of their say; returns the one that takes it.
  mutating func note(_ matching: [Int]) -> Int? {
    guard let first = matching.first else { return nil }
    for rule in matching {
      counts[rule].matched += 1
      if rule == first { counts[rule].taken += 1 } else { counts[rule].takers.insert(first) }
    }
    return first
  }

  /// Whether a rule matched anything.
  func isMatching(_ rule: Int) -> Bool { counts[rule].matched > 0 }

  /// A finding for each rule that does nothing.
  ///
  /// - Parameters:
  ///   - some: the rules to look at; nil for all.
  ///   - hint: for a rule that matches nothing, what to do about it.
  func findings(of some: [Int]? = nil, hint: (Int) -> String) -> [Finding] {
    (some ?? Array(rules.indices)).compactMap { index in
      let (rule, count) = (rules[index], counts[index])
      if count.matched == 0 {
        return Finding(
          .warning, "\(rule.name) matches nothing in this model: \(hint(index))", line: rule.line)
      }
      guard count.taken == 0 else { return nil }
      let takers = count.takers.sorted().map { taker in
        rules[taker].name + (rules[taker].line.map { " (line \($0))" } ?? "")
      }
      let named = takers.prefix(4).joined(separator: ", ") + (takers.count > 4 ? " and others" : "")
      return Finding(
        .warning,
        "\(rule.name) does nothing: all it matches is taken by \(named). Put it first, or leave it out",
        line: rule.line)
    }
  }
}

/// Finds devices that do not exist, and remembers the order in which devices are named.
struct DeviceMentions {
  private(set) var order: [DeviceID] = []
  private var seen: [DeviceID: Int?] = [:]

  /// Notes that a device is named in a line.
  mutating func note(_ device: DeviceID, line: Int?) {
    guard seen.updateValue(seen[device] ?? line, forKey: device) == nil else { return }
    order.append(device)
  }

  /// A finding for each device that is not among `known`, where that is given.
  func findings(known: [DeviceID]?) -> [Finding] {
    guard let known else { return [] }
    return order.filter { !known.contains($0) }.map { device in
      let near = nearestWord(to: device.name, in: known.map(\.name))
      let others = known.map(\.name).joined(separator: ", ")
      return Finding(
        .error,
        "there is no device \"\(device.name.prefix(60))\"; there are \(others.isEmpty ? "none" : others)"
          + (near.map { " (the nearest is \($0))" } ?? ""), line: seen[device] ?? nil)
    }
  }
}

extension [Finding] {
  /// In the order of the file; what is about no line comes last.
  func byLine() -> [Finding] {
    enumerated().sorted {
      ($0.element.line ?? .max, $0.offset) < ($1.element.line ?? .max, $1.offset)
    }.map(\.element)
  }
}
