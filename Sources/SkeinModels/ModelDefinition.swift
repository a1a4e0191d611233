import SkeinFiles
import SkeinGraph
import SkeinTensor

/// A checkpoint understood: its graph, and the tensor of each of the graph's weights.
public struct ModelDefinition: ModelDescription {
  /// The files.
  public let checkpoint: any Checkpoint
  /// The hyper-parameters.
  public let configuration: DecoderConfiguration
  /// The mathematics.
  public let graph: Graph
  /// For each weight of the graph, by its index, its tensor.
  public let tensors: [TensorInfo]

  /// Finds the family of a checkpoint, writes its graph, and finds every weight, with its shape checked.
  ///
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(_ checkpoint: any Checkpoint) throws {
    let architecture = try checkpoint.metadata.requiredString("general.architecture")
    let reader = ConfigurationReader(
      metadata: checkpoint.metadata, weights: CheckpointInventory(checkpoint: checkpoint),
      architecture: architecture)
    (configuration, graph) = try ModelDefinition.write(reader)
    tensors = try ModelDefinition.bind(graph, to: checkpoint)
    self.checkpoint = checkpoint
  }

  /// Finds the family of an architecture, reads its hyper-parameters and writes its graph.
  static func write(_ reader: ConfigurationReader) throws -> (DecoderConfiguration, Graph) {
    let model = try family(of: reader.architecture, path: reader.path).init(reader)
    let configuration = model.configuration
    var builder = GraphBuilder(
      vocabularySize: configuration.vocabularySize, layerCount: configuration.layerCount,
      isStored: reader.has)
    model.build(&builder)
    return (configuration, try builder.finish())
  }

  /// The architectures that have a family.
  public static var supportedArchitectures: [String] { families.flatMap { $0.architectures } }

  /// The format of a weight in the checkpoint.
  public func type(of weight: WeightID) -> ElementType { tensors[weight.index].type }

  /// Bytes of a weight in the checkpoint.
  public func byteCount(of weight: WeightID) -> Int { tensors[weight.index].byteCount }

  private static func family(of architecture: String, path: String) throws(ModelError) -> any Family.Type {
    if let family = families.first(where: { $0.architectures.contains(architecture) }) { return family }
    let known = supportedArchitectures
    throw ModelError(
      .unknownArchitecture,
      "the architecture is \"\(architecture.prefix(80))\"; supported are \(known.joined(separator: ", "))"
        + " (the nearest is \(nearestWord(to: architecture, in: known) ?? ""))",
      path: path, place: "general.architecture")
  }

  private static func bind(_ graph: Graph, to checkpoint: any Checkpoint) throws -> [TensorInfo] {
    let path = checkpoint.metadata.path
    let known = Set(graph.weights.map(\.name.ggufName)).union(tensorsThatAreRead)
    if let unknown = checkpoint.tensors.first(where: { !known.contains($0.name) }) {
      throw ModelError(
        .unsupported,
        "the model of this architecture has no such weight; leaving it out would give wrong results",
        path: path, place: unknown.name)
    }
    return try graph.weights.map { weight in
      let name = weight.name.ggufName
      guard let tensor = checkpoint.tensor(named: name) else {
        throw ModelError(
          .missingTensor, "the model needs it (\(weight.name)), the file does not have it", path: path,
          place: name)
      }
      guard tensor.shape == weight.shape else {
        throw ModelError(
          .wrongShape, "has shape \(tensor.shape), the model needs \(weight.shape)", path: path, place: name)
      }
      // Norms and biases are read as they are by every kernel.
      if weight.shape.extents.count == 1, tensor.type != .f32 {
        throw ModelError(
          .unsupported, "is a vector in \(tensor.type.name); vectors must be F32. Convert the model again",
          path: path, place: name)
      }
      return tensor
    }
  }

  /// Tensors that are no weights of a node: the factors of rotation frequencies.
  private static let tensorsThatAreRead = ["rope_freqs.weight"]
}
