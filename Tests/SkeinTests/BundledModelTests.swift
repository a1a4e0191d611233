import Foundation
import Skein
import Testing

/// The model that ships, against its own weights computed in float32 elsewhere (`Training/reference.py`).
@Suite struct BundledModelTests {
  struct Stories: Decodable {
    var prompt: String
    var promptTokens: [Int32]
    var topTokens: [Int]
    var topLogits: [Float]
    var greedyTokens: [Int32]
    var greedyMargins: [Float]
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let model = root.appending(path: "Models/stories.gguf").path

  private func reference() throws -> Stories {
    let url = Self.root.appending(path: "Tests/Fixtures/stories-reference.json")
    return try JSONDecoder().decode(Stories.self, from: Data(contentsOf: url))
  }

  @Test func tokensAreThoseOfTheReference() async throws {
    let (reference, model) = (try reference(), try await Model.load(Self.model))
    #expect(model.tokenizer.encode(reference.prompt) == reference.promptTokens)
  }

  @Test func logitsAreThoseOfTheReference() async throws {
    let reference = try reference()
    for devices in try deviceLists() {
      let model = try await Model.load(Self.model, options: .devices(devices))
      let logits = try await model.logits(reference.promptTokens)
      let last = logits.suffix(model.definition.graph.vocabularySize)
      let top = reference.topTokens.map { last[last.startIndex + $0] }
      #expect(relativeDifference(top, reference.topLogits) < 2e-2)
    }
  }

  @Test func greedyTextIsThatOfTheReference() async throws {
    let (reference, model) = (try reference(), try await Model.load(Self.model))
    var options = GenerationOptions()
    options.maximumTokenCount = reference.greedyTokens.count
    options.sampling = .greedy
    let generation = model.generate(tokens: reference.promptTokens, options: options)
    for try await _ in generation {}
    // Weights of 8 bits meet activations of 8 bits here: near ties may fall the other way.
    let sure = reference.greedyMargins.prefix { $0 > 0.3 }.count
    #expect(try #require(generation.report).tokens.prefix(sure) == reference.greedyTokens.prefix(sure))
    #expect(sure >= 3)
  }

  @Test func itEndsItsStories() async throws {
    let model = try await Model.load(Self.model)
    var options = GenerationOptions()
    options.maximumTokenCount = 480
    options.sampling.seed = 3
    let generation = model.generate("Once upon a time", options: options)
    var text = ""
    for try await piece in generation { text += piece }
    let stop = try #require(generation.report).stop
    #expect(stop != .length, "\(text)")
    #expect(text.count > 200 && text.contains("."))
  }
}
