#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rotary position embedding.
///
/// Pair i of a head is turned by `position * frequency[i]`, where the frequency is `base^(-2i/dimensions)`
/// as the scaling changes it.
public struct Rope: Hashable, Sendable {
  /// Which two values make a pair.
  public enum Pairing: Hashable, Sendable {
    /// Values 2i and 2i + 1, counted from `first`.
    case interleaved
    /// Values i and i + dimensions / 2, counted from `first`.
    case halves
  }

  /// How frequencies were changed to reach a longer context than the model was first trained for.
  public enum Scaling: Hashable, Sendable {
    /// Not at all.
    case none
    /// All divided by the factor.
    case linear(factor: Float)
    /// Each divided by its own factor; the vector has dimensions / 2 values (`rope_freqs` in GGUF).
    case perFrequency(factors: [Float])
    /// Low frequencies divided, high ones kept, smooth between.
    case llama3(factor: Float, lowFrequencyFactor: Float, highFrequencyFactor: Float, originalContext: Int)
    /// As `perFrequency`, and sines and cosines are multiplied by `magnitude` (LongRoPE, arXiv 2402.13753).
    case factors([Float], magnitude: Float)
    /// YaRN (arXiv 2309.00071): a ramp over the pairs, and all scores a little larger.
    case yarn(factor: Float, originalContext: Int, betaFast: Float, betaSlow: Float, attentionFactor: Float?)
  }

  /// Heads in the rotated vector.
  public var headCount: Int
  /// Values a head.
  public var headWidth: Int
  /// Rotated values of each head; even.
  public var dimensions: Int
  /// Place in a head of the first of them; the others are passed on as they are.
  public var first: Int
  /// The longest wavelength is about `2 pi base` positions.
  public var base: Float
  /// Which two values make a pair.
  public var pairing: Pairing
  /// How frequencies were changed.
  public var scaling: Scaling

  /// A rotation of `headCount` heads.
  public init(
    headCount: Int, headWidth: Int, dimensions: Int, base: Float, pairing: Pairing, scaling: Scaling,
    first: Int = 0
  ) {
    self.headCount = headCount
    self.headWidth = headWidth
    self.dimensions = dimensions
    self.base = base
    self.pairing = pairing
    self.scaling = scaling
    self.first = first
  }

  /// Radians a position for each of the `dimensions / 2` pairs.
  public var frequencies: [Float] { frequencies(roundsRamp: true) }

  /// The same.
  ///
  /// - Parameter roundsRamp: whether YaRN's ramp begins and ends at whole pairs, as in all but gpt-oss.
  public func frequencies(roundsRamp: Bool) -> [Float] {
    let plain = (0..<dimensions / 2).map { 1 / pow(base, Float(2 * $0) / Float(dimensions)) }
    switch scaling {
    case .none:
      return plain
    case .linear(let factor):
      return plain.map { $0 / factor }
    case .perFrequency(let factors), .factors(let factors, _):
      return zip(plain, factors).map { $0 / $1 }
    case .llama3(let factor, let low, let high, let originalContext):
      return plain.map { frequency in
        let turns = Float(originalContext) * frequency / (2 * .pi)
        if turns < low { return frequency / factor }
        if turns > high { return frequency }
        let smooth = (turns - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
      }
    case .yarn(let factor, let originalContext, let betaFast, let betaSlow, _):
      // The pair that turns `turns` times over the original context.
      func pair(turns: Float) -> Float {
        Float(dimensions) * log(Float(originalContext) / (turns * 2 * .pi)) / (2 * log(base))
      }
      let (fast, slow) = (pair(turns: betaFast), pair(turns: betaSlow))
      let first = max(roundsRamp ? fast.rounded(.down) : fast, 0)
      let last = min(roundsRamp ? slow.rounded(.up) : slow, Float(dimensions - 1))
      return plain.enumerated().map { index, frequency in
        let ramp = min(max((Float(index) - first) / max(last - first, 0.001), 0), 1)
        return frequency / factor * ramp + frequency * (1 - ramp)
      }
    }
  }

  /// Sines and cosines are multiplied by it.
  public var magnitude: Float {
    if case .factors(_, let magnitude) = scaling { return magnitude }
    guard case .yarn(let factor, _, _, _, let attentionFactor) = scaling else { return 1 }
    return attentionFactor ?? Self.yarnMagnitude(factor: factor)
  }

  /// By how much YaRN enlarges queries and keys: `multiplier * ln(factor) + 1`.
  public static func yarnMagnitude(factor: Float, multiplier: Float = 0.1) -> Float {
    factor > 1 ? multiplier * log(factor) + 1 : 1
  }
}
