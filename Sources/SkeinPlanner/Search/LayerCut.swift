/// The best cuts of the layers for one order of devices, by dynamic programming.
struct LayerCut {
  private let evaluator: PipelineEvaluator
  private let order: [Int]
  private let layerCount: Int
  private let stages: [Stage]

  /// What the layers cost in one stage, so that those of `first ..< end` cost a difference.
  private struct Stage {
    /// Seconds, in a pass in the middle of the prompt, of the layers before each.
    var pass: [Double]
    /// The same for all that is added up: a pass of the prompt, and all that is written.
    var sum: [Double]
    /// Seconds of fetching what crosses the cut before each layer, for a pass and in the sum.
    var passCopy: [Double]
    var sumCopy: [Double]
    /// For each first layer, the last end that fits.
    var mostEnd: [Int]
  }

  init(_ evaluator: PipelineEvaluator, _ order: [Int]) {
    self.evaluator = evaluator
    self.order = order
    layerCount = evaluator.costs.layerCount
    stages = order.indices.map { LayerCut.stage($0, order, evaluator) }
  }

  private static func stage(_ index: Int, _ order: [Int], _ evaluator: PipelineEvaluator) -> Stage {
    let count = evaluator.costs.layerCount
    let device = order[index]
    let middle = evaluator.prefill.loads[(evaluator.prefill.loads.count - 1) / 2]
    let written = evaluator.decode.loads[0]
    let request = evaluator.problem.request
    let tokens = Double(request.genTokens * evaluator.decode.loads.count)
    let concurrency = Double(request.concurrency)
    let passTable = evaluator.costs.times(device: device, middle)
    let writeTable = evaluator.costs.times(device: device, written)
    var stage = Stage(pass: [], sum: [], passCopy: [], sumCopy: [], mostEnd: [])
    // Each later stage needs a layer of its own.
    let last = count - (order.count - 1 - index)
    var end = 0
    for layer in 0...count {
      let pass = passTable.seconds(0, layer, middle) * concurrency
      stage.pass.append(pass)
      stage.sum.append(pass + tokens * writeTable.seconds(0, layer, written))
      let copies = index > 0 && layer > 0
      func copy(_ load: PassLoad) -> Double {
        copies ? evaluator.copySeconds(from: order[index - 1], to: device, cut: layer, load) : 0
      }
      stage.passCopy.append(copy(middle) * concurrency)
      stage.sumCopy.append(copy(middle) * concurrency + tokens * copy(written))
      guard layer < count else { break }
      // The more layers, the more bytes, and the last layer brings the head.
      end = max(end, layer)
      while end < last, evaluator.fits(device, layer..<end + 1) { end += 1 }
      stage.mostEnd.append(end)
    }
    return stage
  }

  /// The best of the cuts for several bounds on the slowest stage, with the seconds of the request; nil where
  /// the layers do not fit.
  func best() -> (pipeline: Pipeline, seconds: Double)? {
    guard let least = leastBound() else { return nil }
    let passes = Double(evaluator.prefill.loads.count - 1)
    var best: (pipeline: Pipeline, seconds: Double)?
    var former: Pipeline?
    for factor in [1, 1.01, 1.03, 1.06, 1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30, .infinity] {
      let bound = least * factor * (1 + 1e-12)
      // A looser bound can only pay by what it adds to the slowest stage.
      if let best, factor.isFinite, passes * bound > best.seconds { continue }
      guard let pipeline = cut(bound: bound), pipeline != former else { continue }
      former = pipeline
      let seconds = evaluator.seconds(pipeline)
      if best == nil || seconds < best!.seconds { best = (pipeline, seconds) }
    }
    return best
  }

  /// The least time of the slowest stage that any cut has.
  private func leastBound() -> Double? {
    var best = [Double](repeating: .infinity, count: layerCount + 1)
    best[0] = 0
    for (index, stage) in stages.enumerated() {
      var next = [Double](repeating: .infinity, count: layerCount + 1)
      for first in index..<max(layerCount, index)
      where best[first] < .infinity && stage.mostEnd[first] > first {
        for end in (first + 1)...stage.mostEnd[first] {
          let seconds = stage.passCopy[first] + stage.pass[end] - stage.pass[first]
          next[end] = min(next[end], max(best[first], seconds))
        }
      }
      best = next
    }
    return best[layerCount] < .infinity ? best[layerCount] : nil
  }

  /// The cut of the least sum, no stage of which takes longer than `bound`.
  private func cut(bound: Double) -> Pipeline? {
    var best = [Double](repeating: .infinity, count: layerCount + 1)
    best[0] = 0
    var starts: [[Int]] = []
    for (index, stage) in stages.enumerated() {
      var next = [Double](repeating: .infinity, count: layerCount + 1)
      var start = [Int](repeating: 0, count: layerCount + 1)
      for first in index..<max(layerCount, index)
      where best[first] < .infinity && stage.mostEnd[first] > first {
        for end in (first + 1)...stage.mostEnd[first] {
          if stage.passCopy[first] + stage.pass[end] - stage.pass[first] > bound { break }
          let total = best[first] + stage.sumCopy[first] + stage.sum[end] - stage.sum[first]
          if total < next[end] { (next[end], start[end]) = (total, first) }
        }
      }
      best = next
      starts.append(start)
    }
    guard best[layerCount] < .infinity else { return nil }
    var ends = [Int](repeating: layerCount, count: order.count)
    for stage in order.indices.reversed().dropLast() { ends[stage - 1] = starts[stage][ends[stage]] }
    return Pipeline(devices: order, ends: ends)
  }
}
