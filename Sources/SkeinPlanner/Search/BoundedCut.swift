/// What runs of layers cost as stages of a pipeline, for finding the best cut.
protocol StageCosts {
  var stageCount: Int { get }
  var layerCount: Int { get }
  /// The last end of a stage that begins with layer `first`, so that it fits and each later stage has a layer;
  /// at most `first` where there is none.
  func mostEnd(_ stage: Int, _ first: Int) -> Int
  /// Seconds of a stage of the layers `first ..< end` in a pass of the prompt.
  func pass(_ stage: Int, _ first: Int, _ end: Int) -> Double
  /// Seconds of such a stage in all that is added up: a pass of the prompt, and all that is written.
  func sum(_ stage: Int, _ first: Int, _ end: Int) -> Double
}

extension StageCosts {
  /// The least time of the slowest stage that any cut has; nil where the layers do not fit. Dynamic programming,
  /// O(stages * layers^2).
  func leastBound() -> Double? {
    var best = [Double](repeating: .infinity, count: layerCount + 1)
    best[0] = 0
    for stage in 0..<stageCount {
      var next = [Double](repeating: .infinity, count: layerCount + 1)
      for first in stage..<max(layerCount, stage) where best[first] < .infinity {
        for end in (first + 1)..<max(mostEnd(stage, first) + 1, first + 1) {
          next[end] = min(next[end], max(best[first], pass(stage, first, end)))
        }
      }
      best = next
    }
    return best[layerCount] < .infinity ? best[layerCount] : nil
  }

  /// The ends of the stages of the cut with the least sum, no stage of which takes longer than `bound` in a pass.
  func cut(bound: Double) -> [Int]? {
    var best = [Double](repeating: .infinity, count: layerCount + 1)
    best[0] = 0
    var starts: [[Int]] = []
    for stage in 0..<stageCount {
      var next = [Double](repeating: .infinity, count: layerCount + 1)
      var start = [Int](repeating: 0, count: layerCount + 1)
      for first in stage..<max(layerCount, stage) where best[first] < .infinity {
        for end in (first + 1)..<max(mostEnd(stage, first) + 1, first + 1) {
          if pass(stage, first, end) > bound { continue }
          let total = best[first] + sum(stage, first, end)
          if total < next[end] { (next[end], start[end]) = (total, first) }
        }
      }
      best = next
      starts.append(start)
    }
    guard best[layerCount] < .infinity else { return nil }
    var ends = [Int](repeating: layerCount, count: stageCount)
    for stage in (1..<max(stageCount, 1)).reversed() { ends[stage - 1] = starts[stage][ends[stage]] }
    return ends
  }

  /// The best of the cuts for several bounds on the slowest stage, by the seconds that `price` gives.
  ///
  /// - Parameter passes: how often the slowest stage counts beside the sum.
  func best(passes: Double, price: ([Int]) -> Double) -> (ends: [Int], seconds: Double)? {
    guard let least = leastBound() else { return nil }
    var best: (ends: [Int], seconds: Double)?
    var former: [Int]?
    for factor in [1, 1.01, 1.03, 1.06, 1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30, .infinity] {
      let bound = least * factor * (1 + 1e-12)
      // A looser bound can only pay by what it adds to the slowest stage.
      if let best, factor.isFinite, passes * bound > best.seconds { continue }
      guard let ends = cut(bound: bound), ends != former else { continue }
      former = ends
      let seconds = price(ends)
      if best == nil || seconds < best!.seconds { best = (ends, seconds) }
    }
    return best
  }
}
