import Skein
import SkeinTestSupport
import Testing

@Suite struct GenerationTests {
  let model: Model

  init() async throws {
    model = try await Model.load(Reference.modelPath("llama"), options: .devices(try deviceLists()[1]))
  }

  private func generate(
    _ tokens: [Int32], _ change: (inout GenerationOptions) -> Void = { _ in }
  ) async throws -> (text: String, report: GenerationReport) {
    var options = GenerationOptions()
    options.maximumTokenCount = 24
    options.ignoresEndOfGeneration = true
    options.sampling.seed = 1
    change(&options)
    let generation = model.generate(tokens: tokens, options: options)
    var text = ""
    for try await piece in generation { text += piece }
    return (text, try #require(generation.report))
  }

  @Test func theSameSeedGivesTheSameText() async throws {
    let first = try await generate([1, 70, 80])
    let again = try await generate([1, 70, 80])
    let other = try await generate([1, 70, 80]) { $0.sampling.seed = 2 }
    #expect(first.report.tokens == again.report.tokens && first.text == again.text)
    #expect(first.report.tokens != other.report.tokens)
    #expect(first.report.tokens.count == 24 && first.report.stop == .length)
  }

  @Test func whatTheCacheHoldsIsNotComputedAgainAndChangesNothing() async throws {
    let prompt = (0..<30).map { Int32($0 + 40) }
    try await model.reset()
    let fresh = try await generate(prompt) { $0.sampling = .greedy }
    #expect(fresh.report.reusedTokenCount == 0)
    // The same prompt again: only its last token is computed.
    let again = try await generate(prompt) { $0.sampling = .greedy }
    #expect(again.report.reusedTokenCount == 29)
    #expect(again.report.tokens == fresh.report.tokens)
    // A prompt that parts from it in the middle.
    let other = try await generate(Array(prompt.prefix(12)) + [9, 10]) { $0.sampling = .greedy }
    #expect(other.report.reusedTokenCount == 12)
    // A conversation: what was written is part of the next prompt.
    let turn = try await generate(prompt + fresh.report.tokens + [77]) { $0.sampling = .greedy }
    #expect(turn.report.reusedTokenCount == 12)
  }

  @Test func generationStopsAtTheTokensThatEndIt() async throws {
    // Greedy from many starts: with 280 tokens some text soon runs into the end.
    var ended = 0
    for start in 3..<120 {
      let result = try await generate([1, Int32(start)]) {
        $0.sampling.temperature = 3
        $0.sampling.topK = 0
        $0.sampling.topP = 1
        $0.sampling.minP = 0
        $0.ignoresEndOfGeneration = false
      }
      #expect(!result.report.tokens.contains(2))
      if case .endOfGeneration(2) = result.report.stop {
        ended += 1
      } else {
        #expect(result.report.tokens.count == 24)
      }
    }
    #expect(ended > 0)
  }

  @Test func aFullContextEndsTheText() async throws {
    let prompt = (0..<120).map { Int32($0 % 250 + 5) }
    let result = try await generate(prompt) { $0.maximumTokenCount = 1000 }
    // The context holds 128 positions; the token after the last needs no place of its own.
    #expect(result.report.stop == .contextFull && result.report.tokens.count == 9)
  }

  @Test func aPromptThatDoesNotFitIsRefused() async throws {
    await #expect { try await generate((0..<129).map { Int32($0 % 250) }) } throws: {
      "\($0)".contains("context")
    }
    // And nothing of it stays behind.
    #expect(try await generate([1, 70, 80]).report.tokens.count == 24)
  }

  @Test func badInputIsRefused() async throws {
    await #expect { try await generate([]) } throws: { "\($0)".contains("no tokens") }
    await #expect { try await generate([280]) } throws: { "\($0)".contains("280") }
    await #expect { try await generate([1]) { $0.sampling.topP = 0 } } throws: { "\($0)".contains("top-p") }
    await #expect { try await model.logits([]) } throws: { "\($0)".contains("no tokens") }
    await #expect { try await model.logits([Int32](repeating: 1, count: 129)) } throws: {
      "\($0)".contains("context")
    }
  }

  @Test func aCancelledGenerationStops() async throws {
    var options = GenerationOptions()
    options.maximumTokenCount = 100
    options.ignoresEndOfGeneration = true
    let generation = model.generate(tokens: [1, 2, 3], options: options)
    generation.cancel()
    for try await _ in generation {}
    #expect(try #require(generation.report).stop == .cancelled)
  }

  @Test func endingTheIterationStopsTheGeneration() async throws {
    var options = GenerationOptions()
    options.maximumTokenCount = 120
    options.ignoresEndOfGeneration = true
    let generation = model.generate(tokens: [1, 2, 3], options: options)
    for try await _ in generation { break }
    // Jobs are served in order: when this one is done, the generation is too.
    try await model.reset()
    let report = try #require(generation.report)
    #expect(report.stop == .cancelled || report.tokens.count == 120)
    #expect(report.decodedTokenCount == max(report.tokens.count - 1, 0) || report.stop == .cancelled)
  }

  @Test func perplexityIsThatOfTheLogits() async throws {
    let tokens = (0..<100).map { Int32($0 * 13 % 270 + 3) }
    let width = model.definition.graph.vocabularySize
    let logits = try await model.logits(tokens)
    var sum = 0.0
    for index in 0..<99 {
      let row = logits[index * width..<(index + 1) * width].map { Double($0) }
      let probability = exponential(row[Int(tokens[index + 1])]) / row.reduce(0) { $0 + exponential($1) }
      sum -= logarithm(probability)
    }
    let report = try await model.perplexity(tokens)
    #expect(report.tokenCount == 99)
    #expect(abs(report.perplexity - exponential(sum / 99)) < 1e-4 * report.perplexity)
  }

  @Test func longTextsAreCutIntoWindows() async throws {
    let tokens = (0..<300).map { Int32($0 * 13 % 270 + 3) }
    // Windows of 128: 127 + 127 + 43 predictions.
    #expect(try await model.perplexity(tokens).tokenCount == 297)
  }
}
