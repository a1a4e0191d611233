/// A device by name: `cpu:0`, `cuda:1`.
public struct DeviceID: Hashable, Sendable, CustomStringConvertible, Comparable {
  /// The name that people write.
  public let name: String
  /// The device called `name`.
  public init(_ name: String) { self.name = name }
  /// The name.
  public var description: String { name }
  /// Order of names.
  public static func < (a: DeviceID, b: DeviceID) -> Bool { a.name < b.name }
}

/// A part of a node's work on one device.
public struct Share: Hashable, Sendable {
  /// Index into `Placement.devices`.
  public var device: Int
  /// Part of the node's rows of weights or heads; the shares of a node sum to 1.
  public var fraction: Double

  /// A share on a device.
  public init(device: Int, fraction: Double) {
    self.device = device
    self.fraction = fraction
  }
}

/// Where each node of a graph runs: a table beside the graph.
///
/// One share is whole placement; several are a split. Layer split, module rules, expert offload and tensor
/// parallelism are all just placements.
public struct Placement: Hashable, Sendable {
  /// The devices that take part.
  public var devices: [DeviceID]
  /// For each node of the graph, by its index, its shares.
  public var shares: [[Share]]
  /// The nodes whose weights do not rest on their device: they are brought there for each pass.
  public var streamed: Set<NodeID>

  /// A table of shares.
  public init(devices: [DeviceID], shares: [[Share]], streamed: Set<NodeID> = []) {
    self.devices = devices
    self.shares = shares
    self.streamed = streamed
  }

  /// The device that runs the whole of `node`, or nil where it is split.
  public func device(of node: NodeID) -> Int? {
    let shares = shares[node.index]
    return shares.count == 1 ? shares[0].device : nil
  }
}

extension Placement {
  /// Whole layers dealt to the devices in order, so that the weights that every token reads are spread
  /// evenly.
  ///
  /// The embedding stays with the first layer and everything after the last layer with the last. They do
  /// not count: of the embedding a token reads one row, and the head runs for the last token of a prompt
  /// only. Counting them would leave the last device idle for most of a prompt.
  ///
  /// A device that no layer is left for is not in the placement.
  ///
  /// Where handing over costs little, layers are dealt in several rounds: each device then has several short
  /// runs of layers, and the next device can begin when a run is done, not when half the model is. With r
  /// rounds, n passes keep d devices as busy as r * n passes would with one round, and larger passes use a
  /// processor better. (Interleaved stages: Narayanan and others 2021, arXiv 2104.04473.)
  ///
  /// - Parameters:
  ///   - speeds: how fast each device is, relative to the others; by default all are equal.
  ///   - mostRounds: rounds that layers may be dealt in; 1 gives each device one run. As many are taken as the
  ///     balance allows.
  ///   - weightBytes: bytes of a weight as it is stored.
  public static func layerSplit(
    of graph: Graph, over devices: [DeviceID], speeds: [Double]? = nil, mostRounds: Int = 1,
    weightBytes: (WeightID) -> Int
  ) -> Placement {
    var layerBytes = [Double](repeating: 0, count: max(graph.layerCount, 1))
    for node in graph.nodes {
      guard let layer = node.name.layer else { continue }
      layerBytes[layer] += node.weights.reduce(0) { $0 + Double(weightBytes($1)) }
    }
    let used = Array(devices.prefix(max(graph.layerCount, 1)))
    let usedSpeeds = Array((speeds ?? devices.map { _ in 1 }).prefix(used.count))
    let layerDevice = dealtSplit(of: layerBytes, speeds: usedSpeeds, mostRounds: mostRounds)
    let shares = graph.nodes.map { node in
      let isBefore = node.op == .embedding
      let device = node.name.layer.map { layerDevice[$0] } ?? (isBefore ? 0 : used.count - 1)
      return [Share(device: device, fraction: 1)]
    }
    return Placement(devices: used, shares: shares)
  }

  /// Deals `costs` to parts in as many rounds as keep the longest part within 3% of the best single round;
  /// returns the part of each.
  static func dealtSplit(of costs: [Double], speeds: [Double], mostRounds: Int) -> [Int] {
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
  static func contiguousSplit(of costs: [Double], speeds: [Double], into parts: Int) -> [Int] {
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
