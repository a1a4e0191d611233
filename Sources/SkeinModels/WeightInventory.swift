import SkeinFiles
import SkeinGraph

/// What is known of a model's weights before its graph is written.
///
/// A checkpoint knows from its tensors; a configuration alone knows from what it says.
protocol WeightInventory: Sendable {
  /// The most layers that such a model can have.
  var mostLayers: Int { get }
  /// Whether the model has a weight.
  func has(_ weight: WeightName) -> Bool
  /// Rows of a matrix; throws where there is no such matrix.
  func rows(of weight: WeightName) throws -> Int
  /// A small vector of float32 values that is no weight of a node; nil where there is none.
  func vector(_ tensorName: String) throws -> [Float]?
}

/// The weights of a checkpoint, by its tensors.
struct CheckpointInventory: WeightInventory {
  let checkpoint: any Checkpoint

  // A layer has several tensors, so the file's own size bounds the number of layers.
  var mostLayers: Int { max(checkpoint.tensors.count, 1) }

  func has(_ weight: WeightName) -> Bool { checkpoint.tensor(named: weight.ggufName) != nil }

  func rows(of weight: WeightName) throws -> Int {
    let tensor = try checkpoint.requiredTensor(named: weight.ggufName)
    guard tensor.shape.extents.count == 2 else {
      throw ModelError(
        .wrongShape, "has shape \(tensor.shape), must be a matrix", path: checkpoint.metadata.path,
        place: tensor.name)
    }
    return tensor.shape.extents[0]
  }

  func vector(_ tensorName: String) throws -> [Float]? {
    guard let tensor = checkpoint.tensor(named: tensorName) else { return nil }
    guard tensor.type == .f32, tensor.shape.extents.count == 1, tensor.byteCount <= 1 << 20 else {
      throw ModelError(
        .wrongShape, "must be a short F32 vector; it is \(tensor.type.name) \(tensor.shape)",
        path: checkpoint.metadata.path, place: tensorName)
    }
    // A file may align its tensors to less than a float.
    let bytes = checkpoint.bytes(of: tensor)
    return (0..<tensor.byteCount / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
  }
}

/// The weights that a configuration says a model has.
struct ConfiguredInventory: WeightInventory {
  /// Rows of the matrices that families ask for.
  var rowCounts: [Role: Int]
  /// Roles whose node has a bias.
  var biases: Set<Role> = []
  /// Whether routers have a bias of what their matrix gives.
  var hasLogitBias = false
  /// Whether attention has sinks.
  var hasSinks = false
  /// Small vectors that are no weights of a node, by their names in GGUF files.
  var vectors: [String: [Float]] = [:]
  /// Roles of weights that models of the family may have and this one does not: a tied head.
  var absent: Set<Role> = []
  /// Layers with an ordinary feed-forward network, where others have experts; nil where none has.
  var denseLayers: Set<Int>?
  /// The configuration, for errors.
  var path: String

  /// No model comes near it, and a graph of that many layers is still made in a second.
  static let mostLayers = 2048
  var mostLayers: Int { Self.mostLayers }

  func has(_ weight: WeightName) -> Bool {
    let role = weight.node.role
    switch weight.part {
    case .bias: return biases.contains(role)
    case .logitBias: return hasLogitBias && role == .router
    case .weight: break
    }
    if absent.contains(role) { return false }
    if role == .attentionSinks { return hasSinks }
    let isDense = weight.node.layer.map { denseLayers?.contains($0) ?? true } ?? true
    switch role {
    case .gate, .up, .down: return isDense
    case .router, .expertGate, .expertUp, .expertDown, .sharedGate, .sharedUp, .sharedDown, .sharedRouter:
      return !isDense
    default: return true
    }
  }

  func rows(of weight: WeightName) throws -> Int {
    guard let count = rowCounts[weight.node.role], weight.part == .weight else {
      throw ModelError(
        .invalidConfiguration, "the configuration does not say how many rows it has", path: path,
        place: weight.description)
    }
    return count
  }

  func vector(_ tensorName: String) -> [Float]? { vectors[tensorName] }
}
