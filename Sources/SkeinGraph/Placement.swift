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

  /// A table of shares.
  public init(devices: [DeviceID], shares: [[Share]]) {
    self.devices = devices
    self.shares = shares
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
  /// - Parameters:
  ///   - speeds: how fast each device is, relative to the others; by default all are equal.
  ///   - weightBytes: bytes of a weight as it is stored.
  public static func layerSplit(
    of graph: Graph, over devices: [DeviceID], speeds: [Double]? = nil, weightBytes: (WeightID) -> Int
  ) -> Placement {
    var layerBytes = [Double](repeating: 0, count: max(graph.layerCount, 1))
    for node in graph.nodes {
      guard let layer = node.name.layer else { continue }
      layerBytes[layer] += node.weights.reduce(0) { $0 + Double(weightBytes($1)) }
    }
    let used = Array(devices.prefix(max(graph.layerCount, 1)))
    let layerDevice = contiguousSplit(
      of: layerBytes, speeds: speeds ?? [Double](repeating: 1, count: used.count), into: used.count)
    let shares = graph.nodes.map { node in
      let isBefore = node.op == .embedding
      let device = node.name.layer.map { layerDevice[$0] } ?? (isBefore ? 0 : used.count - 1)
      return [Share(device: device, fraction: 1)]
    }
    return Placement(devices: used, shares: shares)
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
