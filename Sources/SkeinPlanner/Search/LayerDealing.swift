/// Deals layers to devices by speed, in one run each or in several rounds.
package enum LayerDealing {
  /// Deals `costs` to parts in as many rounds as keep the longest part within 3% of the best single round;
  /// returns the part of each.
  package static func dealtSplit(of costs: [Double], speeds: [Double], mostRounds: Int) -> [Int] {
    let single = contiguousSplit(of: costs, speeds: speeds, into: speeds.count)
    let bound = longestSeconds(costs, single, speeds) * 1.03
    for rounds in stride(from: min(mostRounds, costs.count / speeds.count), to: 1, by: -1) {
      let parts = deal(costs, speeds: speeds, rounds: rounds)
      if longestSeconds(costs, parts, speeds) <= bound { return parts }
    }
    return single
  }

  /// How long the slowest part takes.
  private static func longestSeconds(_ costs: [Double], _ parts: [Int], _ speeds: [Double]) -> Double {
    var seconds = [Double](repeating: 0, count: speeds.count)
    for (cost, part) in zip(costs, parts) { seconds[part] += cost / speeds[part] }
    return seconds.max() ?? 0
  }

  /// Deals in rounds of about equal cost. In each round every part takes costs until all it has so far is as
  /// near as can be to its share of all that was dealt.
  private static func deal(_ costs: [Double], speeds: [Double], rounds: Int) -> [Int] {
    let total = costs.reduce(0, +)
    let speedSum = speeds.reduce(0, +)
    var parts: [Int] = []
    var has = [Double](repeating: 0, count: speeds.count)
    var dealt = 0.0
    for round in 1...rounds {
      let end = round == rounds ? .infinity : total * Double(round) / Double(rounds)
      for part in speeds.indices {
        let share = min(end, total) * speeds[part] / speedSum
        let isLast = part == speeds.count - 1
        while parts.count < costs.count {
          let cost = costs[parts.count]
          let wants = isLast ? dealt + cost / 2 < end : has[part] + cost / 2 <= share
          guard wants else { break }
          parts.append(part)
          has[part] += cost
          dealt += cost
        }
      }
    }
    return parts
  }

  /// Cuts `costs` into `parts` runs, none empty, so that the run that takes longest, its cost divided by the
  /// speed of its part, takes as short as can be; returns the run of each. Dynamic programming,
  /// O(parts * count^2).
  package static func contiguousSplit(of costs: [Double], speeds: [Double], into parts: Int) -> [Int] {
    let count = costs.count
    var prefix = [0.0]
    for cost in costs { prefix.append(prefix.last! + cost) }
    // best[p][n]: the longest run of the best cut of the first n costs into p + 1 runs.
    var best = [(0...count).map { prefix[$0] / speeds[0] }]
    var cut = [[Int](repeating: 0, count: count + 1)]
    for part in 1..<max(parts, 1) {
      var row = [Double](repeating: .infinity, count: count + 1)
      var cuts = [Int](repeating: 0, count: count + 1)
      for end in (part + 1)..<(count + 1) {
        for start in part..<end {
          let longest = max(best[part - 1][start], (prefix[end] - prefix[start]) / speeds[part])
          if longest < row[end] { (row[end], cuts[end]) = (longest, start) }
        }
      }
      best.append(row)
      cut.append(cuts)
    }
    var runs = [Int](repeating: 0, count: count)
    var end = count
    for part in stride(from: parts - 1, through: 0, by: -1) {
      let start = part == 0 ? 0 : cut[part][end]
      for index in start..<end { runs[index] = part }
      end = start
    }
    return runs
  }
}
