import SkeinGraph

/// What most decoder families have in common, written once. A family that differs writes its own.
extension GraphBuilder {
  /// A step of a layer: takes the normalized hidden state, returns what is added to the residual stream.
  typealias Block = (inout GraphBuilder, NodeID) -> NodeID

  /// A decoder with norms before its blocks: embedding; in each layer `x + W attention(norm(x))`, then
  /// `x + feedForward(norm(x))`; norm and head.
  mutating func decoder(_ c: DecoderConfiguration, attention: Block, feedForward: Block) {
    var x = embedding(.tokenEmbedding, width: c.width)
    for index in 0..<c.layerCount {
      layer = index
      var a = attention(&self, rmsNorm(x, .attentionNorm, epsilon: c.epsilon))
      if index == c.layerCount - 1 { (x, a) = selectOutputs(x, a) }
      x = add(x, linear(a, .attentionOutput, width: c.width), .attentionResidual)
      let f = feedForward(&self, rmsNorm(x, .feedForwardNorm, epsilon: c.epsilon))
      x = add(x, f, .feedForwardResidual)
    }
    layer = nil
    x = rmsNorm(x, .outputNorm, epsilon: c.epsilon)
    _ = linear(x, .head, width: c.vocabularySize, sharing: c.headSource)
  }

  /// `W (silu(gate h) * up h)`
  mutating func feedForward(_ h: NodeID, _ c: DecoderConfiguration) -> NodeID {
    let gate = linear(h, .gate, width: c.feedForwardWidth)
    let up = linear(h, .up, width: c.feedForwardWidth)
    return linear(gatedActivation(gate, up, .activation), .down, width: c.width)
  }

  /// The experts that the router chooses for each token and, where there is one, the network that all tokens go
  /// through; in layers without experts a feed-forward network.
  ///
  /// - Parameter sharedGate: what is done with the shared network's result before it is added.
  mutating func mixture(
    _ h: NodeID, _ c: DecoderConfiguration, _ m: MixtureConfiguration,
    sharedGate: (inout GraphBuilder, NodeID) -> NodeID = { $1 }
  ) -> NodeID {
    if let layer, m.denseLayers.contains(layer) { return feedForward(h, c) }
    let chosen = experts(h, expertRouter(h, .router, m.router), .experts, m.experts)
    if m.sharedWidth == 0 { return chosen }
    return add(chosen, sharedGate(&self, sharedFeedForward(h, c, m)), .mixture)
  }

  private mutating func sharedFeedForward(
    _ h: NodeID, _ c: DecoderConfiguration, _ m: MixtureConfiguration
  ) -> NodeID {
    let gate = linear(h, .sharedGate, width: m.sharedWidth)
    let up = linear(h, .sharedUp, width: m.sharedWidth)
    return linear(gatedActivation(gate, up, .sharedActivation), .sharedDown, width: c.width)
  }
}
