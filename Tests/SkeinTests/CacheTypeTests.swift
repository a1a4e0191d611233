import Foundation
import Skein
import SkeinModels
import Testing

/// The bundled model with a key-value cache of 8 bits and one of 32 against one of 16.
@Suite struct CacheTypeTests {
  private func load(
    _ type: PlanningOptions.CacheType, devices: String = "cpu", tokensPerPass: Int = 256
  ) async throws -> Model {
    var options = LoadOptions.devices(devices, outputs: min(64, tokensPerPass))
    options.planning.cacheType = type
    options.planning.tokensPerPass = tokensPerPass
    options.planning.contextTokens = 512
    return try await Model.load(
      BundledModelTests.root.appending(path: "Models/stories.gguf").path, options: options)
  }

  private func text(_ model: Model) throws -> [Int32] {
    let url = BundledModelTests.root.appending(path: "Training/heldout.txt")
    return Array(try model.tokenizer.encode(try String(contentsOf: url, encoding: .utf8)).prefix(1024))
  }

  @Test func logitsAndPerplexityAreNearlyThoseOfF16() async throws {
    let (large, small) = try await (load(.f16), load(.q8_0))
    let tokens = try text(large)
    let window = Array(tokens.prefix(512))
    let (expected, actual) = try await (large.logits(window), small.logits(window))
    let norms = zip(actual, expected).reduce(into: (0.0, 0.0)) { sums, pair in
      sums.0 += Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
      sums.1 += Double(pair.1) * Double(pair.1)
    }
    // Measured: 1.0e-2 of the norm.
    let difference = (norms.0 / norms.1).squareRoot()
    #expect(difference < 2e-2 && difference > 1e-3, "\(difference)")
    let (exact, rounded) = try await (large.perplexity(tokens), small.perplexity(tokens))
    // Measured: 4e-4.
    let change = abs(rounded.perplexity / exact.perplexity - 1)
    #expect(change < 2e-3 && rounded != exact, "\(exact.perplexity) became \(rounded.perplexity)")
  }

  @Test func compressedRowsTake8BitsAsWell() async throws {
    func logits(_ type: PlanningOptions.CacheType) async throws -> [Float] {
      var options = LoadOptions.devices("cpu", outputs: 64)
      options.planning.cacheType = type
      let path = BundledModelTests.root.appending(path: "Models/stories-moe.gguf").path
      let model = try await Model.load(path, options: options)
      return try await model.logits(Array(try text(model).prefix(128)))
    }
    let (expected, actual) = try await (logits(.f16), logits(.q8_0))
    let norms = zip(actual, expected).reduce(into: (0.0, 0.0)) { sums, pair in
      sums.0 += Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
      sums.1 += Double(pair.1) * Double(pair.1)
    }
    let difference = (norms.0 / norms.1).squareRoot()
    #expect(difference < 3e-2 && difference > 5e-4, "\(difference)")
  }

  @Test func thePlanReservesWhatTheTypeTakes() async throws {
    let (large, small) = try await (load(.f16), load(.q8_0))
    func cacheBytes(_ model: Model) -> Int {
      model.plan.devices[0].caches.reduce(0) { $0 + $1.keys.byteCount + $1.values.byteCount }
    }
    // Heads of 64: two blocks of 34 bytes instead of 128.
    #expect(cacheBytes(small) * 128 == cacheBytes(large) * 68)
    for model in [large, small] {
      let device = model.plan.devices[0]
      #expect(model.reservedBytes[device.device] == model.plan.byteCount(device: 0))
    }
    let saved = large.plan.byteCount(device: 0) - small.plan.byteCount(device: 0)
    #expect(abs(saved - (cacheBytes(large) - cacheBytes(small))) <= 4096)
  }

  @Test(arguments: [PlanningOptions.CacheType.q8_0, .bf16, .f32])
  func everyPlacementGivesTheSameBits(type: PlanningOptions.CacheType) async throws {
    let lists = try deviceLists()
    let reference = try await load(type, devices: lists[0])
    let tokens = Array(try text(reference).prefix(200))
    let expected = try await reference.logits(tokens)
    for list in lists.dropFirst() {
      #expect(try await load(type, devices: list).logits(tokens) == expected, "\(list)")
    }
  }

  /// A few tokens far down a context: several threads share out its chunks, where one does them in a row.
  @Test(arguments: PlanningOptions.CacheType.allCases)
  func howManyThreadsShareATokensAttentionChangesNoBit(type: PlanningOptions.CacheType) async throws {
    var results: [[Float]] = []
    for list in try deviceLists().prefix(3) {
      let model = try await load(type, devices: list, tokensPerPass: 3)
      let tokens = Array(try text(model).prefix(300))
      results.append(try await model.logits(tokens).suffix(60 * model.definition.graph.vocabularySize))
    }
    for result in results.dropFirst() { #expect(sameBits(result, results[0])) }
  }

  private func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
  }

  @Test func float32TakesTwiceTheMemoryOfF16AndMovesLogitsLittle() async throws {
    let (half, whole) = try await (load(.f16), load(.f32))
    let bytes = [half, whole].map { model in
      model.plan.devices[0].caches.reduce(0) { $0 + $1.keys.byteCount + $1.values.byteCount }
    }
    #expect(bytes[1] == 2 * bytes[0])
    #expect(whole.reservedBytes[whole.plan.devices[0].device] == whole.plan.byteCount(device: 0))
    let tokens = Array(try text(half).prefix(128))
    let difference = relativeDifference(try await half.logits(tokens), try await whole.logits(tokens))
    #expect(difference > 0 && difference < 2e-2, "\(difference)")
  }

  @Test func bfloatTakesTheMemoryOfF16AndMovesLogitsLittle() async throws {
    let (half, bfloat) = try await (load(.f16), load(.bf16))
    #expect(half.plan.byteCount(device: 0) == bfloat.plan.byteCount(device: 0))
    let tokens = Array(try text(half).prefix(128))
    let difference = relativeDifference(try await half.logits(tokens), try await bfloat.logits(tokens))
    #expect(difference > 0 && difference < 4e-2, "\(difference)")
  }

  /// The cache is as exact as the weights that devices are given, whatever the file has.
  @Test func automaticFollowsTheWeights() async throws {
    #expect(try await load(.automatic).plan.limits.cacheType == .f16)
    var options = LoadOptions.devices("cpu")
    #expect(options.planning.cacheType == .automatic)
    let exact = try await Model.load(Reference.modelPath("llama"), options: options)
    #expect(exact.plan.limits.cacheType == .f32 && exact.planned.problem.model.cacheType == .f32)
    options.planning.cacheType = .f16
    let rounded = try await Model.load(Reference.modelPath("llama"), options: options)
    #expect(rounded.plan.limits.cacheType == .f16)
    // Devices are given what the options say.
    options.planning.cacheType = .automatic
    options.weights = .elementType(.bf16)
    let converted = try await Model.load(Reference.modelPath("llama"), options: options)
    #expect(converted.definition.commonMatrixType == .bf16 && converted.plan.limits.cacheType == .f16)
  }
}
