import SkeinFiles
import SkeinGraph
import SkeinTensor

extension ModelDefinition {
  /// Reads a folder's `config.json`, writes the family's graph, and finds every weight, with its shape checked.
  ///
  /// - Parameters:
  ///   - weights: the format that devices are to be given; nil for what the files have.
  ///   - options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(
    _ checkpoint: SafetensorsCheckpoint, weights: WeightFormat? = nil, options: GraphOptions = GraphOptions()
  ) throws {
    let translation = try ConfigurationTranslation(path: checkpoint.path + "/config.json")
    let names = TensorNames(checkpoint)
    let inventory = FolderInventory(configured: translation.weights, names: names)
    let reader = ConfigurationReader(
      metadata: translation.metadata, weights: inventory, architecture: translation.architecture)
    let written = try WrittenModel(reader, options: options)
    let binding = FolderBinding(
      written: written, names: names, conventions: try FolderConventions(translation, written.configuration),
      format: weights)
    self.init(
      path: checkpoint.path, files: checkpoint.files, metadata: translation.metadata, written: written,
      stored: try binding.stored(), vectors: translation.weights.vectors)
  }
}

/// The tensors of a folder by the names that models have inside `transformers`: a checkpoint of the model without
/// its head has them without the first part, and one of a larger model with more in front.
struct TensorNames: Sendable {
  let checkpoint: SafetensorsCheckpoint

  init(_ checkpoint: SafetensorsCheckpoint) { self.checkpoint = checkpoint }

  /// The tensor that a model calls by this name, or nil.
  subscript(_ name: String) -> SafetensorsTensor? {
    if let tensor = checkpoint.tensor(named: name) { return tensor }
    if let dot = name.firstIndex(of: "."),
      let tensor = checkpoint.tensor(named: String(name[name.index(after: dot)...]))
    {
      return tensor
    }
    // What transformers 5 calls GPT-NeoX's head in memory, and tools that save the state as it is, in files.
    if name == "embed_out.weight", let tensor = checkpoint.tensor(named: "lm_head.weight") { return tensor }
    return checkpoint.tensor(named: "language_model." + name)
  }
}

/// What a configuration says that a model has, as far as the folder has it.
private struct FolderInventory: WeightInventory {
  let configured: ConfiguredInventory
  let names: TensorNames

  var mostLayers: Int { min(configured.mostLayers, max(names.checkpoint.tensors.count, 1)) }

  func has(_ weight: WeightName) -> Bool {
    guard configured.has(weight) else { return false }
    // Old configurations do not say whether the head is the embedding table, but then it is not saved twice.
    if weight.node.role == .head, weight.part == .weight {
      return names["lm_head.weight"] != nil || names["embed_out.weight"] != nil
    }
    return true
  }

  func rows(of weight: WeightName) throws -> Int { try configured.rows(of: weight) }
  func vector(_ tensorName: String) throws -> [Float]? { configured.vector(tensorName) }
}
