import SkeinGraph

/// Finds the fastest placement that fits: every subset of the devices, every strategy.
///
/// A pure function of the problem. Because what a strategy proposes for a set of devices does not depend on
/// the others, the best over all subsets of a fleet is never slower than the best over those of a part of it.
public struct Planner {
  let problem: PlanningProblem
  let costs: CostTables
  /// Refusals to remember for the report.
  private static let mostRejected = 64
  /// Runners-up in the report.
  private static let mostAlternatives = 5

  /// A planner of a problem.
  public init(_ problem: PlanningProblem) {
    self.problem = problem
    costs = CostTables(problem)
  }

  /// The fastest plan that fits, with what else was considered.
  ///
  /// - Throws: `PlannerError` where nothing fits.
  public func best() throws(PlannerError) -> PlanningResult {
    var search = Search()
    for devices in subsets() {
      if let bound = lowerBound(devices), bound > search.bestSeconds { continue }
      consider(devices, &search)
    }
    guard let best = search.priced.min(by: { $0.seconds < $1.seconds }) else {
      throw doesNotFit(search.rejected)
    }
    return PlanningResult(
      chosen: best, alternatives: alternatives(to: best, search), leftOut: leftOut(of: best, search),
      rejected: search.rejected)
  }

  /// What a search has found so far.
  private struct Search {
    var priced: [PricedPlacement] = []
    /// Candidates that are not the best, whose price is known without a plan.
    var slower: [Candidate] = []
    var rejected: [RejectedPlacement] = []
    var bestSeconds = Double.infinity
  }

  /// Prices what all strategies propose for a set of devices.
  private func consider(_ devices: [Int], _ search: inout Search) {
    var isProposed = false
    for strategy in strategies {
      for candidate in strategy.candidates(problem, costs, devices: devices) {
        isProposed = true
        if candidate.isExact, candidate.estimatedSeconds >= search.bestSeconds {
          search.slower.append(candidate)
          continue
        }
        do {
          let priced = try price(candidate)
          search.priced.append(priced)
          search.bestSeconds = min(search.bestSeconds, priced.seconds)
        } catch {
          reject(devices, error.description, &search)
        }
      }
    }
    if !isProposed { reject(devices, refusal(devices), &search) }
  }

  private func price(_ candidate: Candidate) throws(GraphError) -> PricedPlacement {
    let (plan, price) = try problem.price(candidate.placement)
    return PricedPlacement(
      placement: candidate.placement, plan: plan, price: price, strategy: candidate.strategy)
  }

  private func reject(_ devices: [Int], _ reason: String, _ search: inout Search) {
    guard search.rejected.count < Self.mostRejected else { return }
    search.rejected.append(
      RejectedPlacement(devices: devices.map { problem.fleet.devices[$0].id }, reason: reason))
  }

  /// Sets of devices, small ones first. Of devices that cannot be told apart, the first ones are taken.
  private func subsets() -> [[Int]] {
    let count = problem.fleet.devices.count
    let all = (1..<(1 << count)).map { bits in (0..<count).filter { bits >> $0 & 1 == 1 } }
    let distinct = all.filter { devices in
      devices.allSatisfy { device in
        // No device without the one of its kind before it.
        let earlier = (0..<device).last { costs.kinds[$0] == costs.kinds[device] }
        return earlier == nil || devices.contains(earlier!)
      }
    }
    let most = min(count, costs.layerCount)
    return distinct.filter { problem.usesAllDevices ? $0.count == most : $0.count <= most }
      .sorted { ($0.count, $0.lexicographic) < ($1.count, $1.lexicographic) }
  }

  /// Seconds below which no placement over these devices can be: all of them always busy, no copies, and each
  /// token written by the fastest of them that have room, or by all at once where they may share layers. Nil where experts may go to the device that suits
  /// them, since then a device's speed depends on what it is given.
  private func lowerBound(_ devices: [Int]) -> Double? {
    guard devices.count > 1 else { return nil }
    let evaluator = PipelineEvaluator(problem, costs, deviceCount: devices.count)
    let layers = costs.layerCount
    func seconds(_ phase: PipelineEvaluator.Phase, _ device: Int) -> Double {
      phase.loads.reduce(0) { $0 + costs.times(device: device, $1).seconds(0, layers, $1) }
    }
    let together = devices.reduce(0) { $0 + 1 / seconds(evaluator.prefill, $1) }
    var rest = 1.0
    var written = 0.0
    for device in devices.sorted(by: { seconds(evaluator.decode, $0) < seconds(evaluator.decode, $1) }) {
      let memory = costs.memory(device: device)
      let part = min(rest, Double(memory.available) / Double(max(memory.held[layers], 1)))
      written += part * seconds(evaluator.decode, device)
      rest -= part
    }
    if TensorSplit.applies(to: devices, problem) {
      written = 1 / devices.reduce(0) { $0 + 1 / seconds(evaluator.decode, $1) }
    }
    let request = problem.request
    return Double(request.concurrency) / together + Double(request.genTokens) * written
  }

  /// Why no strategy proposes anything for a set of devices.
  private func refusal(_ devices: [Int]) -> String {
    if devices.count > costs.layerCount { return "more devices than layers" }
    let needed = devices.map { costs.memory(device: $0).held[costs.layerCount] }.max() ?? 0
    let pools = Dictionary(grouping: devices) { problem.layouts[$0].memoryPool }
    let available = pools.values.reduce(0) { $0 + costs.memory(device: $1[0]).available }
    if needed > available {
      return
        "weights and cache take \(needed) bytes, the memory is \(available): it lacks \(needed - available)"
    }
    return "no cut at whole layers fits"
  }

  private func doesNotFit(_ rejected: [RejectedPlacement]) -> PlannerError {
    // The refusal of the largest set says most.
    let last = rejected.max { $0.devices.count < $1.devices.count }
    let names = problem.fleet.devices.map(\.id.name).joined(separator: ", ")
    return PlannerError(
      .doesNotFit, "the model does not fit on \(names): \(last?.reason ?? "there are no devices")")
  }

  /// The best of other sets of devices, and of other strategies over the same.
  private func alternatives(to best: PricedPlacement, _ search: Search) -> [PricedPlacement] {
    var seen: Set<[String]> = [best.key]
    let slower = search.slower.sorted { $0.estimatedSeconds < $1.estimatedSeconds }.prefix(
      Self.mostAlternatives)
    return (search.priced + slower.compactMap { try? price($0) }).sorted { $0.seconds < $1.seconds }
      .filter { seen.insert($0.key).inserted }.prefix(Self.mostAlternatives).map { $0 }
  }

  /// For each device that is not used, what using it would cost, and why.
  private func leftOut(of best: PricedPlacement, _ search: Search) -> [LeftOutDevice] {
    let used = Set(best.placement.devices)
    return problem.fleet.devices.indices.filter { !used.contains(problem.fleet.devices[$0].id) }.map {
      device in
      var all = problem.fleet.devices.indices.filter { used.contains(problem.fleet.devices[$0].id) }
      all = (all + [device]).sorted()
      var extended = Search()
      consider(all, &extended)
      let with = extended.priced.min { $0.seconds < $1.seconds }
      return LeftOutDevice(
        device: problem.fleet.devices[device].id,
        costShare: with.map { $0.seconds / best.seconds - 1 },
        reason: with.map { reason(device, $0, best) } ?? extended.rejected.first?.reason ?? "")
    }
  }

  /// What makes a plan with one more device slower.
  private func reason(_ device: Int, _ with: PricedPlacement, _ best: PricedPlacement) -> String {
    let profile = problem.fleet.devices[device]
    guard let place = with.placement.devices.firstIndex(of: profile.id) else { return "" }
    let copies = with.price.decode.devices.indices.reduce(0.0) { total, index in
      let touches = with.price.decode.links.contains {
        $0.destination == index && ($0.source == place || index == place)
      }
      return total + (touches ? with.price.decode.devices[index].copySeconds : 0)
    }
    let lost = with.price.decode.seconds - best.price.decode.seconds
    if lost > 0, copies > lost / 2 {
      let slowest = with.price.decode.links.filter { $0.source == place || $0.destination == place }
        .map { link in
          costs.links[index(of: with.placement.devices[link.source])][
            index(of: with.placement.devices[link.destination])]
        }.min { $0.bytesPerSecond < $1.bytesPerSecond }
      if let slowest {
        return
          "the link to it is \(Figures.rate(slowest.bytesPerSecond)), \(Figures.time(slowest.latencySeconds))"
      }
    }
    let (load, layers) = (
      PassLoad(tokens: 1, outputs: 1, position: problem.request.promptTokens), costs.layerCount
    )
    let mine = costs.times(device: device, load).seconds(0, layers, load)
    let others = best.placement.devices.map {
      costs.times(device: index(of: $0), load).seconds(0, layers, load)
    }
    if let fastest = others.min(), mine > fastest * 1.02 {
      return
        "it writes at \(Figures.percent(fastest / mine)) of the speed of \(best.placement.devices[others.firstIndex(of: fastest)!])"
    }
    return "handing over costs more than it computes"
  }

  private func index(of id: DeviceID) -> Int { problem.fleet.devices.firstIndex { $0.id == id } ?? 0 }
}

extension Array<Int> {
  /// For sorting: the elements as one comparable value.
  fileprivate var lexicographic: String { map { String(UnicodeScalar(UInt8(65 + $0 % 64))) }.joined() }
}
