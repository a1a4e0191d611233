import SkeinGraph

/// Cuts of the layers for one order of accelerators, where each stage sends the experts of as many of its last
/// layers to the host as do not fit.
struct ExpertCut: StageCosts {
  let order: [Int]
  let layerCount: Int
  private let evaluator: PipelineEvaluator
  private let experts: ExpertTables
  private let stages: [Stage]

  private struct Stage {
    var pass: [Double]
    var sum: [Double]
    var passCopy: [Double]
    var sumCopy: [Double]
    /// What sending a layer's experts to the host adds, for the layers before each.
    var passMoved: [Double]
    var sumMoved: [Double]
    /// Bytes that it saves, for the layers before each.
    var movedBytes: [Int]
    var memory: MemoryTable
    var reserved: Int
  }

  init(
    _ evaluator: PipelineEvaluator, _ experts: ExpertTables, order: [Int], host: Int, reserved: [Int]
  ) {
    self.evaluator = evaluator
    self.experts = experts
    self.order = order
    layerCount = evaluator.costs.layerCount
    let middle = evaluator.prefill.loads[(evaluator.prefill.loads.count - 1) / 2]
    let written = evaluator.decode.loads[0]
    let request = evaluator.problem.request
    let tokens = Double(request.genTokens * evaluator.decode.loads.count)
    let concurrency = Double(request.concurrency)
    stages = order.indices.map { index in
      let device = order[index]
      let costs = evaluator.costs
      let (passTable, writeTable) = (
        costs.times(device: device, middle), costs.times(device: device, written)
      )
      func copy(_ layer: Int, _ load: PassLoad) -> Double {
        guard index > 0, layer > 0 else { return 0 }
        return evaluator.copySeconds(from: order[index - 1], to: device, cut: layer, load)
      }
      func moved(_ load: PassLoad) -> [Double] {
        let (here, there) = (experts.seconds(device: device, load), experts.seconds(device: host, load))
        var sum = [0.0]
        for layer in 0..<costs.layerCount {
          let copies = experts.copySeconds(layer: layer, device: device, host: host, links: costs.links, load)
          sum.append(sum.last! + there[layer] + copies - here[layer])
        }
        return sum
      }
      let (passMoved, writeMoved) = (moved(middle), moved(written))
      let layers = 0...costs.layerCount
      return Stage(
        pass: layers.map { passTable.seconds(0, $0, middle) * concurrency },
        sum: layers.map {
          passTable.seconds(0, $0, middle) * concurrency + tokens * writeTable.seconds(0, $0, written)
        },
        passCopy: layers.map { copy($0, middle) * concurrency },
        sumCopy: layers.map { copy($0, middle) * concurrency + tokens * copy($0, written) },
        passMoved: passMoved.map { $0 * concurrency },
        sumMoved: layers.map { passMoved[$0] * concurrency + tokens * writeMoved[$0] },
        movedBytes: experts.bytes(device: device).reduce(into: [0]) { $0.append($0.last! + $1) },
        memory: costs.memory(device: device), reserved: reserved[index])
    }
  }

  var stageCount: Int { order.count }

  /// The first layer of a stage whose experts, and those of all after it there, are on the host; nil where the
  /// stage does not fit at all.
  private func firstMoved(_ stage: Int, _ first: Int, _ end: Int) -> Int? {
    let s = stages[stage]
    let bytes = s.memory.bytes(first, end, passesInFlight: evaluator.passesInFlight) + s.reserved
    let excess = bytes - s.memory.available
    if excess <= 0 { return end }
    return (first..<end).last { s.movedBytes[end] - s.movedBytes[$0] >= excess }
  }

  /// The layers of a stage whose experts are on the host.
  func offloaded(_ stage: Int, _ first: Int, _ end: Int) -> [Int] {
    let moved = firstMoved(stage, first, end) ?? first
    return (moved..<end).filter { !experts.nodes[$0].isEmpty }
  }

  func mostEnd(_ stage: Int, _ first: Int) -> Int {
    guard first >= stage, stage > 0 || first == 0 else { return first }
    let last = layerCount - (stageCount - 1 - stage)
    var end = first
    while end < last, firstMoved(stage, first, end + 1) != nil { end += 1 }
    return end
  }

  func pass(_ stage: Int, _ first: Int, _ end: Int) -> Double {
    let s = stages[stage]
    let moved = firstMoved(stage, first, end) ?? first
    return s.passCopy[first] + s.pass[end] - s.pass[first] + s.passMoved[end] - s.passMoved[moved]
  }

  func sum(_ stage: Int, _ first: Int, _ end: Int) -> Double {
    let s = stages[stage]
    let moved = firstMoved(stage, first, end) ?? first
    return s.sumCopy[first] + s.sum[end] - s.sum[first] + s.sumMoved[end] - s.sumMoved[moved]
  }

  /// About the seconds of the request: every stage's own time as if nothing overlapped but passes.
  func seconds(_ ends: [Int]) -> Double {
    var total = 0.0
    var longest = 0.0
    for stage in ends.indices {
      let first = stage == 0 ? 0 : ends[stage - 1]
      total += sum(stage, first, ends[stage])
      longest = max(longest, pass(stage, first, ends[stage]))
    }
    return total + Double(evaluator.prefill.loads.count - 1) * longest
  }
}
