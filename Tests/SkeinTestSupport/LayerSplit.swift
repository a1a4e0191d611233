import SkeinGraph
import SkeinPlanner

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
    let layerDevice = LayerDealing.dealtSplit(of: layerBytes, speeds: usedSpeeds, mostRounds: mostRounds)
    let shares = graph.nodes.map { node in
      let isBefore = graph.isBeforeLayers(node)
      let device = node.name.layer.map { layerDevice[$0] } ?? (isBefore ? 0 : used.count - 1)
      return [Share(device: device, fraction: 1)]
    }
    return Placement(devices: used, shares: shares)
  }
}
