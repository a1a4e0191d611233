import SkeinFiles
import SkeinGraph
import SkeinModels

/// The hyper-parameters of a folder in the keys, and the types of values, that GGUF files have.
struct FolderMetadata {
  private(set) var metadata: Metadata
  /// What GGUF files have as tensors.
  private(set) var vectors: [String: [Float]]
  private(set) var warnings: [String] = []
  private let definition: ModelDefinition
  private var architecture: String { definition.configuration.architecture }

  init(_ definition: ModelDefinition) {
    self.definition = definition
    vectors = definition.vectors
    metadata = Metadata(path: definition.path)
    metadata.set("general.architecture", .string(definition.configuration.architecture))
    let parts = definition.path.split(separator: "/")
    if let name = parts.last(where: { $0 != "." }) { metadata.set("general.name", .string(String(name))) }
    for key in definition.metadata.keys where key != "general.architecture" {
      if let value = definition.metadata[key] { metadata.set(key, Self.narrow(value)) }
    }
    remove("rope.pairing")
    translateScaling()
    translateWindows()
    translateActivation()
    translateExperts()
  }

  private func key(_ name: String) -> String { "\(architecture).\(name)" }
  private mutating func remove(_ names: String...) { for name in names { metadata.remove(key(name)) } }

  /// Readers of GGUF files want 32 bits.
  private static func narrow(_ value: MetadataValue) -> MetadataValue {
    switch value {
    case .int64(let integer): UInt32(exactly: integer).map(MetadataValue.uint32) ?? value
    case .float64(let number): .float32(Float(number))
    default: value
    }
  }

  /// Llama 3's scaling is a factor for each frequency there.
  private mutating func translateScaling() {
    let c = definition.configuration
    guard case .llama3 = c.ropeScaling else { return }
    var rope = Rope(
      headCount: 1, headWidth: c.ropeDimensions, dimensions: c.ropeDimensions, base: c.ropeBase,
      pairing: .halves, scaling: .none)
    let plain = rope.frequencies
    rope.scaling = c.ropeScaling
    vectors["rope_freqs.weight"] = zip(plain, rope.frequencies).map { $0 / $1 }
    remove(
      "rope.scaling.type", "rope.scaling.factor", "rope.scaling.low_freq_factor",
      "rope.scaling.high_freq_factor", "rope.scaling.original_context_length")
  }

  /// Files do not say the pattern that all models of an architecture have; another one is said layer by layer.
  private mutating func translateWindows() {
    let pattern = "attention.sliding_window_pattern"
    if definition.configuration.window != nil, !["gemma2", "gemma3", "gpt-oss"].contains(architecture) {
      warnings.append(
        "beyond \(definition.configuration.window!) tokens other programs compute something else: they do not read"
          + " \(key("attention.sliding_window")) of \(architecture)")
    }
    let usual = architecture == "gemma3" ? 6 : 2
    switch metadata[key(pattern)] {
    case .uint32(let period) where Int(period) == usual: remove(pattern)
    case .array(let array):
      let flags = (array.integers ?? []).map { $0 != 0 }
      if flags.enumerated().allSatisfy({ $1 == (($0 + 1) % usual != 0) }) { return remove(pattern) }
      metadata.set(key(pattern), .array(MetadataArray(flags: flags)))
    default: break
    }
    if metadata[key(pattern)] != nil {
      warnings.append(
        "the layers with windows are not those that \(architecture) models usually have; other programs may not read"
          + " \(key(pattern))")
    }
  }

  private mutating func translateActivation() {
    guard case .string(let name)? = metadata[key("hidden_activation")] else { return }
    let tanh = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
    if (architecture == "gptneox" ? ["gelu"] : tanh).contains(name) { return remove("hidden_activation") }
    warnings.append(
      "the activation is \(name), which is not \(architecture)'s usual one; other programs do not read"
        + " \(key("hidden_activation"))")
  }

  private mutating func translateExperts() {
    let width = "expert_feed_forward_length"
    if architecture == "gpt-oss", metadata[key(width)] == nil {
      metadata.set(key(width), .uint32(UInt32(definition.configuration.feedForwardWidth)))
    }
    let normalizes = ["qwen3moe": true, "qwen2moe": false][architecture]
    if let normalizes, case .bool(let flag)? = metadata[key("expert_weights_norm")], flag != normalizes {
      warnings.append(
        "other programs take \(key("expert_weights_norm")) for \(normalizes), whatever files say; here it is \(flag)"
      )
    }
    let gates = definition.graph.weights.filter { $0.name.node.role == .gate }.compactMap(\.name.node.layer)
    let dense = Set(gates)
    if ["qwen2moe", "qwen3moe"].contains(architecture), !dense.isEmpty {
      warnings.append("some layers have no experts; other programs do not load such \(architecture) files")
    }
    guard architecture == "deepseek2" else { return }
    // Files do not say what a group is measured by.
    let hasGroups = (metadata[key("expert_group_count")]?.integer ?? 1) > 1
    if hasGroups, metadata[key("expert_gating_func")]?.integer == 1 {
      warnings.append(
        "other programs measure groups of experts by their two best, as DeepSeek-V3; this model is one that takes the"
          + " best")
    }
    let leading = (0..<definition.configuration.layerCount).first { !dense.contains($0) } ?? dense.count
    metadata.set(key("leading_dense_block_count"), .uint32(UInt32(leading)))
    if dense.count != leading {
      warnings.append("layers without experts are not the first ones only; other programs expect that")
    }
  }
}
