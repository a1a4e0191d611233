/// What a node computes: a closed list at block granularity.
///
/// An op says only the mathematics. Where it runs, in what format its weights are and how many tokens
/// pass through it are said elsewhere (`Placement`, the checkpoint, the batch). A fused operation is one
/// more case. Every case has one C function, one GPU kernel and one conformance table of the same name.
public enum Op: Hashable, Sendable {
  /// Row `token` of the table. Weights: table `[vocabulary, width]`. No inputs.
  case embedding
  /// `x W^T (+ bias)`. Weights: `[width, x.width]`, then optionally bias `[width]`. Inputs: x.
  case linear
  /// `x / sqrt(mean(x^2) + epsilon) * weight` over each run of `groupWidth` values. Weights: `[groupWidth]`.
  /// Inputs: x.
  case rmsNorm(RMSNorm)
  /// Rotates pairs of values of each head by an angle that grows with the token's position. Inputs: x.
  case rope(Rope)
  /// Stores the new keys and values in the cache, then attends over it. Inputs: queries, keys, values.
  case attention(Attention)
  /// Stores compressed rows in the cache, then attends over them. Weights: as `LatentHeads` says. Inputs: queries
  /// `[heads, plainWidth + ropeWidth]`, compressed rows `[rank + ropeWidth]`. Result: `[heads, valueWidth]`.
  case latentAttention(LatentAttention)
  /// Keys or values of all heads from compressed rows. Weights: as `LatentHeads` says. Inputs: compressed rows.
  case expandLatent(LatentExpansion)
  /// Numbers and weights of the experts that each token goes to. Weights: `[experts, x.width]`, then optionally
  /// a bias `[experts]` that is added to the scores for choosing only. Inputs: x.
  case expertRouter(ExpertRouter)
  /// The sum over the chosen experts e of `weight * down[e](silu(gate[e] x) * up[e] x)`. Weights: gate, up
  /// `[experts, expertWidth, x.width]`, down `[experts, x.width, expertWidth]`. Inputs: x, the router's result.
  case experts(Experts)
  /// `silu(gate) * up`. Inputs: gate, up.
  case gatedActivation
  /// `x / (1 + exp(-gate))`, where gate has one value a row. Inputs: x, gate.
  case sigmoidGate
  /// `a + b`. Inputs: a, b.
  case add
  /// The rows of x whose logits are wanted: from here on a node has a row an output, not a token.
  case selectRows

  /// The name that the kernels share: `rms_norm`.
  public var kernelName: String {
    switch self {
    case .embedding: "embedding"
    case .linear: "linear"
    case .rmsNorm: "rms_norm"
    case .rope: "rope"
    case .attention: "attention"
    case .latentAttention: "latent_attention"
    case .expandLatent: "expand_latent"
    case .expertRouter: "expert_router"
    case .experts: "experts"
    case .gatedActivation: "gated_activation"
    case .sigmoidGate: "sigmoid_gate"
    case .add: "add"
    case .selectRows: "select_rows"
    }
  }

  /// The cache that it stores to and reads from.
  public var cache: CacheID? {
    switch self {
    case .attention(let attention): attention.cache
    case .latentAttention(let attention): attention.cache
    default: nil
    }
  }
}

/// Root mean square normalization.
public struct RMSNorm: Hashable, Sendable {
  /// Values normalized together: the whole width, or a head's.
  public var groupWidth: Int
  /// Added to the mean square.
  public var epsilon: Float
  /// The last values of each row, that are passed on as they are; then the rest is one group.
  public var passedWidth: Int

  /// A norm over runs of `groupWidth` values.
  public init(groupWidth: Int, epsilon: Float, passedWidth: Int = 0) {
    self.groupWidth = groupWidth
    self.epsilon = epsilon
    self.passedWidth = passedWidth
  }
}

/// Attention of grouped queries over a paged key-value cache.
public struct Attention: Hashable, Sendable {
  /// The cache that keys and values are stored in and read from.
  public var cache: CacheID
  /// Query heads; a multiple of `keyValueHeadCount`.
  public var headCount: Int
  /// Heads of keys and values.
  public var keyValueHeadCount: Int
  /// Values a head in queries and keys.
  public var keyWidth: Int
  /// Values a head in values and in the result.
  public var valueWidth: Int
  /// Multiplies the scores; usually `1 / sqrt(keyWidth)`.
  public var scale: Float
  /// The number of latest positions that a token sees, itself included; nil for all.
  public var window: Int?
  /// A score s becomes `softCap * tanh(s / softCap)`; nil for none.
  public var softCap: Float?

  /// Attention over `cache`.
  public init(
    cache: CacheID, headCount: Int, keyValueHeadCount: Int, keyWidth: Int, valueWidth: Int, scale: Float,
    window: Int? = nil, softCap: Float? = nil
  ) {
    self.cache = cache
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.keyWidth = keyWidth
    self.valueWidth = valueWidth
    self.scale = scale
    self.window = window
    self.softCap = softCap
  }
}
