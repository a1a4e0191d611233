import CKernels
import Foundation
import Skein
import Testing

/// The models that ship, against their own weights computed in float32 elsewhere (`Training/reference.py`).
@Suite struct BundledModelTests {
  static let names = ["stories", "stories-moe"]

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

  private func path(_ name: String) -> String { Self.root.appending(path: "Models/\(name).gguf").path }

  private func reference(_ name: String) throws -> Stories {
    let url = Self.root.appending(path: "Tests/Fixtures/\(name)-reference.json")
    return try JSONDecoder().decode(Stories.self, from: Data(contentsOf: url))
  }

  @Test(arguments: names) func tokensAreThoseOfTheReference(name: String) async throws {
    let (reference, model) = (try reference(name), try await Model.load(path(name)))
    #expect(try model.tokenizer.encode(reference.prompt) == reference.promptTokens)
  }

  @Test(arguments: names) func logitsAreThoseOfTheReference(name: String) async throws {
    let reference = try reference(name)
    for devices in try deviceLists() {
      let model = try await Model.load(path(name), options: .devices(devices))
      let logits = try await model.logits(reference.promptTokens)
      let last = logits.suffix(model.definition.graph.vocabularySize)
      let top = reference.topTokens.map { last[last.startIndex + $0] }
      #expect(relativeDifference(top, reference.topLogits) < 2e-2)
    }
  }

  @Test(arguments: names) func greedyTextIsThatOfTheReference(name: String) async throws {
    let (reference, model) = (try reference(name), try await Model.load(path(name)))
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

  /// The fast kernels predict a text as well as those that specify them, to a thousandth.
  @Test(arguments: names) func everyInstructionSetPredictsAsWell(name: String) async throws {
    let text = try String(contentsOf: Self.root.appending(path: "Training/heldout.txt"), encoding: .utf8)
    var index: Int32 = 0
    var expected = 0.0
    while let set = skein_kernels_name(index) {
      index += 1
      var options = LoadOptions.devices("cpu", outputs: 128, instructionSet: String(cString: set))
      options.planning.contextTokens = 256
      let model = try await Model.load(path(name), options: options)
      let tokens = try model.tokenizer.encode(String(text.prefix(2400)))
      let perplexity = try await model.perplexity(tokens).perplexity
      if index == 1 { expected = perplexity }
      #expect(abs(perplexity / expected - 1) < 1e-3, "\(String(cString: set)): \(perplexity), \(expected)")
    }
    #expect(index > 0 && expected > 1)
  }

  @Test(arguments: names) func itEndsItsStories(name: String) async throws {
    let model = try await Model.load(path(name))
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
