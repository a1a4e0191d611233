import SkeinGraph

extension ExpertUsage {
  /// Reads what `skein run --expert-stats` writes: `{"layers": [{"layer": 0, "counts": [3, 1]}]}`.
  ///
  /// - Throws: `PlannerError` with the line, where it is not that.
  public init(parsing text: String, path: String) throws(PlannerError) {
    guard let root = try YAMLValue.parse(text, path: path) else {
      throw PlannerError(
        .invalidFile, "holds nothing; `skein run --expert-stats \(path)` writes such a file", path: path)
    }
    let reader = PlacementReader(path: path)
    guard let values = root["layers"]?.sequence else {
      throw reader.fail("has no list `layers`; `skein run --expert-stats FILE` writes such a file", root)
    }
    var layers: [Layer] = []
    for value in values {
      guard let layer = value["layer"]?.integer, (0..<1 << 20).contains(layer) else {
        throw reader.fail("an entry of layers has no `layer`, the number of a layer", value)
      }
      guard let list = value["counts"]?.sequence else {
        throw reader.fail("layer \(layer) has no list `counts`", value)
      }
      if layers.contains(where: { $0.layer == layer }) {
        throw reader.fail("layer \(layer) is there twice", value)
      }
      var counts: [Int] = []
      for count in list {
        guard let number = count.integer, (0...1 << 50).contains(number) else {
          throw reader.fail("layer \(layer): a count is \(count.kind), must be a whole number from 0", count)
        }
        counts.append(number)
      }
      layers.append(Layer(layer: layer, counts: counts))
    }
    self.init(layers)
  }

  /// Throws unless these are the counts of a model of this graph: of the same layers, as many experts each.
  public func check(of graph: Graph, path: String) throws(PlannerError) {
    func fail(_ message: String) -> PlannerError {
      PlannerError(
        .invalidFile, "is of another model: \(message). Count again with skein run --expert-stats", path: path
      )
    }
    var counted = Dictionary(uniqueKeysWithValues: layers.map { ($0.layer, $0.counts.count) })
    for node in graph.nodes {
      guard case .experts(let experts) = node.op, let layer = node.name.layer else { continue }
      guard let count = counted.removeValue(forKey: layer) else {
        throw fail("it has no counts of layer \(layer), which has \(experts.expertCount) experts here")
      }
      if count != experts.expertCount {
        throw fail("it has \(count) experts in layer \(layer), here there are \(experts.expertCount)")
      }
    }
    if let layer = counted.keys.min() {
      throw fail("it has counts of layer \(layer), which has no experts here")
    }
  }

  /// The text of the file.
  public var text: String {
    let lines = layers.map {
      "  {\"layer\": \($0.layer), \"counts\": [\($0.counts.map(String.init).joined(separator: ", "))]}"
    }
    return "{\"layers\": [\n" + lines.joined(separator: ",\n") + "\n]}\n"
  }
}
