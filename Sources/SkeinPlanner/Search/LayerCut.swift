/// The best cuts of the layers for one order of devices, by dynamic programming.
struct LayerCut {
  private let evaluator: PipelineEvaluator
  private let order: [Int]
  let layerCount: Int
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

  /// The best cut, with the seconds of the request; nil where the layers do not fit.
  func best() -> (pipeline: Pipeline, seconds: Double)? {
    best(passes: Double(evaluator.prefill.loads.count - 1)) { ends in
      evaluator.seconds(Pipeline(devices: order, ends: ends))
    }.map { (Pipeline(devices: order, ends: $0.ends), $0.seconds) }
  }
}

extension LayerCut: StageCosts {
  var stageCount: Int { order.count }
  func mostEnd(_ stage: Int, _ first: Int) -> Int { stages[stage].mostEnd[first] }
  func pass(_ stage: Int, _ first: Int, _ end: Int) -> Double {
    stages[stage].passCopy[first] + stages[stage].pass[end] - stages[stage].pass[first]
  }
  func sum(_ stage: Int, _ first: Int, _ end: Int) -> Double {
    stages[stage].sumCopy[first] + stages[stage].sum[end] - stages[stage].sum[first]
  }
}
