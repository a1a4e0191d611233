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
      counts[Int(copy.withUnsafeMutableBufferPointer { try! sampler.sample($0) })] += 1
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
      return copy.withUnsafeMutableBufferPointer { try! sampler.sample($0) }
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

  @Test func brokenLogitsAreAnErrorNotNoise() {
    for values in [
      [Float.nan, .nan], [-.infinity, -.infinity], [.infinity, 1], [.nan, 1, 2], [2, 1, .nan],
    ] as [[Float]] {
      for temperature in [Float(0), 1] {
        var options = SamplingOptions()
        options.temperature = temperature
        var sampler = Sampler(options)
        var copy = values
        #expect(throws: SkeinError.self) {
          try copy.withUnsafeMutableBufferPointer { try sampler.sample($0) }
        }
      }
    }
    // Tokens that a model rules out altogether are no fault.
    #expect(counts([-.infinity, 1], draws: 5) { _ in } == [0, 5])
  }

  @Test func aLargeKIsTheSameAsAll() {
    let values = (0..<3000).map { Float($0 * 7919 % 3000) / 300 }
    let all = counts(values, draws: 2000) { $0.topK = 0 }
    #expect(counts(values, draws: 2000) { $0.topK = 3000 } == all)
    let some = counts(values, draws: 2000) { $0.topK = 300 }
    let kept = Set(values.indices.sorted { values[$0] > values[$1] }.prefix(300))
    #expect(
      some.indices.allSatisfy { some[$0] == 0 || kept.contains($0) } && some.filter { $0 > 0 }.count > 150)
  }

  @Test func nothingIsCutWhereAllIsKept() {
    // One token far above a hundred thousand that are each unlikely and together are not.
    let values = [0] + [Float](repeating: -17.3, count: 100_000)
    let first = counts(values, draws: 200) { $0.temperature = 3 }[0]
    #expect(first < 10)
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
