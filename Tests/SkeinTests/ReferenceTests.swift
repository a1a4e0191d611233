import CKernels
import Skein
import SkeinTestSupport
import Testing

/// Whole models against `transformers`.
@Suite struct ReferenceTests {
  /// Logits may be off by the rounding of float32; over a cache of F16, whose keys have 11 bits, by as much as that
  /// moves the scores of small random models.
  static let bounds: [(type: PlanningOptions.CacheType, bound: Float)] = [(.f32, 2e-5), (.f16, 2e-3)]

  @Test(arguments: Reference.names) func logitsAreThoseOfTheReference(name: String) async throws {
    let reference = try Reference(name)
    for devices in try deviceLists() {
      for (type, bound) in Self.bounds {
        let model = try await Model.load(
          Reference.modelPath(name), options: .devices(devices, cacheType: type))
        let width = model.definition.graph.vocabularySize
        let logits = try await model.logits(reference.prompt)
        for (row, expected) in zip(reference.rows, reference.logits) {
          let difference = relativeDifference(logits[row * width..<(row + 1) * width], expected)
          #expect(difference < bound, "\(name) on \(devices), row \(row), cache \(type)")
        }
      }
    }
  }

  @Test(arguments: Reference.names) func greedyTokensAreThoseOfTheReference(name: String) async throws {
    let reference = try Reference(name)
    let model = try await Model.load(Reference.modelPath(name), options: .devices(try deviceLists()[1]))
    var options = GenerationOptions()
    options.maximumTokenCount = reference.greedy.count
    options.sampling = .greedy
    options.ignoresEndOfGeneration = true
    let generation = model.generate(tokens: reference.prompt, options: options)
    for try await _ in generation {}
    // After a near tie another token would be as right, and all that follow would differ.
    let sure = reference.margins.prefix { $0 > 1e-3 }.count
    #expect(try #require(generation.report).tokens.prefix(sure) == reference.greedy.prefix(sure))
    #expect(sure > 0)
  }

  @Test(arguments: Reference.names) func everyInstructionSetAgrees(name: String) async throws {
    let reference = try Reference(name)
    var index: Int32 = 0
    while let set = skein_kernels_name(index) {
      index += 1
      let model = try await Model.load(
        Reference.modelPath(name),
        options: .devices("cpu", instructionSet: String(cString: set), cacheType: .f32))
      let logits = try await model.logits(reference.prompt)
      let width = model.definition.graph.vocabularySize
      let last = logits[((reference.prompt.count - 1) * width)...]
      #expect(relativeDifference(last, reference.logits.last!) < 2e-5, "\(String(cString: set))")
    }
    #expect(index > 0)
  }

  @Test func everyPlacementGivesTheSameBits() async throws {
    let tokens = (0..<64).map { Int32($0 * 5 % 270) + 3 }
    for name in Reference.names {
      var expected: [Float]?
      for devices in try deviceLists() {
        let model = try await Model.load(Reference.modelPath(name), options: .devices(devices))
        let logits = try await model.logits(tokens)
        if expected == nil { expected = logits }
        #expect(logits == expected, "\(name) on \(devices)")
      }
    }
  }
}
