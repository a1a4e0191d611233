import SkeinGraph

/// A pipeline of layers: the stages in order, each a device with a run of layers.
struct Pipeline: Hashable {
  /// Places in the fleet, in the order of the layers.
  var devices: [Int]
  /// `ends[i]`: the layer after the last of stage i; the last is the number of layers.
  var ends: [Int]

  /// The layers of a stage.
  func layers(of stage: Int) -> Range<Int> { (stage == 0 ? 0 : ends[stage - 1])..<ends[stage] }

  /// The table of shares.
  func placement(_ problem: PlanningProblem) -> Placement {
    let graph = problem.model.graph
    let shares = graph.nodes.map { node in
      let layer = CostTables.layer(of: node, in: graph)
      return [Share(device: ends.firstIndex { layer < $0 } ?? ends.count - 1, fraction: 1)]
    }
    return Placement(devices: devices.map { problem.fleet.devices[$0].id }, shares: shares)
  }
}

/// The time of a request on a pipeline of layers, without a plan.
///
/// It is what a walk over the plan would find (a test holds the two against each other): stage i does pass j
/// when it has done pass j - 1, when stage i - 1 has done pass j, and when pass j - d is done, d being the
/// passes in flight.
struct PipelineEvaluator {
  let problem: PlanningProblem
  let costs: CostTables
  let prefill: Phase
  let decode: Phase
  let passesInFlight: Int

  /// Passes that follow each other, sorted into shapes.
  struct Phase {
    /// All passes.
    var loads: [PassLoad]
    /// A pass of each shape.
    var shapes: [PassLoad]
    /// For each pass its shape.
    var shapeOf: [Int]
    /// For each pass and window, positions seen.
    var seen: [Double]

    init(_ loads: [PassLoad], windows: [Int]) {
      self.loads = loads
      shapes = []
      shapeOf = []
      for load in loads {
        let place = shapes.firstIndex {
          $0.tokens == load.tokens && $0.outputs == load.outputs && $0.sequences == load.sequences
        }
        shapeOf.append(place ?? shapes.count)
        if place == nil { shapes.append(load) }
      }
      seen = loads.flatMap { load in windows.map { load.seen(window: $0) } }
    }
  }

  init(_ problem: PlanningProblem, _ costs: CostTables, deviceCount: Int) {
    self.problem = problem
    self.costs = costs
    let limits = problem.limits(deviceCount: deviceCount)
    passesInFlight = limits.passesInFlight
    // The passes depend on the number of stages only.
    let shape = Plan.Shape(deviceCount: deviceCount, mostWaits: deviceCount > 1 ? 1 : 0, limits: limits)
    prefill = Phase(
      shape.prefillLoads(promptTokens: problem.request.promptTokens), windows: costs.windows)
    decode = Phase(shape.decodeLoads(problem.request), windows: costs.windows)
  }

  /// Seconds of the request.
  func seconds(_ pipeline: Pipeline) -> Double {
    Double(problem.request.concurrency) * seconds(pipeline, prefill)
      + Double(problem.request.genTokens) * seconds(pipeline, decode)
  }

  /// Seconds of a phase.
  func seconds(_ pipeline: Pipeline, _ phase: Phase) -> Double {
    let stages = pipeline.devices.count
    let windows = costs.windows.count
    // For each shape and stage: seconds whatever the position, then for each window those of a position.
    let width = 1 + windows
    var prices = [Double](repeating: 0, count: phase.shapes.count * stages * width)
    for (shape, load) in phase.shapes.enumerated() {
      for stage in 0..<stages {
        let layers = pipeline.layers(of: stage)
        let table = costs.times(device: pipeline.devices[stage], load)
        let place = (shape * stages + stage) * width
        prices[place] = table.fixed[layers.upperBound] - table.fixed[layers.lowerBound]
        if stage > 0 { prices[place] += copySeconds(pipeline, stage, load) }
        for window in 0..<windows {
          prices[place + 1 + window] =
            table.perPosition[window][layers.upperBound] - table.perPosition[window][layers.lowerBound]
        }
      }
    }
    var stageDone = [Double](repeating: 0, count: stages)
    var passDone = [Double](repeating: 0, count: phase.loads.count)
    for pass in phase.loads.indices {
      var ready = pass >= passesInFlight ? passDone[pass - passesInFlight] : 0
      var place = phase.shapeOf[pass] * stages * width
      for stage in 0..<stages {
        var seconds = prices[place]
        for window in 0..<windows {
          seconds += prices[place + 1 + window] * phase.seen[pass * windows + window]
        }
        ready = max(ready, stageDone[stage]) + seconds
        stageDone[stage] = ready
        place += width
      }
      passDone[pass] = ready
    }
    return passDone.last ?? 0
  }

  private func copySeconds(_ pipeline: Pipeline, _ stage: Int, _ load: PassLoad) -> Double {
    copySeconds(
      from: pipeline.devices[stage - 1], to: pipeline.devices[stage],
      cut: pipeline.layers(of: stage).lowerBound, load)
  }

  /// Seconds of fetching what crosses a cut.
  func copySeconds(from source: Int, to device: Int, cut: Int, _ load: PassLoad) -> Double {
    let rate = costs.links[source][device]
    return rate.latencySeconds + costs.cutBytesPerToken[cut] * Double(load.tokens) / rate.bytesPerSecond
  }

  /// Whether every stage fits its device.
  func fits(_ pipeline: Pipeline) -> Bool {
    pipeline.devices.indices.allSatisfy { stage in
      fits(pipeline.devices[stage], pipeline.layers(of: stage))
    }
  }

  func fits(_ device: Int, _ layers: Range<Int>) -> Bool {
    let table = costs.memory(device: device)
    let bytes = table.bytes(layers.lowerBound, layers.upperBound, passesInFlight: passesInFlight)
    return bytes <= table.available
  }
}
