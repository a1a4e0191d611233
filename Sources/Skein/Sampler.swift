#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the next token is chosen.
public struct SamplingOptions: Hashable, Sendable {
  /// Divides the logits; 0 always takes the likeliest token.
  public var temperature: Float = 0.8
  /// Keeps the k likeliest tokens; 0 keeps all.
  public var topK = 40
  /// Keeps the likeliest tokens that together have this probability; 1 keeps all.
  public var topP: Float = 0.95
  /// Keeps tokens at least this fraction as likely as the likeliest; 0 keeps all.
  public var minP: Float = 0.05
  /// Divides the positive and multiplies the negative logits of recent tokens; 1 changes nothing.
  public var repetitionPenalty: Float = 1
  /// How many tokens count as recent; at most 4,096.
  public var repetitionWindow = 64
  /// The same seed gives the same text; nil draws one.
  public var seed: UInt64?

  /// The defaults.
  public init() {}

  /// Always the likeliest token.
  public static var greedy: SamplingOptions {
    var options = SamplingOptions()
    options.temperature = 0
    return options
  }

  /// Throws where a value makes no sense.
  public func validate() throws(SkeinError) {
    func require(_ condition: Bool, _ message: String) throws(SkeinError) {
      if !condition { throw SkeinError(.invalidOption, message) }
    }
    try require(temperature >= 0 && temperature.isFinite, "temperature is \(temperature), must be 0 or more")
    try require(topK >= 0, "top-k is \(topK), must be 0 (all) or more")
    try require(topP > 0 && topP <= 1, "top-p is \(topP), must be above 0 and at most 1")
    try require(minP >= 0 && minP <= 1, "min-p is \(minP), must be from 0 to 1")
    try require(
      repetitionPenalty > 0 && repetitionPenalty.isFinite,
      "repetition penalty is \(repetitionPenalty), must be above 0")
    try require(
      (0...4096).contains(repetitionWindow),
      "repetition window is \(repetitionWindow), must be from 0 to 4096")
  }
}

/// Chooses tokens from logits: penalty, top-k, top-p, min-p, then temperature, then a draw.
public struct Sampler {
  /// The options that it follows.
  public let options: SamplingOptions
  private var generator: SplitMix64
  private var candidates: [Candidate] = []
  private var recent: [Int32] = []
  private var nextRecent = 0

  private struct Candidate {
    var token: Int32
    var logit: Float
    var probability: Float = 0
  }

  /// A sampler at the start of its random numbers.
  public init(_ options: SamplingOptions) {
    self.options = options
    generator = SplitMix64(state: options.seed ?? UInt64.random(in: 0...UInt64.max))
  }

  /// Takes note of a token that the text now has.
  public mutating func accept(_ token: Int32) {
    guard options.repetitionPenalty != 1, options.repetitionWindow > 0 else { return }
    if recent.count < options.repetitionWindow {
      recent.append(token)
    } else {
      recent[nextRecent] = token
      nextRecent = (nextRecent + 1) % options.repetitionWindow
    }
  }

  /// The next token. `logits` has a value for each token of the vocabulary, and is changed.
  ///
  /// - Throws: `SkeinError` where a logit is not a number: weights or kernels are broken, and whatever were
  ///   drawn would be noise.
  public mutating func sample(_ logits: UnsafeMutableBufferPointer<Float>) throws(SkeinError) -> Int32 {
    penalize(logits)
    let best = Sampler.likeliest(UnsafeBufferPointer(logits))
    let largest = logits[Int(best)]
    guard largest.isFinite, !logits.contains(where: \.isNaN) else {
      throw SkeinError(.invalidInput, "the model gave logits that are no numbers; its weights may be damaged")
    }
    if options.temperature == 0 { return best }
    keepTopK(logits, largest: largest)
    keepProbable()
    return draw()
  }

  /// The index of the largest logit, the first where several are equal.
  public static func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] || logits[best].isNaN { best = index }
    return Int32(best)
  }

  private func penalize(_ logits: UnsafeMutableBufferPointer<Float>) {
    for (place, token) in recent.enumerated() {
      // Each token once, however often it was written.
      guard logits.indices.contains(Int(token)), !recent[..<place].contains(token) else { continue }
      let logit = logits[Int(token)]
      logits[Int(token)] = logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty
    }
  }

  /// Fills `candidates` with the k largest logits that min-p does not rule out, largest first.
  private mutating func keepTopK(_ logits: UnsafeMutableBufferPointer<Float>, largest: Float) {
    candidates.removeAll(keepingCapacity: true)
    // exp(logit - largest) >= minP, with room for rounding: `keepProbable` decides.
    let least = options.minP > 0 ? largest + log(options.minP) - 1e-3 : -.infinity
    let count = options.topK == 0 ? logits.count : min(options.topK, logits.count)
    if count > 256 {
      for index in logits.indices where logits[index] >= least {
        candidates.append(Candidate(token: Int32(index), logit: logits[index]))
      }
      candidates.sort { $0.logit > $1.logit || ($0.logit == $1.logit && $0.token < $1.token) }
      candidates.removeLast(max(candidates.count - count, 0))
      return
    }
    // A sorted short list: nearly every logit fails the one comparison with its last.
    for index in logits.indices where logits[index] >= least {
      let logit = logits[index]
      if candidates.count == count {
        guard logit > candidates[count - 1].logit else { continue }
        candidates.removeLast()
      }
      var place = candidates.count
      while place > 0, candidates[place - 1].logit < logit { place -= 1 }
      candidates.insert(Candidate(token: Int32(index), logit: logit), at: place)
    }
  }

  /// Cuts the candidates by top-p and min-p; the likeliest always stays.
  private mutating func keepProbable() {
    let largest = candidates[0].logit
    var sum = 0.0
    for index in candidates.indices {
      candidates[index].probability = exp(candidates[index].logit - largest)
      sum += Double(candidates[index].probability)
    }
    let share = options.topP < 1 ? Double(options.topP) * sum : .infinity
    var kept = 0
    var cumulative = 0.0
    for candidate in candidates {
      if kept > 0, cumulative >= share || candidate.probability < options.minP { break }
      cumulative += Double(candidate.probability)
      kept += 1
    }
    candidates.removeLast(candidates.count - kept)
  }

  private mutating func draw() -> Int32 {
    let largest = candidates[0].logit
    var sum = 0.0
    for index in candidates.indices {
      candidates[index].probability = exp((candidates[index].logit - largest) / options.temperature)
      sum += Double(candidates[index].probability)
    }
    var rest = generator.unit() * sum
    for candidate in candidates {
      rest -= Double(candidate.probability)
      if rest < 0 { return candidate.token }
    }
    return candidates[candidates.count - 1].token
  }
}

/// A small random number generator whose sequence is the same everywhere (Steele, Lea and Flood 2014).
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// From 0 up to but not including 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
