/// How often the experts of each layer were chosen.
public struct ExpertUsage: Hashable, Sendable {
  /// The experts of one layer.
  public struct Layer: Hashable, Sendable {
    /// The layer.
    public var layer: Int
    /// For each expert, by its number, the tokens that chose it.
    public var counts: [Int]

    /// Counts of a layer.
    public init(layer: Int, counts: [Int]) {
      self.layer = layer
      self.counts = counts
    }
  }

  /// The layers that have experts, rising.
  public let layers: [Layer]
  private let places: [Int: Int]

  /// These counts.
  public init(_ layers: [Layer]) {
    let inOrder = layers.sorted { $0.layer < $1.layer }
    self.layers = inOrder
    places = Dictionary(inOrder.enumerated().map { ($1.layer, $0) }) { first, _ in first }
  }

  /// The chance of each expert that a token chooses it; nil where the layer was not counted so.
  ///
  /// As if each expert had been chosen once more than it was: one that few tokens would choose may not have been
  /// chosen at all.
  public func chances(layer: Int, _ experts: Experts) -> [Double]? {
    guard let place = places[layer], layers[place].counts.count == experts.expertCount else { return nil }
    let counts = layers[place].counts
    let sum = Double(counts.reduce(counts.count) { $0 + $1 })
    return counts.map { min(Double(experts.chosenCount) * Double($0 + 1) / sum, 1) }
  }

  /// The experts of a layer, the most used first; of equals the one with the lower number. Nil where it was not
  /// counted.
  public func byUse(layer: Int) -> [Int]? {
    guard let counts = places[layer].map({ layers[$0].counts }) else { return nil }
    return counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
  }
}
