import Foundation
import SkeinModels
import SkeinTestSupport

@testable import Skein

/// The tests' generator; the sampler has one of the same name.
typealias TestRandom = SkeinTestSupport.SplitMix64

/// A folder of `Fixtures/folders` with its reference.
struct FolderReference: Decodable {
  var prompt: [Int32]
  var logits: [[Float]]

  static let names = [
    "llama", "qwen3-moe", "qwen3-moe-fused", "gpt2", "gpt2-bare", "gpt-neox", "gemma2", "phi3",
    "deepseek-v3-f8",
    "gpt-oss", "gpt-oss-mxfp4",
  ]

  static func path(_ name: String) -> String {
    Bundle.module.resourceURL!.appendingPathComponent("Fixtures/folders/\(name)").path
  }

  init(_ name: String) throws {
    let url = URL(filePath: Self.path(name) + "/reference.json")
    self = try JSONDecoder().decode(FolderReference.self, from: Data(contentsOf: url))
  }
}

extension LoadOptions {
  /// On these devices, with weights in this format, and keys and values as exact as they can be.
  static func folder(_ devices: String, weights: String? = nil) throws -> LoadOptions {
    var options = LoadOptions.devices(devices, cacheType: .f32)
    options.weights = try weights.map { try WeightFormat($0) }
    return options
  }
}

/// A folder that a test makes up: a configuration and tensors by name, which the test may change.
struct MadeFolder {
  /// A tensor as it is in the file.
  struct Tensor {
    var type: String
    var shape: [Int]
    var bytes: [UInt8]

    /// Float32 numbers.
    init(_ shape: [Int], _ values: [Float]) {
      (type, self.shape, bytes) = ("F32", shape, values.withUnsafeBytes { Array($0) })
    }

    init(type: String, _ shape: [Int], _ bytes: [UInt8]) {
      (self.type, self.shape, self.bytes) = (type, shape, bytes)
    }
  }

  /// The members of the configuration.
  var configuration: [String: String]
  /// The tensors.
  var tensors: [String: Tensor] = [:]
  private var random = TestRandom(state: 31)

  private init(_ configuration: [String: String]) { self.configuration = configuration }

  /// Adds a tensor of random numbers, a little from `mean`.
  mutating func add(_ name: String, _ shape: [Int], mean: Float = 0, spread: Float? = nil) {
    let size = spread ?? 1.7 / Float(shape.last!).squareRoot()
    let count = shape.reduce(1, *)
    let values = (0..<count).map { _ in mean + Float.random(in: -size...size, using: &random) }
    tensors[name] = Tensor(shape, values)
  }

  private static func sizes(_ type: String, width: Int, inner: Int) -> [String: String] {
    [
      "model_type": "\"\(type)\"", "vocab_size": "64", "hidden_size": "\(width)",
      "intermediate_size": "\(inner)",
      "num_hidden_layers": "1", "num_attention_heads": "4", "num_key_value_heads": "2",
      "max_position_embeddings": "64", "rms_norm_eps": "1e-5", "tie_word_embeddings": "true",
    ]
  }

  private mutating func addAttention(width: Int, headWidth: Int) {
    add("model.embed_tokens.weight", [64, width], spread: 0.5)
    add("model.norm.weight", [width], mean: 1, spread: 0.2)
    let layer = "model.layers.0."
    add(layer + "input_layernorm.weight", [width], mean: 1, spread: 0.2)
    add(layer + "post_attention_layernorm.weight", [width], mean: 1, spread: 0.2)
    add(layer + "self_attn.q_proj.weight", [4 * headWidth, width])
    add(layer + "self_attn.k_proj.weight", [2 * headWidth, width])
    add(layer + "self_attn.v_proj.weight", [2 * headWidth, width])
    add(layer + "self_attn.o_proj.weight", [width, 4 * headWidth])
  }

  /// A llama of one layer.
  static func llama(width: Int = 32, inner: Int = 64) -> MadeFolder {
    var folder = MadeFolder(sizes("llama", width: width, inner: inner))
    folder.addAttention(width: width, headWidth: width / 4)
    folder.add("model.layers.0.mlp.gate_proj.weight", [inner, width])
    folder.add("model.layers.0.mlp.up_proj.weight", [inner, width])
    folder.add("model.layers.0.mlp.down_proj.weight", [width, inner])
    return folder
  }

  /// A mixture of one layer, whose three experts are in two stacks.
  static func mixture(width: Int, inner: Int) -> MadeFolder {
    let more = [
      "head_dim": "8", "num_experts": "3", "num_experts_per_tok": "2", "moe_intermediate_size": "\(inner)",
      "decoder_sparse_step": "1", "norm_topk_prob": "true",
    ]
    var folder = MadeFolder(sizes("qwen3_moe", width: width, inner: inner).merging(more) { $1 })
    folder.addAttention(width: width, headWidth: 8)
    folder.add("model.layers.0.self_attn.q_norm.weight", [8], mean: 1, spread: 0.2)
    folder.add("model.layers.0.self_attn.k_norm.weight", [8], mean: 1, spread: 0.2)
    folder.add("model.layers.0.mlp.gate.weight", [3, width])
    folder.add("model.layers.0.mlp.experts.gate_up_proj", [3, 2 * inner, width])
    folder.add("model.layers.0.mlp.experts.down_proj", [3, width, inner])
    return folder
  }

  /// A GPT-2 of one layer, whose matrices are stored the other way round.
  static func gpt2() -> MadeFolder {
    var folder = MadeFolder([
      "model_type": "\"gpt2\"", "vocab_size": "64", "n_embd": "32", "n_layer": "1", "n_head": "4",
      "n_positions": "64",
    ])
    folder.add("wte.weight", [64, 32])
    folder.add("wpe.weight", [64, 32])
    for norm in ["h.0.ln_1", "h.0.ln_2", "ln_f"] {
      folder.add(norm + ".weight", [32], mean: 1)
      folder.add(norm + ".bias", [32])
    }
    let matrices = [
      ("attn.c_attn", 32, 96), ("attn.c_proj", 32, 32), ("mlp.c_fc", 32, 128), ("mlp.c_proj", 128, 32),
    ]
    for (name, inputs, outputs) in matrices {
      folder.add("h.0.\(name).weight", [inputs, outputs])
      folder.add("h.0.\(name).bias", [outputs])
    }
    return folder
  }

  /// Writes `config.json` and `model.safetensors`.
  func write(_ folder: TemporaryFolder) {
    let members = configuration.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    folder.write("config.json", Array("{\(members.joined(separator: ", "))}".utf8))
    var builder = SafetensorsBuilder()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      builder.add(name, tensor.type, tensor.shape, tensor.bytes)
    }
    folder.write("model.safetensors", builder.build())
  }

  /// The logits of a few tokens, on one device.
  func logits(weights: String? = "f32") async throws -> [Float] {
    let folder = TemporaryFolder()
    write(folder)
    let model = try await Model.load(folder.path, options: .folder("cpu/1", weights: weights))
    return try await model.logits([1, 5, 60, 5, 33, 2, 18])
  }
}
