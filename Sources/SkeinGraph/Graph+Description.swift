extension Graph: CustomStringConvertible {
  /// The graph as text: a line a node with its name, op, inputs and result.
  ///
  ///     12 layers.0.query = linear(layers.0.attentionNorm; [2048, 2048]) -> [tokens, 2048]
  public var description: String {
    nodes.map { node in
      let inputs = node.inputs.map { self[$0].name.description }.joined(separator: ", ")
      let shapes = node.weights.map { self[$0].shape.description }.joined(separator: ", ")
      let arguments = [inputs, shapes].filter { !$0.isEmpty }.joined(separator: "; ")
      let rows = node.rows == .tokens ? "tokens" : "outputs"
      return "\(node.id.index) \(node.name) = \(node.op.kernelName)(\(arguments)) -> [\(rows), \(node.width)]"
    }.joined(separator: "\n")
  }
}
