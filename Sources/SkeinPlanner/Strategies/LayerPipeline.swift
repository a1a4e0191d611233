import SkeinGraph

/// One run of whole layers a device.
///
/// For an order of devices the cut is found by dynamic programming. With t_i the time of stage i in a pass of
/// the prompt, d_i its time in a pass that writes, n passes and g tokens, a request takes about
///
///     sum t_i + (n - 1) max t_i + g sum d_i
///
/// which for a given bound on max t_i is a sum over stages, and so exact to minimize; a few bounds are tried,
/// beginning with the least that is possible. The best cuts are then improved by moving single layers and by
/// swapping devices, under the exact time of the pipeline. Orders are all tried for up to four devices, and
/// from the fastest to the slowest, then improved, for more.
struct LayerPipeline: Strategy {
  let name = "layers"

  /// Sizes up to which every order is tried.
  private static let exhaustiveCount = 4
  /// Orders whose cuts are improved.
  private static let improvedCount = 4

  func candidates(_ problem: PlanningProblem, _ costs: CostTables, devices: [Int]) -> [Candidate] {
    guard devices.count <= costs.layerCount else { return [] }
    let evaluator = PipelineEvaluator(problem, costs, deviceCount: devices.count)
    let cut = orders(devices, evaluator).compactMap { LayerCut(evaluator, $0).best() }
    var best: (pipeline: Pipeline, seconds: Double)?
    for start in cut.sorted(by: { $0.seconds < $1.seconds }).prefix(Self.improvedCount) {
      let improved = improve(start, evaluator)
      if best == nil || improved.seconds < best!.seconds { best = improved }
    }
    guard let best else { return [] }
    // Devices of one memory slow each other, which only the walk knows.
    let pools = Set(devices.map { problem.fleet.devices[$0].memoryPool })
    return [
      Candidate(
        placement: best.pipeline.placement(problem), estimatedSeconds: best.seconds,
        isExact: pools.count == devices.count, strategy: name)
    ]
  }

  /// Orders to begin with; devices that cannot be told apart keep theirs.
  private func orders(_ devices: [Int], _ evaluator: PipelineEvaluator) -> [[Int]] {
    if devices.count <= Self.exhaustiveCount {
      let kinds = evaluator.costs.kinds
      var seen: Set<[Int]> = []
      return permutations(devices).filter { order in
        seen.insert(order.map { kinds[$0] }).inserted
      }
    }
    let load = evaluator.prefill.loads[0]
    func speed(_ device: Int) -> Double {
      evaluator.costs.times(device: device, load).seconds(0, evaluator.costs.layerCount, load)
    }
    let bySpeed = devices.sorted { (speed($0), $0) < (speed($1), $1) }
    return [bySpeed, bySpeed.reversed(), linkChain(devices, evaluator, from: bySpeed[0])]
  }

  /// From a device always on to the one that its link reaches fastest.
  private func linkChain(_ devices: [Int], _ evaluator: PipelineEvaluator, from first: Int) -> [Int] {
    var chain = [first]
    var rest = devices.filter { $0 != first }
    while !rest.isEmpty {
      let next = rest.max {
        let links = evaluator.costs.links[chain.last!]
        let (a, b) = (links[$0], links[$1])
        return (a.bytesPerSecond, -a.latencySeconds) < (b.bytesPerSecond, -b.latencySeconds)
      }!
      chain.append(next)
      rest.removeAll { $0 == next }
    }
    return chain
  }

  /// Moves layers to neighbours and swaps devices as long as the request gets faster.
  private func improve(
    _ start: (pipeline: Pipeline, seconds: Double), _ evaluator: PipelineEvaluator
  ) -> (pipeline: Pipeline, seconds: Double) {
    var (best, bestSeconds) = start
    for _ in 0..<200 {
      var next: (pipeline: Pipeline, seconds: Double)?
      for neighbour in neighbours(of: best) where evaluator.fits(neighbour) {
        let seconds = evaluator.seconds(neighbour)
        if seconds < (next?.seconds ?? bestSeconds) * (1 - 1e-12) { next = (neighbour, seconds) }
      }
      guard let next else { break }
      (best, bestSeconds) = next
    }
    return (best, bestSeconds)
  }

  private func neighbours(of pipeline: Pipeline) -> [Pipeline] {
    var result: [Pipeline] = []
    let count = pipeline.devices.count
    // One stage gives a layer to any other: what lies between moves along.
    for giver in 0..<count where pipeline.layers(of: giver).count > 1 {
      for taker in 0..<count where taker != giver {
        var changed = pipeline
        let between = giver < taker ? giver..<taker : taker..<giver
        for stage in between { changed.ends[stage] += giver < taker ? -1 : 1 }
        result.append(changed)
      }
    }
    for first in 0..<count {
      for second in (first + 1)..<max(count, first + 1) {
        var changed = pipeline
        changed.devices.swapAt(first, second)
        result.append(changed)
        // With its layers, too.
        var counts = (0..<count).map { pipeline.layers(of: $0).count }
        counts.swapAt(first, second)
        var end = 0
        changed.ends = counts.map { count in
          end += count
          return end
        }
        result.append(changed)
      }
    }
    return result
  }
}

/// All orders of a few things.
func permutations(_ items: [Int]) -> [[Int]] {
  guard let first = items.first else { return [[]] }
  return permutations(Array(items.dropFirst())).flatMap { rest in
    (0...rest.count).map { place in Array(rest[..<place]) + [first] + Array(rest[place...]) }
  }
}
