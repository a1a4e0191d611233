import SkeinGraph

/// What decoders differ in around their blocks.
struct DecoderShape {
  /// The kinds of norms.
  enum Norm {
    case rootMeanSquare, meanAndVariance
  }
  /// Multiplies the rows of the embedding table.
  var embeddingScale: Float = 1
  /// Rows of a table of positions that is added to the embedding; nil for none.
  var positionCount: Int?
  /// The norms before blocks and before the head.
  var norm = Norm.rootMeanSquare
  /// The name of the norm before the feed-forward network.
  var feedForwardNorm = Role.feedForwardNorm
  /// Whether what a block gives is normalized before it is added.
  var normalizesResults = false
  /// Whether the feed-forward network takes what attention takes, and not what attention made of it.
  var isParallel = false
  /// Logits become `cap * tanh(logit / cap)`; nil for none.
  var logitCap: Float?
}

/// What most decoder families have in common, written once. A family that differs writes its own.
extension GraphBuilder {
  /// A step of a layer: takes the normalized hidden state, returns what is added to the residual stream.
  typealias Block = (inout GraphBuilder, NodeID) -> NodeID

  /// A decoder with norms before its blocks: embedding; in each layer `x + W attention(norm(x))`, then
  /// `x + feedForward(norm(x))`; norm and head. `shape` says what is otherwise.
  mutating func decoder(
    _ c: DecoderConfiguration, _ shape: DecoderShape = DecoderShape(), attention: Block, feedForward: Block
  ) {
    var x = embedding(.tokenEmbedding, width: c.width, scale: shape.embeddingScale)
    if let count = shape.positionCount {
      x = add(x, positionEmbedding(.positionEmbedding, count: count, width: c.width), .embedded)
    }
    for index in 0..<c.layerCount {
      layer = index
      var a = attention(&self, norm(x, .attentionNorm, c, shape))
      if index == c.layerCount - 1 { (x, a) = selectOutputs(x, a) }
      a = linear(a, .attentionOutput, width: c.width)
      if shape.normalizesResults { a = norm(a, .postAttentionNorm, c, shape) }
      let sum = add(x, a, .attentionResidual)
      var f = feedForward(&self, norm(shape.isParallel ? x : sum, shape.feedForwardNorm, c, shape))
      if shape.normalizesResults { f = norm(f, .postFeedForwardNorm, c, shape) }
      x = add(sum, f, .feedForwardResidual)
    }
    layer = nil
    let logits = linear(
      norm(x, .outputNorm, c, shape), .head, width: c.vocabularySize, sharing: c.headSource)
    if let cap = shape.logitCap { _ = softCap(logits, .cappedHead, cap: cap) }
  }

  private mutating func norm(
    _ x: NodeID, _ role: Role, _ c: DecoderConfiguration, _ shape: DecoderShape
  ) -> NodeID {
    switch shape.norm {
    case .rootMeanSquare: rmsNorm(x, role, epsilon: c.epsilon)
    case .meanAndVariance: layerNorm(x, role, epsilon: c.epsilon)
    }
  }

  /// `W (activation(gate h) * up h)`
  mutating func feedForward(
    _ h: NodeID, _ c: DecoderConfiguration, _ activation: Activation = .silu
  ) -> NodeID {
    let gate = linear(h, .gate, width: c.feedForwardWidth)
    let up = linear(h, .up, width: c.feedForwardWidth)
    return linear(gatedActivation(gate, up, .activation, activation), .down, width: c.width)
  }

  /// `W activation(up h)`
  mutating func plainFeedForward(
    _ h: NodeID, _ c: DecoderConfiguration, _ activation: Activation
  ) -> NodeID {
    let up = linear(h, .up, width: c.feedForwardWidth)
    return linear(self.activation(up, .activation, activation), .down, width: c.width)
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
