/// What a node computes: a closed list at block granularity.
///
/// An op says only the mathematics. Where it runs, in what format its weights are and how many tokens
/// pass through it are said elsewhere (`Placement`, the checkpoint, the batch). A fused operation is one
/// more case. Every case has one C function, one GPU kernel and one conformance table of the same name.
public enum Op: Hashable, Sendable {
  /// `scale * ` row `token` (or row `position`) of the table. Weights: table `[rows, width]`. No inputs.
  case embedding(Embedding)
  /// `x W^T (+ bias)`. Weights: `[width, x.width]`, then optionally bias `[width]`. Inputs: x.
  case linear
  /// `x / sqrt(mean(x^2) + epsilon) * weight` over each run of `groupWidth` values. Weights: `[groupWidth]`.
  /// Inputs: x.
  case rmsNorm(RMSNorm)
  /// `(x - mean) / sqrt(variance + epsilon) * weight (+ bias)` over each row. Weights: `[width]`, then optionally bias
  /// `[width]`. Inputs: x.
  case layerNorm(LayerNorm)
  /// Rotates pairs of values of each head by an angle that grows with the token's position. Inputs: x.
  case rope(Rope)
  /// Stores the new keys and values in the cache, then attends over it. Weights: optionally sinks `[heads]`, scores
  /// that have no value. Inputs: queries, keys, values.
  case attention(Attention)
  /// Stores compressed rows in the cache, then attends over them. Weights: as `LatentHeads` says. Inputs: queries
  /// `[heads, plainWidth + ropeWidth]`, compressed rows `[rank + ropeWidth]`. Result: `[heads, valueWidth]`.
  case latentAttention(LatentAttention)
  /// Keys or values of all heads from compressed rows. Weights: as `LatentHeads` says. Inputs: compressed rows.
  case expandLatent(LatentExpansion)
  /// Numbers and weights of the experts that each token goes to. Weights: `[experts, x.width]`, then optionally
  /// a bias `[experts]` that is added to what the matrix gives, then optionally one that is added to the scores for
  /// choosing only. Inputs: x.
  case expertRouter(ExpertRouter)
  /// The sum over the chosen experts e of `weight * down[e](activation(gate[e] x) * up[e] x)`. Weights: gate,
  /// up `[experts, expertWidth, x.width]`, down `[experts, x.width, expertWidth]`, then optionally biases of the three
  /// `[experts, rows]`. Inputs: x, the router's result.
  case experts(Experts)
  /// `activation(x)`. Inputs: x.
  case activation(Activation)
  /// `activation(gate) * up`. Inputs: gate, up.
  case gatedActivation(Activation)
  /// `cap * tanh(x / cap)`, cap above zero. Inputs: x.
  case softCap(Float)
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
    case .layerNorm: "layer_norm"
    case .rope: "rope"
    case .attention: "attention"
    case .latentAttention: "latent_attention"
    case .expandLatent: "expand_latent"
    case .expertRouter: "expert_router"
    case .experts: "experts"
    case .activation: "activation"
    case .gatedActivation: "gated_activation"
    case .softCap: "soft_cap"
    case .sigmoidGate: "sigmoid_gate"
    case .add: "add"
    case .selectRows: "select_rows"
    }
  }

  /// How many of its weights, the first ones, are matrices that it multiplies its inputs with.
  var factorCount: Int {
    switch self {
    case .linear, .expertRouter: 1
    case .experts: 3
    case .embedding, .rmsNorm, .layerNorm, .rope, .attention, .latentAttention, .expandLatent, .activation,
      .gatedActivation, .softCap, .sigmoidGate, .add, .selectRows:
      0
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

/// Rows of a table.
public struct Embedding: Hashable, Sendable {
  /// What a row is chosen by.
  public enum Index: Hashable, Sendable {
    /// The token's number.
    case token
    /// The token's position in its sequence.
    case position
  }
  /// What a row is chosen by.
  public var index: Index
  /// Multiplies the rows.
  public var scale: Float

  /// Rows by `index`, times `scale`.
  public init(index: Index = .token, scale: Float = 1) {
    self.index = index
    self.scale = scale
  }
}

/// A function of each value, between the matrices of feed-forward networks.
public enum Activation: Hashable, Sendable {
  /// `x / (1 + exp(-x))`
  case silu
  /// `x (1 + erf(x / sqrt(2))) / 2`
  case gelu
  /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`
  case geluTanh
  /// Of gate and up only: `g / (1 + exp(-alpha g)) * (u + 1)` with g the gate, at most `limit`, and u what is gated,
  /// within `-limit...limit` (gpt-oss).
  case clampedSwish(alpha: Float, limit: Float)

  /// Whether it needs a gate.
  public var isGatedOnly: Bool {
    if case .clampedSwish = self { true } else { false }
  }
}

/// Normalization by mean and variance (arXiv 1607.06450).
public struct LayerNorm: Hashable, Sendable {
  /// Added to the variance.
  public var epsilon: Float

  /// A norm of whole rows.
  public init(epsilon: Float) { self.epsilon = epsilon }
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
