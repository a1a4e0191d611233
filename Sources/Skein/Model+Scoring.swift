import SkeinText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How well a model predicts a text.
public struct PerplexityReport: Hashable, Sendable {
  /// `exp` of the mean negative log-likelihood of a token.
  public var perplexity: Double
  /// Tokens that were predicted.
  public var tokenCount: Int
}

extension Model {
  /// The logits of every token of a text of its own: float32, `tokens.count * vocabularySize`, a row a
  /// token.
  ///
  /// Load with `outputsPerPass` above 1 for speed.
  public func logits(_ tokens: [Int32]) async throws -> [Float] {
    try checkLength(tokens.count)
    let count = tokens.count * definition.graph.vocabularySize
    return try await thread.run { [engine] in
      try [Float](unsafeUninitializedCapacity: count) { values, initialized in
        try engine.score(tokens[...]) { row, logits in
          let start = values.baseAddress! + row * (count / tokens.count)
          start.initialize(from: logits.baseAddress!, count: logits.count)
          initialized += logits.count
        }
      }
    }
  }

  /// The logits of every token of several texts, computed together: float32, `[texts][longest][vocabulary]`.
  /// Shorter texts are filled up with rows of zeros on the given side.
  ///
  /// Load with `sequenceCount` at the number of texts, or they are computed in groups of so many.
  public func logits(batch texts: [[Int32]], padding side: PaddingSide) async throws -> [Float] {
    for text in texts { try checkLength(text.count) }
    let longest = texts.map(\.count).max() ?? 0
    let vocabulary = definition.graph.vocabularySize
    return try await thread.run { [engine] in
      var values = [Float](repeating: 0, count: texts.count * longest * vocabulary)
      try engine.score(batch: texts) { text, token, logits in
        let shift = side == .left ? longest - texts[text].count : 0
        let first = (text * longest + shift + token) * vocabulary
        values.replaceSubrange(first..<first + vocabulary, with: logits)
      }
      return values
    }
  }

  /// The perplexity of tokens, cut into windows of the plan's context that are computed each on its own.
  /// The first token of a window is given, all others are predicted.
  ///
  /// - Parameter progress: told the tokens done and all there are.
  public func perplexity(
    _ tokens: [Int32], progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) async throws -> PerplexityReport {
    guard tokens.count > 1 else { throw SkeinError(.invalidInput, "a text of one token has no perplexity") }
    let window = plan.limits.contextTokens
    guard window > 1 else { throw SkeinError(.invalidOption, "perplexity needs a context of at least 2") }
    return try await thread.run { [engine, vocabulary = definition.graph.vocabularySize] in
      var sum = 0.0
      var count = 0
      for start in stride(from: 0, to: tokens.count, by: window) {
        let part = tokens[start..<min(start + window, tokens.count)]
        try engine.score(part) { row, logits in
          for index in 0..<logits.count / vocabulary where row + index + 1 < part.count {
            let values = UnsafeBufferPointer(rebasing: logits[index * vocabulary..<(index + 1) * vocabulary])
            sum -= Model.logLikelihood(of: part[part.startIndex + row + index + 1], in: values)
            count += 1
          }
        }
        progress(min(start + window, tokens.count), tokens.count)
      }
      return PerplexityReport(perplexity: exp(sum / Double(count)), tokenCount: count)
    }
  }

  /// The logarithm of a token's probability.
  private static func logLikelihood(of token: Int32, in logits: UnsafeBufferPointer<Float>) -> Double {
    let largest = Double(logits.max()!)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return Double(logits[Int(token)]) - largest - log(sum)
  }

  private func checkLength(_ count: Int) throws(SkeinError) {
    if count == 0 { throw SkeinError(.invalidInput, "there are no tokens") }
    if count > plan.limits.contextTokens {
      throw SkeinError(
        .invalidInput, "\(count) tokens are more than the context of \(plan.limits.contextTokens)")
    }
  }
}
