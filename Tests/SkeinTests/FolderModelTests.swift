import Foundation
import SkeinGraph
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

@testable import Skein

/// Whole models in folders as Hugging Face tools save them, against `transformers`.
@Suite struct FolderModelTests {
  /// How far logits may be off, relative to the largest: by the order of float32 sums, but where weights are changed on
  /// the way. 8-bit numbers times their factors are rounded to BF16, and matrices in MXFP4 take activations of 8 bits.
  /// Matrices in BF16 take activations in BF16 where the processor multiplies pairs of those.
  private func bound(_ name: String) -> Float {
    switch name {
    case "deepseek-v3-f8": 1e-2
    case "gpt-oss-mxfp4": 2e-2
    case "gemma2", "gpt-oss", "gpt2", "llama", "qwen3-moe", "qwen3-moe-fused": 1e-2
    default: 1e-5
    }
  }

  private func logits(
    _ name: String, _ devices: String, weights: String? = nil, inputs: PlanLimits.Inputs = .automatic
  ) async throws -> (model: Model, logits: [Float], reference: [Float]) {
    let reference = try FolderReference(name)
    var options = try LoadOptions.folder(devices, weights: weights)
    options.planning.inputs = inputs
    let model = try await Model.load(FolderReference.path(name), options: options)
    return (model, try await model.logits(reference.prompt), reference.logits.flatMap { $0 })
  }

  @Test(arguments: FolderReference.names) func logitsAreThoseOfTheReference(name: String) async throws {
    for (weights, bound) in [(nil, bound(name)), ("f32", 1e-5)] as [(String?, Float)] {
      var first: [Float]?
      for devices in try deviceLists() {
        let (_, logits, reference) = try await logits(name, devices, weights: weights)
        #expect(logits.count == 12 * 64)
        let difference = relativeDifference(logits, reference)
        #expect(difference < bound, "\(name) on \(devices), weights \(weights ?? "as stored"): \(difference)")
        if first == nil { first = logits }
        #expect(logits == first, "\(name) on \(devices), weights \(weights ?? "as stored")")
      }
    }
  }

  /// Matrices in BF16 compute what their values say, where inputs are not rounded to their format.
  @Test(arguments: ["gemma2", "gpt-oss", "gpt2", "llama", "qwen3-moe", "qwen3-moe-fused"])
  func inputsMayStayAsTheyAre(name: String) async throws {
    for devices in try deviceLists() {
      let (_, logits, reference) = try await logits(name, devices, inputs: .float32)
      #expect(relativeDifference(logits, reference) < 1e-5, "\(name) on \(devices)")
    }
  }

  @Test(arguments: FolderReference.names) func convertedWeightsAreNear(name: String) async throws {
    let devices = try deviceLists()[1]
    let exact = try await logits(name, devices, weights: "f32").logits
    // Random matrices of 32 columns feel rounding more than trained ones.
    for (weights, type, bound) in [("bf16", ElementType.bf16, 1e-2), ("q8_0", .q8_0, 6e-2)] as [(_, _, Float)]
    {
      let (model, logits, _) = try await logits(name, devices, weights: weights)
      let difference = relativeDifference(logits, exact)
      #expect(difference < bound, "\(name) as \(weights): \(difference)")
      let definition = model.definition
      for (index, weight) in definition.graph.weights.enumerated() {
        let given = definition.type(of: WeightID(index))
        let isMatrix = weight.shape.extents.count > 1 && weight.name.part == .weight
        let isSmall = [Role.router, .positionEmbedding].contains(weight.name.node.role) || !isMatrix
        let isWhole = weight.shape.columns % type.blockElementCount == 0
        #expect(given == (isSmall ? .f32 : isWhole ? type : .f16), "\(weight.name) in \(given)")
      }
    }
  }

  /// Rows of 256 are whole blocks of every format.
  @Test func wideRowsAreQuantizedOnTheWay() async throws {
    let folder = MadeFolder.llama(width: 256, inner: 256)
    let exact = try await folder.logits(weights: nil)
    #expect(try await folder.logits(weights: "f32") == exact)
    for (weights, bounds) in [("q8_0", 1e-4..<2e-2), ("q6_k", 1e-3..<5e-2), ("q4_k", 5e-3..<0.15)] {
      let difference = relativeDifference(try await folder.logits(weights: weights), exact)
      #expect(bounds.contains(Double(difference)), "\(weights): \(difference)")
    }
  }

  @Test func bothWaysOfStoringExpertsAreOneModel() async throws {
    let single = try await logits("qwen3-moe", "cpu/1")
    let fused = try await logits("qwen3-moe-fused", "cpu/1")
    #expect(single.reference == fused.reference && single.logits == fused.logits)
    #expect(single.model.definition.files.count == 2 && fused.model.definition.files.count == 1)
  }

  /// The head's name in memory, as tools save it that write a model's state as it is.
  @Test func headsOfGPTNeoXHaveTwoNames() async throws {
    let expected = try await logits("gpt-neox", "cpu/1")
    let path = FolderReference.path("gpt-neox")
    var weights = Array(try Data(contentsOf: URL(filePath: path + "/model.safetensors")))
    let (old, new) = (Array("\"embed_out.weight\"".utf8), Array("\"lm_head.weight\"  ".utf8))
    let place = try #require(weights.firstRange(of: old))
    weights.replaceSubrange(place, with: new)
    let folder = TemporaryFolder()
    folder.write("model.safetensors", weights)
    folder.write("config.json", Array(try Data(contentsOf: URL(filePath: path + "/config.json"))))
    let model = try await Model.load(folder.path, options: .folder("cpu/1"))
    #expect(try await model.logits(FolderReference("gpt-neox").prompt) == expected.logits)
  }

  @Test func doublesAreRead() async throws {
    var folder = MadeFolder.llama()
    let exact = try await folder.logits()
    for (name, tensor) in folder.tensors {
      let values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)).map(Double.init) }
      folder.tensors[name] = .init(type: "F64", tensor.shape, values.withUnsafeBytes { Array($0) })
    }
    #expect(try await folder.logits(weights: nil) == exact)
  }
}
