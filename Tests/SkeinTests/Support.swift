import Foundation
import SkeinDevices
import SkeinTensor
import SkeinTestSupport

@testable import Skein

/// A reference model of `Fixtures`.
struct Reference: Decodable {
  var prompt: [Int32]
  var rows: [Int]
  var logits: [[Float]]
  var greedy: [Int32]
  var margins: [Float]

  static let names = [
    "llama", "llama-linear", "llama-llama3", "mistral", "qwen2", "qwen3", "mixtral", "qwen2-moe", "qwen3-moe",
    "deepseek-v2", "deepseek-v2-old", "deepseek-v3", "gemma", "gemma2", "gemma3", "phi3", "gpt2", "gptneox",
    "gptneox-serial", "gpt-oss",
  ]

  static func modelPath(_ name: String) -> String {
    Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(name).gguf").path
  }

  init(_ name: String) throws {
    let url = Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(name).json")
    self = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: url))
  }
}

extension LoadOptions {
  static func devices(
    _ list: String, outputs: Int = 16, instructionSet: String? = nil,
    cacheType: PlanningOptions.CacheType = .automatic
  ) -> LoadOptions {
    var options = LoadOptions()
    options.devices = .list(list)
    options.planning.outputsPerPass = outputs
    options.planning.usesAllDevices = true
    options.planning.layerSharing = .never
    options.planning.cacheType = cacheType
    options.profiles = .estimated
    options.instructionSet = instructionSet
    return options
  }
}

/// Device lists that this machine can make: one core twice over would be refused.
func deviceLists() throws -> [String] {
  let cores = try CPUTopology().cores
  guard cores.count > 1 else { return ["cpu", "cpu@\(cores[0])"] }
  return ["cpu", "cpu/2", "cpu@\(cores[0])", "cpu@\(cores[0]),cpu@\(cores[1])"]
}

/// The largest difference relative to the largest value.
func relativeDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
  let scale = b.map(abs).max() ?? 1
  return zip(a, b).map { ($0 - $1).isNaN ? .infinity : abs($0 - $1) }.max()! / scale
}

extension GGUFBuilder {
  /// A llama whose matrices are drawn in `type`: width 256, so that every format fits.
  static func llama(
    layers: Int = 2, vocabulary: Int = 280, width: Int = 256, feedForward: Int = 256,
    matrix: (_ rows: Int, _ columns: Int) -> (type: ElementType, bytes: [UInt8])
  ) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", .string("llama"))
    builder.add("llama.block_count", .uint32(UInt32(layers)))
    builder.add("llama.context_length", .uint32(128))
    builder.add("llama.embedding_length", .uint32(UInt32(width)))
    builder.add("llama.feed_forward_length", .uint32(UInt32(feedForward)))
    builder.add("llama.attention.head_count", .uint32(4))
    builder.add("llama.attention.head_count_kv", .uint32(2))
    builder.add("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
    builder.add("llama.rope.freq_base", .float32(10_000))
    builder.addVocabulary(vocabulary)
    let ones = [Float](repeating: 1, count: width).withUnsafeBytes { Array($0) }
    func add(_ name: String, _ rows: Int, _ columns: Int) {
      let (type, bytes) = matrix(rows, columns)
      builder.addTensor(name, [rows, columns], type, bytes: bytes)
    }
    add("token_embd.weight", vocabulary, width)
    builder.addTensor("output_norm.weight", [width], .f32, bytes: ones)
    for layer in 0..<layers {
      builder.addTensor("blk.\(layer).attn_norm.weight", [width], .f32, bytes: ones)
      builder.addTensor("blk.\(layer).ffn_norm.weight", [width], .f32, bytes: ones)
      add("blk.\(layer).attn_q.weight", width, width)
      add("blk.\(layer).attn_k.weight", width / 2, width)
      add("blk.\(layer).attn_v.weight", width / 2, width)
      add("blk.\(layer).attn_output.weight", width, width)
      add("blk.\(layer).ffn_gate.weight", feedForward, width)
      add("blk.\(layer).ffn_up.weight", feedForward, width)
      add("blk.\(layer).ffn_down.weight", width, feedForward)
    }
    return builder
  }

  /// Byte tokens and made-up words, in the way of SentencePiece.
  mutating func addVocabulary(_ count: Int) {
    var tokens = ["<unk>", "<s>", "</s>"] + (0..<256).map { "<0x\(hexadecimal($0))>" }
    tokens += (0..<max(count - tokens.count, 0)).map { "word\($0)" }
    let kinds: [Int32] = [2, 3, 3] + [Int32](repeating: 6, count: 256) + [Int32](repeating: 1, count: count)
    add("tokenizer.ggml.model", .string("llama"))
    add("tokenizer.ggml.tokens", .strings(Array(tokens.prefix(count))))
    add("tokenizer.ggml.scores", .float32s((0..<count).map { -Float($0) }))
    add("tokenizer.ggml.token_type", .int32s(Array(kinds.prefix(count))))
    add("tokenizer.ggml.bos_token_id", .uint32(1))
    add("tokenizer.ggml.eos_token_id", .uint32(2))
  }

  private func hexadecimal(_ byte: Int) -> String {
    let digits = Array("0123456789ABCDEF")
    return String([digits[byte / 16], digits[byte % 16]])
  }
}
