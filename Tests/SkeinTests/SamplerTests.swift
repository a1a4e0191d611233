import Skein
import Testing

@Suite struct SamplerTests {
  /// How often each token is drawn.
  private func counts(_ logits: [Float], draws: Int = 20_000, _ change: (inout SamplingOptions) -> Void)
    -> [Int]
  {
    var options = SamplingOptions()
    (options.temperature, options.topK, options.topP, options.minP, options.seed) = (1, 0, 1, 0, 7)
    change(&options)
    var sampler = Sampler(options)
    var counts = [Int](repeating: 0, count: logits.count)
    for _ in 0..<draws {
      var copy = logits
      counts[Int(copy.withUnsafeMutableBufferPointer { sampler.sample($0) })] += 1
    }
    return counts
  }

  /// Logits of these probabilities.
  private func logits(_ probabilities: [Double]) -> [Float] { probabilities.map { Float(logarithm($0)) } }

  private func expectShares(
    _ counts: [Int], _ shares: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let total = Double(counts.reduce(0, +))
    for (count, share) in zip(counts, shares) {
      // Four standard deviations.
      let tolerance = 4 * (share * (1 - share) / total).squareRoot()
      #expect(abs(Double(count) / total - share) <= tolerance, "\(counts)", sourceLocation: sourceLocation)
    }
  }

  @Test func drawsFollowTheProbabilities() {
    expectShares(counts(logits([0.5, 0.1, 0.3, 0.1])) { _ in }, [0.5, 0.1, 0.3, 0.1])
  }

  @Test func temperatureSharpensAndFlattens() {
    expectShares(counts(logits([0.8, 0.2])) { $0.temperature = 0.5 }, [0.64 / 0.68, 0.04 / 0.68])
    expectShares(counts(logits([0.8, 0.2])) { $0.temperature = 1000 }, [0.5, 0.5])
  }

  @Test func zeroTemperatureTakesTheLikeliestAndTheFirstOfEquals() {
    #expect(counts([1, 3, 3, 2], draws: 10) { $0.temperature = 0 } == [0, 10, 0, 0])
  }

  @Test func topKKeepsTheKLikeliest() {
    expectShares(counts(logits([0.1, 0.4, 0.2, 0.3])) { $0.topK = 2 }, [0, 4.0 / 7, 0, 3.0 / 7])
    expectShares(counts(logits([0.5, 0.5])) { $0.topK = 100 }, [0.5, 0.5])
  }

  @Test func topPKeepsTheLikeliestUpToItsShare() {
    expectShares(counts(logits([0.1, 0.4, 0.2, 0.3])) { $0.topP = 0.6 }, [0, 4.0 / 7, 0, 3.0 / 7])
    expectShares(counts(logits([0.1, 0.4, 0.2, 0.3])) { $0.topP = 1e-6 }, [0, 1, 0, 0])
  }

  @Test func minPKeepsWhatIsNotMuchLessLikely() {
    expectShares(counts(logits([0.1, 0.4, 0.2, 0.3])) { $0.minP = 0.45 }, [0, 4.0 / 9, 2.0 / 9, 3.0 / 9])
    expectShares(counts(logits([0.1, 0.4, 0.2, 0.3])) { $0.minP = 1 }, [0, 1, 0, 0])
  }

  @Test func repetitionIsPenalizedOnceForEachTokenInTheWindow() {
    var options = SamplingOptions.greedy
    options.repetitionPenalty = 2
    options.repetitionWindow = 3
    var sampler = Sampler(options)
    func next(_ logits: [Float]) -> Int32 {
      var copy = logits
      return copy.withUnsafeMutableBufferPointer { sampler.sample($0) }
    }
    #expect(next([4, 3, -1]) == 0)
    sampler.accept(0)
    sampler.accept(0)
    // 4 becomes 2, not 1.
    #expect(next([4, 1.5, -1]) == 0)
    #expect(next([4, 3, -1]) == 1)
    sampler.accept(2)
    // A negative logit becomes more so.
    #expect(next([-3, -3, -1]) == 2)
    #expect(next([-3, -1.5, -1]) == 1)
    // Token 0 has left the window.
    sampler.accept(2)
    sampler.accept(2)
    #expect(next([4, 3, -1]) == 0)
  }

  @Test func brokenLogitsDoNotTrap() {
    for values in [[Float.nan, .nan], [-.infinity, -.infinity], [.infinity, 1], [.nan, 1, 2]] as [[Float]] {
      for temperature in [Float(0), 1] {
        let counts = counts(values, draws: 5) { $0.temperature = temperature }
        #expect(counts.reduce(0, +) == 5)
      }
    }
  }

  @Test func senselessOptionsAreNamed() {
    let wrong: [(String, (inout SamplingOptions) -> Void)] = [
      ("temperature", { $0.temperature = -1 }), ("temperature", { $0.temperature = .nan }),
      ("top-k", { $0.topK = -1 }),
      ("top-p", { $0.topP = 0 }), ("top-p", { $0.topP = 1.1 }), ("min-p", { $0.minP = -0.1 }),
      ("repetition", { $0.repetitionPenalty = 0 }), ("window", { $0.repetitionWindow = -1 }),
    ]
    for (name, change) in wrong {
      var options = SamplingOptions()
      change(&options)
      #expect { try options.validate() } throws: { "\($0)".contains(name) }
    }
  }
}
