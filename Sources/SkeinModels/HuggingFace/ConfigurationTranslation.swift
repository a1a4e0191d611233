import SkeinFiles
import SkeinGraph
import SkeinTensor

/// A `config.json` of Hugging Face in the words of GGUF metadata, which families read, and the weights that it
/// says the model has.
///
/// Where a key is missing its value is the default of the `transformers` configuration class, but for sizes,
/// which every file states.
struct ConfigurationTranslation {
  /// The value of `general.architecture`.
  let architecture: String
  /// Keys as GGUF files have them.
  private(set) var metadata: Metadata
  /// What weights there are.
  var weights: ConfiguredInventory
  let type: ModelType
  /// The language model's own object.
  let source: ConfigurationObject
  /// The whole file: that of a model with images has the language model's object in it.
  private let file: ConfigurationObject

  /// Reads and translates the file at `path`.
  init(path: String) throws {
    file = try ConfigurationObject(path: path)
    type = try Self.modelType(file)
    let text = type == .gemma3 ? try file.object("text_config") ?? file : file
    source = text.withDefaults(type.defaults)
    architecture = type.architecture
    metadata = Metadata(path: path)
    let vocabularySize = try source.requiredInteger("vocab_size")
    guard (1...ConfigurationReader.largestWidth * 16).contains(vocabularySize) else {
      throw source.error(.invalidConfiguration, "is \(vocabularySize)", at: "vocab_size")
    }
    weights = ConfiguredInventory(rowCounts: [.tokenEmbedding: vocabularySize], path: path)
    try metadata.add("general.architecture", .string(architecture))
    try translateSizes()
    try translateHeads()
    try translateRotation()
    try translateWindow()
    try translatePresence()
    if type.isMixture { try translateExperts() }
    try translateActivation()
    try translateCaps()
  }

  private static func modelType(_ source: ConfigurationObject) throws -> ModelType {
    let className = try source.strings("architectures")?.first
    let name = try source.string("model_type")
    if let name, let type = ModelType(rawValue: name) { return type }
    if name == nil, let className, let type = ModelType.allCases.first(where: { $0.className == className }) {
      return type
    }
    guard let found = name ?? className else {
      throw source.error(
        .invalidConfiguration, "is not there: this is not the configuration of a language model",
        at: "model_type")
    }
    let known = ModelType.allCases.map { name == nil ? $0.className : $0.rawValue }
    throw source.error(
      .unknownArchitecture,
      "\"\(found.prefix(80))\" is not supported; supported are \(known.joined(separator: ", ")) (the nearest is"
        + " \(nearestWord(to: found, in: known) ?? ""))",
      at: name == nil ? "architectures" : "model_type")
  }

  /// How the checkpoint beside the file stores its weights.
  ///
  /// - Throws: `ModelError` where it is quantized: then only the user can say how many bits that takes.
  func storedFormat() throws -> WeightFormat {
    if let quantization = try file.object("quantization_config") {
      let method = try quantization.string("quant_method") ?? "some method"
      throw file.error(
        .unsupported,
        "the weights are quantized by \(method.prefix(40)); say how with --weights, such as 8bpw",
        at: "quantization_config")
    }
    let own = try source.string("dtype", "torch_dtype")
    let name = try own ?? file.string("dtype", "torch_dtype") ?? "bfloat16"
    switch name {
    case "bfloat16": return .elementType(.bf16)
    case "float16": return .elementType(.f16)
    case "float32": return .elementType(.f32)
    default:
      throw source.error(
        .unsupported,
        "\"\(name.prefix(40))\" is none of bfloat16, float16 and float32; say how weights are"
          + " stored with --weights", at: "dtype")
    }
  }

  // MARK: Writing

  /// Adds a key of the architecture.
  mutating func set(_ name: String, _ value: Int?) throws {
    if let value { try metadata.add("\(architecture).\(name)", .int64(Int64(value))) }
  }

  /// Adds a key of the architecture.
  mutating func set(_ name: String, _ value: Double?) throws {
    if let value { try metadata.add("\(architecture).\(name)", .float64(value)) }
  }

  /// Adds a key of the architecture.
  mutating func set(_ name: String, _ value: String) throws {
    try metadata.add("\(architecture).\(name)", .string(value))
  }

  /// Adds a key of the architecture.
  mutating func set(_ name: String, _ value: Bool) throws {
    try metadata.add("\(architecture).\(name)", .bool(value))
  }

  /// Adds a key of the architecture.
  mutating func set(_ name: String, _ values: [Int]) throws {
    try metadata.add("\(architecture).\(name)", .array(MetadataArray(integers: values)))
  }

  // MARK: What all families have

  private mutating func translateSizes() throws {
    try set("vocab_size", weights.rowCounts[.tokenEmbedding])
    let width = try source.requiredInteger("hidden_size", "n_embd")
    try set("embedding_length", width)
    try set("block_count", layerCount())
    // GPT-2 says null for four times the width.
    let inner =
      type == .gpt2 && width <= ConfigurationReader.largestWidth
      ? try source.integer("n_inner") ?? 4 * width : try source.requiredInteger("intermediate_size")
    try set("feed_forward_length", inner)
    try set("context_length", contextLength())
    weights.rowCounts[.positionEmbedding] = try source.integer("n_positions")
    if type == .gpt2 || type == .gptNeoX {
      try set("attention.layer_norm_epsilon", source.number("layer_norm_epsilon", "layer_norm_eps"))
      return
    }
    let epsilon = type == .mixtral ? 1e-5 : 1e-6
    try set("attention.layer_norm_rms_epsilon", source.number("rms_norm_eps") ?? epsilon)
  }

  /// Layers.
  func layerCount() throws -> Int { try source.requiredInteger("num_hidden_layers", "n_layer") }

  /// Positions that the model was made for.
  func contextLength() throws -> Int { try source.requiredInteger("max_position_embeddings", "n_positions") }

  /// The function between the matrices of feed-forward networks. Most families know one only.
  private mutating func translateActivation() throws {
    // The first Gemma files say gelu and mean its approximation by tanh.
    var name = try source.string("hidden_activation", "hidden_act", "activation_function")
    if type == .gemma, name == "gelu" { name = type.usualActivation }
    let isFree = type.usualActivation != "silu"
    if let name, !isFree, name != "silu", name != "swish" {
      throw source.error(.unsupported, "is \"\(name.prefix(40))\"; silu is supported", at: "hidden_act")
    }
    if isFree { try set("hidden_activation", name ?? type.usualActivation) }
  }

  private mutating func translateHeads() throws {
    let heads = try source.requiredInteger("num_attention_heads", "n_head")
    try set("attention.head_count", heads)
    if type.isLatent { return try translateLatentHeads(heads: heads) }
    // These two have as many heads of keys as of queries, whatever a file says.
    let ownKeys = try type == .gpt2 || type == .gptNeoX ? nil : source.integer("num_key_value_heads")
    try set("attention.head_count_kv", ownKeys ?? heads)
    let width = try source.requiredInteger("hidden_size", "n_embd")
    guard heads > 0 else {
      throw source.error(.invalidConfiguration, "must be above zero", at: "num_attention_heads")
    }
    let headWidth = try source.integer("head_dim") ?? (type == .qwen3 ? 128 : width / heads)
    guard headWidth <= ConfigurationReader.largestWidth else {
      throw source.error(.invalidConfiguration, "is \(headWidth)", at: "head_dim")
    }
    try set("attention.key_length", headWidth)
    try set("attention.value_length", headWidth)
    let part = try source.object("rope_parameters")?.number("partial_rotary_factor")
    let own = try source.number("partial_rotary_factor", "rotary_pct")
    let rotated = Double(headWidth) * (part ?? own ?? 1)
    guard (0...Double(headWidth)).contains(rotated) else {
      throw source.error(
        .invalidConfiguration, "rotates \(rotated) of \(headWidth) values",
        at: "partial_rotary_factor")
    }
    try set("rope.dimension_count", Int(rotated))
  }

  private mutating func translateWindow() throws {
    var window = try source.integer("sliding_window")
    switch type {
    case .mistral:
      // Only a file that says null has none.
      if !source.names("sliding_window") { window = 4096 }
    case .mixtral:
      break
    case .qwen2, .qwen3, .qwen2MoE, .qwen3MoE:
      if try source.bool("use_sliding_window") != true { window = nil }
    case .phi3:
      break
    case .gemma2, .gemma3, .gemma3Text, .gptOSS:
      return try translateLayerWindows(window)
    case .llama, .deepseekV2, .deepseekV3, .gemma, .gpt2, .gptNeoX:
      window = nil
    }
    let context = try contextLength()
    guard let window, window > 0, window < context else { return }
    let layers = try layerCount()
    if let kinds = try source.strings("layer_types") {
      if kinds.allSatisfy({ $0 == "full_attention" }) { return }
      guard kinds.allSatisfy({ $0 == "sliding_attention" }) else {
        throw source.error(
          .unsupported, "mixes kinds of attention, which is not supported", at: "layer_types")
      }
    } else if type != .mistral, type != .mixtral, type != .phi3 {
      // The first so many layers have no window.
      let first = try source.integer("max_window_layers") ?? 28
      if first >= layers { return }
      guard first == 0 else {
        throw source.error(
          .unsupported, "gives a window to layers from \(first) on only, which is not supported",
          at: "max_window_layers")
      }
    }
    try set("attention.sliding_window", window)
  }

  private mutating func translatePresence() throws {
    if try source.bool("tie_word_embeddings") == true { weights.absent.insert(.head) }
    switch type {
    case .qwen2:
      weights.biases = [.query, .key, .value]
    case .qwen2MoE:
      if try source.bool("qkv_bias") != false { weights.biases = [.query, .key, .value] }
    case .llama, .qwen3, .qwen3MoE:
      if try source.bool("attention_bias") == true {
        weights.biases = [.query, .key, .value, .attentionOutput]
      }
      if type == .llama, try source.bool("mlp_bias") == true {
        weights.biases.formUnion([.gate, .up, .down])
      }
    case .mistral, .mixtral:
      break
    case .deepseekV2, .deepseekV3:
      if try source.bool("attention_bias") == true {
        weights.biases = [.queryDown, .keyValueDown, .attentionOutput]
      }
      // Checkpoints have both in one matrix.
      weights.absent.formUnion([.keyUp, .valueUp])
    case .gemma, .gemma2, .gemma3, .gemma3Text, .phi3, .gpt2, .gptNeoX, .gptOSS:
      try translateBiases()
    }
  }
}
