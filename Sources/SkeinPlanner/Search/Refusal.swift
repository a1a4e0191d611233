import SkeinGraph

/// A placement that does not fit: what lacks where, and the ladder of what would help.
public struct Refusal: Sendable, CustomStringConvertible {
  /// The placement that was refused.
  public var placement: Placement
  /// The memory that it lacks, by pool.
  public var shortages: [MemoryShortage]
  /// What it would take if it fitted: what remedies are compared with.
  public var original: PlanPrice
  /// What would help, from what costs least to what changes most. None is combined with another.
  public var remedies: [Remedy]
  /// What was refused, for the first line.
  public var subject: String

  /// What lacks where on the first line, then a remedy a line.
  public var description: String {
    let lacks = shortages.map {
      "\($0.place) needs \($0.neededBytes) bytes and has \($0.availableBytes):"
        + " it lacks \($0.neededBytes - $0.availableBytes)"
    }
    let speed =
      "If it fitted: prefill \(Figures.speed(original.prefillTokensPerSecond)),"
      + " decode \(Figures.speed(original.decodeTokensPerSecond)) tokens/s. What would help, and at what cost:"
    return (["\(subject): \(lacks.joined(separator: "; "))", speed] + remedies.map { "  - \($0)" })
      .joined(separator: "\n")
  }

  /// The refusal as an error.
  public var error: PlannerError { PlannerError(.doesNotFit, description) }
}

extension PlanningProblem {
  /// What lacks where and what would help, for a placement; nil where it fits.
  ///
  /// Rungs are evaluated on this placement: the planner does not search again.
  ///
  /// - Throws: `GraphError` where the placement cannot be lowered at all.
  public func refusal(
    of placement: Placement, subject: String = "the placement does not fit"
  ) throws(GraphError) -> Refusal? {
    let plan = try lower(placement)
    let shortages = plan.shortages(layouts(of: placement))
    if shortages.isEmpty { return nil }
    let original = plan.price(model, on: fleet, request: request)
    let search = RemedySearch(problem: self, placement: placement, shortages: shortages, original: original)
    return Refusal(
      placement: placement, shortages: shortages, original: original, remedies: search.ladder(),
      subject: subject)
  }

  /// The layouts of a placement's devices, in its order.
  func layouts(of placement: Placement) -> [any DeviceLayout] {
    placement.devices.compactMap { id in layouts.first { $0.id == id } }
  }
}

extension Planner {
  /// The fastest plan that fits.
  ///
  /// - Throws: `PlannerError` where nothing fits, with the ladder of what would help.
  public func bestOrRefusal() throws(PlannerError) -> PlanningResult {
    do {
      return try best()
    } catch {
      throw error.code == .doesNotFit ? refusal()?.error ?? error : error
    }
  }

  /// What lacks where and what would help, where nothing fits: told of the whole layers over all devices that
  /// lack least. Nil where that placement fits after all, which `best()` would have found.
  public func refusal() -> Refusal? {
    guard let pipeline = leastShort() else { return nil }
    let names = problem.fleet.devices.map(\.id.name).joined(separator: ", ")
    return try? problem.refusal(
      of: pipeline.placement(problem),
      subject: "the model does not fit on \(names). In the placement that comes nearest")
  }

  /// Runs of layers in the fleet's order that together lack the fewest bytes. Dynamic programming,
  /// O(devices * layers^2).
  private func leastShort() -> Pipeline? {
    let layers = costs.layerCount
    let stages = min(problem.fleet.devices.count, layers)
    guard stages > 0 else { return nil }
    let passes = problem.limits(deviceCount: stages).passesInFlight
    let pools = Dictionary(grouping: problem.layouts.prefix(stages), by: \.memoryPool)
    func lack(_ stage: Int, _ first: Int, _ end: Int) -> Double {
      let table = costs.memory(device: stage)
      // Devices of one memory each count on their part of it.
      let available = table.available / (pools[problem.layouts[stage].memoryPool]?.count ?? 1)
      let bytes = Double(max(table.bytes(first, end, passesInFlight: passes) - available, 0))
      // Of cuts that lack the same in sum, the one where no device lacks much.
      return bytes * (1 + bytes / Double(max(available, 1)) / 1e3)
    }
    var best = [Double](repeating: .infinity, count: layers + 1)
    best[0] = 0
    var starts: [[Int]] = []
    for stage in 0..<stages {
      var next = [Double](repeating: .infinity, count: layers + 1)
      var start = [Int](repeating: 0, count: layers + 1)
      for first in stage..<layers where best[first] < .infinity {
        for end in (first + 1)..<(layers - (stages - 1 - stage) + 1) {
          let total = best[first] + lack(stage, first, end)
          if total < next[end] { (next[end], start[end]) = (total, first) }
        }
      }
      best = next
      starts.append(start)
    }
    var ends = [Int](repeating: layers, count: stages)
    for stage in (1..<max(stages, 1)).reversed() { ends[stage - 1] = starts[stage][ends[stage]] }
    return Pipeline(devices: Array(0..<stages), ends: ends)
  }
}
