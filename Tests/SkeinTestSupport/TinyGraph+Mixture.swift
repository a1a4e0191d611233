import SkeinGraph

extension TinyGraph {
  /// The widths of the latent attention in `mixture`.
  public static let latentHeads = LatentHeads(
    headCount: 4, rank: 12, plainWidth: 6, ropeWidth: 4, valueWidth: 5)
  /// The choice of experts in `mixture`: 2 of 8, in 4 groups.
  public static let router = ExpertRouter(
    expertCount: 8, chosenCount: 2, scoring: .sigmoid, scale: 1.5,
    groups: .init(count: 4, chosenCount: 2, score: .sumOfTwoLargest))

  /// A decoder with latent attention and, beside a shared network that a sigmoid weighs, a mixture of experts.
  ///
  /// - Parameters:
  ///   - isSplit: whether the projections of keys and values are two weights or one.
  ///   - latentCache: what is cached.
  ///   - router: how experts are chosen.
  public static func mixture(
    layerCount: Int = 3, width: Int = 32, expertWidth: Int = 24, vocabulary: Int = 64, isSplit: Bool = true,
    latentCache: GraphOptions.LatentCache = .compressed, router: ExpertRouter = router
  ) -> Graph {
    let heads = latentHeads
    var g = GraphBuilder(
      vocabularySize: vocabulary, layerCount: layerCount, options: GraphOptions(latentCache: latentCache)
    ) { $0.node.role == .router || ($0.node.role == .keyValueUp && !isSplit) }
    func rope(_ count: Int, _ headWidth: Int) -> Rope {
      Rope(
        headCount: count, headWidth: headWidth, dimensions: heads.ropeWidth, base: 10_000,
        pairing: .interleaved, scaling: .none, first: headWidth - heads.ropeWidth)
    }
    var x = g.embedding(.tokenEmbedding, width: width)
    for layer in 0..<layerCount {
      g.layer = layer
      let h = g.rmsNorm(x, .attentionNorm, epsilon: 1e-5)
      let q = g.rope(
        g.linear(h, .query, width: heads.headCount * heads.keyWidth), .queryRope,
        rope(heads.headCount, heads.keyWidth))
      let down = g.linear(h, .keyValueDown, width: heads.latentWidth)
      let latent = g.rope(
        g.rmsNorm(down, .keyValueNorm, epsilon: 1e-5, passedWidth: heads.ropeWidth), .keyRope,
        rope(1, heads.latentWidth))
      var a = g.latentAttention(q, latent, heads, scale: 0.3)
      if layer == layerCount - 1 { (x, a) = g.selectOutputs(x, a) }
      x = g.add(x, g.linear(a, .attentionOutput, width: width), .attentionResidual)
      let f = g.rmsNorm(x, .feedForwardNorm, epsilon: 1e-5)
      let chosen = g.experts(
        f, g.expertRouter(f, .router, router), .experts,
        Experts(
          expertCount: router.expertCount, chosenCount: router.chosenCount, expertWidth: expertWidth))
      let shared = g.sigmoidGate(
        g.linear(f, .sharedDown, width: width), g.linear(f, .sharedRouter, width: 1), .sharedWeighted)
      x = g.add(x, g.add(chosen, shared, .mixture), .feedForwardResidual)
    }
    g.layer = nil
    x = g.rmsNorm(x, .outputNorm, epsilon: 1e-5)
    _ = g.linear(x, .head, width: vocabulary)
    return try! g.finish()
  }
}
