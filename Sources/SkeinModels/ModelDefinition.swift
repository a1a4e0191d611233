import SkeinFiles
import SkeinGraph
import SkeinTensor

/// A checkpoint understood: its graph, and the tensor of each of the graph's weights.
public struct ModelDefinition: Sendable {
  /// The files.
  public let checkpoint: any Checkpoint
  /// The hyper-parameters.
  public let configuration: DecoderConfiguration
  /// The mathematics.
  public let graph: Graph
  /// For each weight of the graph, by its index, its tensor.
  public let tensors: [TensorInfo]
  private let moduleStems: [Role: String]

  /// Finds the family of a checkpoint, writes its graph, and finds every weight, with its shape checked.
  ///
  /// - Parameter options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(_ checkpoint: any Checkpoint, options: GraphOptions = GraphOptions()) throws {
    let architecture = try checkpoint.metadata.requiredString("general.architecture")
    let family = try ModelDefinition.family(of: architecture, path: checkpoint.metadata.path)
    let reader = ConfigurationReader(checkpoint: checkpoint, architecture: architecture)
    let model = try family.init(reader)
    configuration = model.configuration
    moduleStems = model.moduleStems
    var builder = GraphBuilder(
      vocabularySize: configuration.vocabularySize, layerCount: configuration.layerCount,
      options: options, isStored: reader.has)
    model.build(&builder)
    graph = try builder.finish()
    tensors = try ModelDefinition.bind(graph, to: checkpoint)
    self.checkpoint = checkpoint
  }

  /// The architectures that have a family.
  public static var supportedArchitectures: [String] { families.flatMap { $0.architectures } }

  /// The format of a weight in the checkpoint.
  public func type(of weight: WeightID) -> ElementType { tensors[weight.index].type }

  /// Bytes of a weight in the checkpoint.
  public func byteCount(of weight: WeightID) -> Int { tensors[weight.index].byteCount }

  /// The module that a node is a part of in this family's Hugging Face checkpoints:
  /// `model.layers.3.mlp.experts`.
  public func moduleName(of node: NodeName) -> String { node.moduleName(stems: moduleStems) }

  /// A weight's name there: `model.layers.3.mlp.experts.*.up_proj.weight`, with `*` for the number of an expert.
  public func moduleName(of weight: WeightName) -> String { weight.moduleName(stems: moduleStems) }

  private static func family(of architecture: String, path: String) throws(ModelError) -> any Family.Type {
    if let family = families.first(where: { $0.architectures.contains(architecture) }) { return family }
    let known = supportedArchitectures
    let nearest = known.min { distance($0, architecture) < distance($1, architecture) } ?? ""
    throw ModelError(
      .unknownArchitecture,
      "the architecture is \"\(architecture.prefix(80))\"; supported are \(known.joined(separator: ", "))"
        + " (the nearest is \(nearest))",
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
      guard tensor.shape == weight.shape || isSameRow(tensor.shape, weight.shape) else {
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

  /// Whether both are one row: a file may have a matrix of one row as a vector.
  private static func isSameRow(_ a: Shape, _ b: Shape) -> Bool {
    a.rows == 1 && b.rows == 1 && a.columns == b.columns
  }

  /// Tensors that are no weights of a node: the factors of rotation frequencies.
  private static let tensorsThatAreRead = ["rope_freqs.weight"]

  /// Edits between two words (Levenshtein), for naming the nearest match. Words are short.
  private static func distance(_ a: String, _ b: String) -> Int {
    let b = Array(b.prefix(80))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
