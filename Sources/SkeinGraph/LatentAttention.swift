/// The widths of multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).
///
/// For each token one row of `rank + ropeWidth` values stands for the keys and values of all heads. With c its
/// first `rank` values and r its last `ropeWidth`, head h has
///
///     key[h] = (keyUp[h] c, r)        value[h] = valueUp[h] c
///
/// Weights are either two, keyUp `[heads, rank, plainWidth]` (transposed, as GGUF files have it) and valueUp
/// `[heads, valueWidth, rank]`, or one, `[heads * (plainWidth + valueWidth), rank]`, which for each head has the
/// rows of its keys and then those of its values.
public struct LatentHeads: Hashable, Sendable {
  /// Heads of queries, keys and values.
  public var headCount: Int
  /// Values a token that keys and values are made from.
  public var rank: Int
  /// Values a head in queries and keys that know nothing of position; they come first.
  public var plainWidth: Int
  /// Values a head in queries and keys that are rotated; all heads' keys share them.
  public var ropeWidth: Int
  /// Values a head in values.
  public var valueWidth: Int

  /// Heads of these widths.
  public init(headCount: Int, rank: Int, plainWidth: Int, ropeWidth: Int, valueWidth: Int) {
    self.headCount = headCount
    self.rank = rank
    self.plainWidth = plainWidth
    self.ropeWidth = ropeWidth
    self.valueWidth = valueWidth
  }

  /// Values a head in queries and keys.
  public var keyWidth: Int { plainWidth + ropeWidth }
  /// Values a token in the compressed row.
  public var latentWidth: Int { rank + ropeWidth }
  /// The shape of keyUp.
  public var keyUpExtents: [Int] { [headCount, rank, plainWidth] }
  /// The shape of valueUp.
  public var valueUpExtents: [Int] { [headCount, valueWidth, rank] }
  /// The shape of both in one.
  public var keyValueUpExtents: [Int] { [headCount * (plainWidth + valueWidth), rank] }

  /// Products of keyUp and valueUp with one compressed row or token.
  public var projectionProducts: Int { headCount * rank * (plainWidth + valueWidth) }
  /// Products of one token with one position in the absorbed form.
  public var absorbedProducts: Int { headCount * (latentWidth + rank) }
  /// Products of one token with one position in the expanded form.
  public var expandedProducts: Int { headCount * (keyWidth + valueWidth) }

  /// The tokens of one sequence from which on a pass makes keys and values (the expanded form of `LatentAttention`);
  /// `Int.max` where that never pays.
  ///
  /// A position's keys and values cost `projectionProducts` once for all tokens of the pass and save each of them the
  /// difference of the other two. Only what grows with the context counts, so a token's form, and with it its bits,
  /// depends on the number of tokens alone: at the begin of a sequence the other form can be cheaper, by little. The
  /// factors are what one product takes in each part, of 16 heads with DeepSeek-V2's widths on a Zen 4 core: absorbed
  /// 20, expanded 25 (rows are shorter), projections 17 with AVX-512 and weights of 8 bits to 28 with F16, and 22 with
  /// AVX2. That gives 210 tokens at those widths; measured: 165 to 290.
  public var leastExpandedTokens: Int {
    let saved = 20 * absorbedProducts - 25 * expandedProducts
    return saved > 0 ? (22 * projectionProducts + saved - 1) / saved : .max
  }
}

/// Attention over compressed rows, which are all that is cached. It has two forms of one result. Absorbed: the queries
/// go through keyUp instead of the keys, and the weighted sum of the compressed rows through valueUp instead of the
/// values. Expanded: keys and values are made in passing, for all of a pass's tokens of a sequence. A pass takes the
/// latter from `LatentHeads.leastExpandedTokens` on.
public struct LatentAttention: Hashable, Sendable {
  /// The cache of compressed rows.
  public var cache: CacheID
  /// Heads and widths.
  public var heads: LatentHeads
  /// Multiplies the scores.
  public var scale: Float

  /// Attention over `cache`.
  public init(cache: CacheID, heads: LatentHeads, scale: Float) {
    self.cache = cache
    self.heads = heads
    self.scale = scale
  }
}

/// The keys or the values of all heads, made from compressed rows, for attention that caches those.
public struct LatentExpansion: Hashable, Sendable {
  /// What is made.
  public enum Part: Hashable, Sendable {
    /// `[heads, plainWidth + ropeWidth]` a token. Takes keyUp, or both in one.
    case keys
    /// `[heads, valueWidth]` a token. Takes valueUp, or both in one.
    case values
  }
  /// Heads and widths.
  public var heads: LatentHeads
  /// What is made.
  public var part: Part

  /// Keys or values of `heads`.
  public init(heads: LatentHeads, part: Part) {
    self.heads = heads
    self.part = part
  }

  /// Values a token in the result.
  public var resultWidth: Int {
    heads.headCount * (part == .keys ? heads.keyWidth : heads.valueWidth)
  }
}

/// How a family that leaves a choice writes its graph.
public struct GraphOptions: Hashable, Sendable {
  /// What latent attention keeps of a token.
  public enum LatentCache: Hashable, Sendable {
    /// The compressed row: 576 values a token and layer in DeepSeek-V2.
    case compressed
    /// Keys and values of all heads: 40,960 values there. They are made once, not in every large pass again.
    case expanded
  }
  /// What latent attention keeps of a token.
  public var latentCache: LatentCache
  /// The longest sequence that is asked for, in tokens; nil where nothing is said. Models that were stretched to a
  /// longer context than the one they were first trained for (LongRoPE) are written for that one unless more is
  /// asked for, since the other way of rotating makes short sequences worse.
  public var contextTokens: Int?

  /// Options of a graph.
  public init(latentCache: LatentCache = .compressed, contextTokens: Int? = nil) {
    self.latentCache = latentCache
    self.contextTokens = contextTokens
  }
}
