import SkeinGraph
import SkeinTensor

/// Sums over runs of layers, made once and asked a million times: what a stretch of layers costs on a device
/// in a pass, how many bytes it takes there, and what crosses from one layer to the next.
///
/// Everything before the first layer belongs to the first stage, everything after the last to the last.
public final class CostTables {
  let problem: PlanningProblem
  /// Layers.
  let layerCount: Int
  /// For each cut (before layer l) bytes that a token of a pass sends across it.
  let cutBytesPerToken: [Double]
  /// The links among the devices of the fleet, `[from][to]`.
  let links: [[Fleet.LinkRate]]
  /// For each device of the fleet the first that it cannot be told from, but for its name.
  let kinds: [Int]
  /// The windows that attention has; `.max` for none.
  let windows: [Int]
  private var timeTables: [TimeKey: TimeTable] = [:]
  private var memoryTables: [Int: MemoryTable] = [:]

  private struct TimeKey: Hashable {
    var device: Int
    var tokens: Int
    var outputs: Int
    var sequences: Int
  }

  init(_ problem: PlanningProblem) {
    self.problem = problem
    layerCount = max(problem.model.graph.layerCount, 1)
    cutBytesPerToken = CostTables.cutBytes(problem.model.graph)
    let fleet = problem.fleet
    links = fleet.devices.indices.map { from in
      fleet.devices.indices.map { to in fleet.link(from: from, to: to) }
    }
    kinds = CostTables.kinds(problem, links)
    windows = CostTables.windows(problem.model.graph)
  }

  private static func windows(_ graph: Graph) -> [Int] {
    let windows = graph.nodes.compactMap { node -> Int? in
      guard node.op.cache != nil else { return nil }
      if case .attention(let attention) = node.op { return attention.window ?? .max }
      return .max
    }
    return Set(windows).sorted()
  }

  /// Devices that are alike, and alike to all others, are of one kind.
  private static func kinds(_ problem: PlanningProblem, _ links: [[Fleet.LinkRate]]) -> [Int] {
    let devices = problem.fleet.devices
    func isLike(_ a: Int, _ b: Int) -> Bool {
      var (first, second) = (devices[a], devices[b])
      let ownsPool = [first, second].allSatisfy { device in
        devices.count { $0.memoryPool == device.memoryPool } == 1
      }
      if ownsPool { first.memoryPool = second.memoryPool }
      first.id = second.id
      // Whose memory the process itself takes is no difference where all have the same.
      if first.memoryPool == second.memoryPool { first.runtimeBytes = second.runtimeBytes }
      guard first == second, links[a][b] == links[b][a] else { return false }
      return devices.indices.allSatisfy { other in
        other == a || other == b
          || (links[a][other] == links[b][other] && links[other][a] == links[other][b])
      }
    }
    return devices.indices.map { device in (0...device).first { isLike($0, device) }! }
  }

  /// The layer that a node belongs to for a split by layers.
  static func layer(of node: Node, in graph: Graph) -> Int {
    if let layer = node.name.layer { return layer }
    return graph.isBeforeLayers(node) ? 0 : max(graph.layerCount - 1, 0)
  }

  /// What crosses each cut: results made before it and needed after it, counted where they are first needed.
  private static func cutBytes(_ graph: Graph) -> [Double] {
    var bytes = [Double](repeating: 0, count: max(graph.layerCount, 1) + 1)
    var lastUse = [Int](repeating: -1, count: graph.nodes.count)
    for node in graph.nodes {
      let layer = layer(of: node, in: graph)
      for input in node.inputs { lastUse[input.index] = max(lastUse[input.index], layer) }
    }
    for node in graph.nodes where node.rows == .tokens {
      let made = layer(of: node, in: graph)
      guard lastUse[node.id.index] > made else { continue }
      for cut in (made + 1)...lastUse[node.id.index] { bytes[cut] += Double(node.width * 4) }
    }
    return bytes
  }

  /// Times of stretches of layers on a device, for passes of this shape.
  func times(device: Int, _ load: PassLoad) -> TimeTable {
    let key = TimeKey(
      device: device, tokens: load.tokens, outputs: load.outputs, sequences: load.sequences)
    if let table = timeTables[key] { return table }
    let table = TimeTable(
      problem.model, problem.fleet.devices[device].rates, load, layerCount: layerCount, windows: windows)
    timeTables[key] = table
    return table
  }

  /// Bytes of stretches of layers on a device.
  func memory(device: Int) -> MemoryTable {
    if let table = memoryTables[device] { return table }
    let table = MemoryTable(problem, device: device, layerCount: layerCount)
    memoryTables[device] = table
    return table
  }
}

/// Prices of stretches of layers on one device in passes of one shape, as prefix sums.
struct TimeTable {
  /// `fixed[l]`: seconds of the layers before l.
  private(set) var fixed: [Double] = [0]
  /// The windows that there are; `.max` for none.
  let windows: [Int]
  /// `perPosition[w][l]`: seconds a position seen, of the layers before l.
  private(set) var perPosition: [[Double]] = []

  init(
    _ model: PricedModel, _ rates: DeviceRates, _ load: PassLoad, layerCount: Int, windows: [Int]
  ) {
    self.windows = windows
    var layers = [StepPrice](repeating: StepPrice(), count: layerCount)
    var known: [PriceKey: StepPrice] = [:]
    for node in model.graph.nodes {
      let layer = CostTables.layer(of: node, in: model.graph)
      let key = PriceKey(node, device: 0, model)
      let price =
        known[key]
        ?? model.price(
          of: node, tokens: load.tokens, outputs: load.outputs, sequences: load.sequences, on: rates)
      known[key] = price
      layers[layer] += price
    }
    perPosition = windows.map { _ in [0] }
    for layer in layers {
      fixed.append(fixed.last! + layer.fixedSeconds)
      for (place, window) in windows.enumerated() {
        perPosition[place].append(perPosition[place].last! + layer.secondsPerPosition[window, default: 0])
      }
    }
  }

  /// Seconds of the layers `first ..< end` in a pass.
  func seconds(_ first: Int, _ end: Int, _ load: PassLoad) -> Double {
    var seconds = fixed[end] - fixed[first]
    for (place, window) in windows.enumerated() {
      seconds += (perPosition[place][end] - perPosition[place][first]) * load.seen(window: window)
    }
    return seconds
  }
}

/// Bytes of stretches of layers on one device.
struct MemoryTable {
  /// `held[l]`: bytes of weights and caches of the layers before l.
  private(set) var held: [Int] = [0]
  /// Bytes of the head's matrix where the embedding that it shares is on another device.
  private(set) var sharedHeadBytes = 0
  /// What a stage needs beside: once, and for each pass in flight.
  private(set) var overhead: [Place: Overhead] = [:]
  /// Bytes that plans may take.
  let available: Int

  /// Where a stage stands. The last layer alone needs less than with others: it computes few rows.
  enum Place: Hashable { case only, first, middle, last, lastLayer }
  struct Overhead: Hashable {
    var once: Int
    var perPass: Int
  }

  init(_ problem: PlanningProblem, device: Int, layerCount: Int) {
    let model = problem.model
    let layout = problem.layouts[device]
    available = layout.memoryBytes
    var layers = [Int](repeating: 0, count: layerCount)
    var owner: [WeightID: Int] = [:]
    for node in model.graph.nodes {
      let layer = CostTables.layer(of: node, in: model.graph)
      for weight in node.weights {
        let bytes = layout.byteCount(of: model.graph[weight], type: model.types[weight.index])
          .roundedUp(to: Plan.bufferAlignment)
        if let first = owner[weight] {
          if first != layer { sharedHeadBytes += bytes }
          continue
        }
        owner[weight] = layer
        layers[layer] += bytes
      }
    }
    for layer in layers { held.append(held.last! + layer) }
    addCaches(problem, layerCount: layerCount)
    probe(problem, layout, layerCount: layerCount)
  }

  private mutating func addCaches(_ problem: PlanningProblem, layerCount: Int) {
    var bytes = [Int](repeating: 0, count: layerCount)
    for cache in problem.model.graph.caches where bytes.indices.contains(cache.layer) {
      bytes[cache.layer] += cache.byteCount(limits: problem.limits)
    }
    var sum = 0
    for layer in 0..<layerCount {
      sum += bytes[layer]
      held[layer + 1] += sum
    }
  }

  /// Lowers the model over one, two and three pretended devices of this kind, to see what a stage needs beside
  /// weights and caches.
  private mutating func probe(_ problem: PlanningProblem, _ layout: any DeviceLayout, layerCount: Int) {
    func overhead(stages: Int, ends: [Int]) -> [Overhead] {
      let ids = (0..<stages).map { DeviceID("\(layout.id.name)#\($0)") }
      let shares = problem.model.graph.nodes.map { node in
        let layer = CostTables.layer(of: node, in: problem.model.graph)
        return [Share(device: ends.firstIndex { layer < $0 } ?? stages - 1, fraction: 1)]
      }
      var limits = problem.limits
      limits.passesInFlight = problem.passesInFlight ?? stages
      let layouts = ids.map { ProbeLayout(id: $0, layout: layout) }
      guard
        let plan = try? SkeinGraph.lower(
          problem.model.graph, Placement(devices: ids, shares: shares), limits: limits, layouts: layouts,
          type: { problem.model.types[$0.index] })
      else { return [Overhead](repeating: Overhead(once: 0, perPass: 0), count: stages) }
      return plan.devices.map {
        // Weights and caches are rounded up to whole pages of memory once more.
        let once = $0.regionBytes[.scratch, default: 0] + $0.regionBytes[.workspace, default: 0]
        return Overhead(
          once: once + 2 * (Plan.regionAlignment - Plan.bufferAlignment),
          perPass: $0.regionBytes[.pass, default: 0])
      }
    }
    let last = layerCount - 1
    self.overhead[.only] = overhead(stages: 1, ends: [layerCount])[0]
    if layerCount > 1 {
      let two = overhead(stages: 2, ends: [last, layerCount])
      (self.overhead[.first], self.overhead[.lastLayer]) = (two[0], two[1])
    }
    if layerCount > 2 {
      let three = overhead(stages: 3, ends: [1, last, layerCount])
      (self.overhead[.middle], self.overhead[.last]) = (
        three[1], overhead(stages: 2, ends: [1, layerCount])[1]
      )
    }
  }

  /// Bytes of a stage of the layers `first ..< end`.
  func bytes(_ first: Int, _ end: Int, passesInFlight: Int) -> Int {
    let count = held.count - 1
    let place: Place =
      switch (first == 0, end == count) {
      case (true, true): .only
      case (true, false): .first
      case (false, true): first == count - 1 ? .lastLayer : .last
      case (false, false): .middle
      }
    let beside = overhead[place] ?? Overhead(once: 0, perPass: 0)
    let head = end == count && first > 0 ? sharedHeadBytes : 0
    return held[end] - held[first] + head + beside.once + beside.perPass * passesInFlight
  }
}

/// A device's layout under another name, with as much memory as one likes.
private struct ProbeLayout: DeviceLayout {
  let id: DeviceID
  let layout: any DeviceLayout
  var memoryBytes: Int { .max / 4 }
  var memoryPool: String { id.name }

  func byteCount(of weight: Weight, type: ElementType) -> Int { layout.byteCount(of: weight, type: type) }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { layout.workspaceBytes(for: node, in: graph, limits: limits, type: type) }
}
