import Skein
import SkeinTestSupport
import Testing

/// Several texts together against each alone.
@Suite struct BatchGenerationTests {
  let model: Model

  init() async throws {
    var options = LoadOptions.devices(try deviceLists()[1])
    options.planning.sequenceCount = 3
    options.planning.request.concurrency = 3
    model = try await Model.load(Reference.modelPath("llama"), options: options)
  }

  private func options(_ count: Int) -> GenerationOptions {
    var options = GenerationOptions()
    options.maximumTokenCount = count
    options.ignoresEndOfGeneration = true
    options.sampling = .greedy
    return options
  }

  private func alone(_ prompt: [Int32], _ options: GenerationOptions) async throws -> [Int32] {
    try await model.reset()
    let generation = model.generate(tokens: prompt, options: options)
    for try await _ in generation {}
    return try #require(generation.report).tokens
  }

  private func prompt(_ count: Int, _ start: Int) -> [Int32] {
    (0..<count).map { Int32(($0 * 7 + start) % 250 + 5) }
  }

  @Test func textsTogetherAreThoseOfEachAlone() async throws {
    let prompts = [prompt(3, 0), prompt(40, 11), prompt(17, 60)]
    let report = try await model.generate(batch: prompts, options: options(12))
    #expect(report.readTokenCount == 60 && report.decodedTokenCount == 33)
    #expect(report.prefillTokensPerSecond > 0 && report.decodeTokensPerSecond > 0)
    for (text, written) in zip(prompts, report.tokens) {
      #expect(try await alone(text, options(12)) == written)
    }
    // And nothing of them stays behind.
    #expect(try await model.generate(batch: prompts, options: options(12)).tokens == report.tokens)
  }

  @Test func aTextWhoseContextIsFullEndsAndTheOthersGoOn() async throws {
    // 128 positions: the token after the last needs none.
    let report = try await model.generate(batch: [prompt(120, 1), prompt(5, 2)], options: options(40))
    #expect(report.tokens.map(\.count) == [9, 40])
  }

  @Test func textsFromOnePromptDiffer() async throws {
    var sampling = options(24)
    sampling.sampling = SamplingOptions()
    sampling.sampling.temperature = 2
    sampling.sampling.seed = 5
    let prompts = [prompt(6, 3), prompt(6, 3), prompt(6, 3)]
    let first = try await model.generate(batch: prompts, options: sampling)
    #expect(Set(first.tokens).count == 3)
    #expect(try await model.generate(batch: prompts, options: sampling).tokens == first.tokens)
  }

  @Test func badInputIsRefused() async throws {
    func refuses(_ prompts: [[Int32]], _ words: String) async {
      await #expect { try await model.generate(batch: prompts, options: options(4)) } throws: {
        "\($0)".contains(words)
      }
    }
    await refuses([[1], []], "text 1 has no tokens")
    await refuses([[1], [2], [3], [4]], "sequenceCount")
    await refuses([], "sequenceCount")
    await refuses([[1], [280]], "280")
    await refuses([[1], prompt(129, 0)], "context")
    #expect(try await model.generate(batch: [[1], [2]], options: options(4)).tokens.map(\.count) == [4, 4])
  }

  @Test func aCancelledTaskEnds() async throws {
    let many = options(100)
    let task = Task { [model] in
      withUnsafeCurrentTask { $0?.cancel() }
      return try await model.generate(batch: [[1], [2]], options: many)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func whatFollowsALengthIsForgotten() async throws {
    let text = prompt(30, 9)
    let tokens = try await alone(text, options(8))
    try await model.truncate(to: 10)
    let generation = model.generate(tokens: text, options: options(8))
    for try await _ in generation {}
    let report = try #require(generation.report)
    #expect(report.reusedTokenCount == 10 && report.tokens == tokens)
  }
}
