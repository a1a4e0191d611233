/// Regular expressions for sets of layers that people can read: `[0-9]|1[0-4]` for 0 to 14.
enum LayerRanges {
  /// An expression for exactly these numbers, in parentheses where it has several parts.
  static func expression(_ numbers: some Sequence<Int>) -> String {
    let byLength = Dictionary(grouping: Set(numbers).map { Array(String($0)) }, by: \.count)
    let parts = byLength.sorted { $0.key < $1.key }.flatMap { alternatives(Set($0.value)) }
    return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: "|") + ")"
  }

  /// Alternatives for words of digits of one length: first digits that go with the same rests share one.
  private static func alternatives(_ words: Set<[Character]>) -> [String] {
    guard let length = words.first?.count, length > 0 else { return [""] }
    var rests: [Character: Set<[Character]>] = [:]
    for word in words { rests[word[0], default: []].insert(Array(word.dropFirst())) }
    var groups: [(digits: [Character], rest: Set<[Character]>)] = []
    for (digit, rest) in rests.sorted(by: { $0.key < $1.key }) {
      if let same = groups.firstIndex(where: { $0.rest == rest }) {
        groups[same].digits.append(digit)
      } else {
        groups.append(([digit], rest))
      }
    }
    return groups.flatMap { group in alternatives(group.rest).map { digitClass(group.digits) + $0 } }
  }

  /// `[0-35]` for 0, 1, 2, 3 and 5.
  private static func digitClass(_ digits: [Character]) -> String {
    if digits.count == 1 { return String(digits[0]) }
    let values = digits.map { Int(String($0))! }
    var result = ""
    var start = 0
    while start < values.count {
      var end = start
      while end + 1 < values.count, values[end + 1] == values[end] + 1 { end += 1 }
      result += "\(values[start])"
      if end > start { result += (end > start + 1 ? "-" : "") + "\(values[end])" }
      start = end + 1
    }
    return "[" + result + "]"
  }

  /// `0 to 9 and 12` for messages.
  static func words(_ numbers: some Sequence<Int>) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in Set(numbers).sorted() {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    let parts = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
    return parts.count > 1 ? parts.dropLast().joined(separator: ", ") + " and " + parts.last! : parts.joined()
  }
}
