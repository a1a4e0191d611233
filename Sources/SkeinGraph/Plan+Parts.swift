extension Plan {
  /// What a step computes, moves or puts together of a node; nil for all of it.
  public func slice(of step: Step) -> NodeSlice? { step.part.flatMap { splits[step.node]?[$0].slice } }

  /// What a compute step runs: the node, or the part of it that the device has as a node of its own.
  public func node(of step: Step) -> Node {
    let node = graph[step.node]
    return slice(of: step).flatMap { graph.part($0, of: node) } ?? node
  }

  /// Values in a row of what a step makes or moves.
  public func width(of step: Step) -> Int {
    if case .columns(let columns) = slice(of: step) { columns.count } else { graph[step.node].width }
  }

  /// What a compute step takes of its weights, in their order.
  public func pieces(of step: Step) -> [WeightPiece] {
    let slice = slice(of: step)
    return node(of: step).weights.enumerated().map { index, weight in
      WeightPiece(weight, slice?.slice(of: graph[weight], at: index, in: graph[step.node]))
    }
  }

  /// Which part of an input a compute step takes; nil for all of it.
  public func part(ofInput index: Int, of step: Step) -> Int? {
    guard let part = step.part.flatMap({ splits[step.node]?[$0] }) else { return nil }
    return graph.inputPart(part, of: graph[step.node], at: index, splits)
  }
}
