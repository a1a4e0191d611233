import SkeinFiles
import SkeinGraph
import SkeinTensor

/// A checkpoint understood: its graph, and the tensor of each of the graph's weights.
public struct ModelDefinition: ModelDescription {
  /// The files.
  public let checkpoint: any Checkpoint
  /// The hyper-parameters.
  public var configuration: DecoderConfiguration { written.configuration }
  /// The mathematics.
  public var graph: Graph { written.graph }
  /// For each weight of the graph, by its index, its tensor.
  public let tensors: [TensorInfo]
  private let written: WrittenModel

  /// Finds the family of a checkpoint, writes its graph, and finds every weight, with its shape checked.
  ///
  /// - Parameter options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(_ checkpoint: any Checkpoint, options: GraphOptions = GraphOptions()) throws {
    let architecture = try checkpoint.metadata.requiredString("general.architecture")
    let reader = ConfigurationReader(
      metadata: checkpoint.metadata, weights: CheckpointInventory(checkpoint: checkpoint),
      architecture: architecture)
    written = try WrittenModel(reader, options: options)
    tensors = try ModelDefinition.bind(written, to: checkpoint)
    self.checkpoint = checkpoint
  }

  /// The architectures that have a family.
  public static var supportedArchitectures: [String] { families.flatMap { $0.architectures } }

  /// The format of a weight in the checkpoint.
  public func type(of weight: WeightID) -> ElementType { tensors[weight.index].type }

  /// Bytes of a weight in the checkpoint.
  public func byteCount(of weight: WeightID) -> Int { tensors[weight.index].byteCount }

  /// The module that a node is a part of in this family's Hugging Face checkpoints.
  public func moduleName(of node: NodeName) -> String { written.moduleNames.module(of: node) }

  /// A weight's name there.
  public func moduleName(of weight: WeightName) -> String { written.moduleNames.weight(weight) }

  /// The tree of modules, for placement rules; made anew at each call.
  public var modules: ModuleTree { written.modules }

  /// Where this family's checkpoints hold a weight as a run of rows of a larger tensor; nil for one of its own.
  public func fused(_ weight: WeightName) -> FusedRows? { written.fused(weight) }

  private static func bind(_ written: WrittenModel, to checkpoint: any Checkpoint) throws -> [TensorInfo] {
    let path = checkpoint.metadata.path
    func ggufName(_ weight: WeightName) -> String {
      (written.fused(weight)?.name(for: weight) ?? weight).ggufName
    }
    let known = Set(written.graph.weights.map { ggufName($0.name) }).union(written.readTensors)
    if let unknown = checkpoint.tensors.first(where: { !known.contains($0.name) }) {
      throw ModelError(
        .unsupported,
        "the model of this architecture has no such weight; leaving it out would give wrong results",
        path: path, place: unknown.name)
    }
    return try written.graph.weights.map { weight in
      let name = ggufName(weight.name)
      guard let whole = checkpoint.tensor(named: name) else {
        throw ModelError(
          .missingTensor, "the model needs it (\(weight.name)), the file does not have it", path: path,
          place: name)
      }
      let tensor = try written.fused(weight.name).map { try rows(of: whole, $0, path: path) } ?? whole
      guard tensor.shape == weight.shape || isSameRow(tensor.shape, weight.shape) else {
        throw ModelError(
          .wrongShape, "has shape \(tensor.shape), the model needs \(weight.shape)", path: path, place: name)
      }
      // Norms and biases are read as they are by every kernel.
      if !weight.isMatrix, tensor.type != .f32 {
        throw ModelError(
          .unsupported, "is a vector in \(tensor.type.name); vectors must be F32. Convert the model again",
          path: path, place: name)
      }
      return tensor
    }
  }

  private static func rows(of tensor: TensorInfo, _ fused: FusedRows, path: String) throws -> TensorInfo {
    guard tensor.shape.extents.first == fused.rowCount, let part = tensor.rows(fused.rows) else {
      throw ModelError(
        .wrongShape, "has shape \(tensor.shape), the model needs \(fused.rowCount) rows", path: path,
        place: tensor.name)
    }
    return part
  }

  /// Whether both are one row: a file may have a matrix of one row as a vector.
  private static func isSameRow(_ a: Shape, _ b: Shape) -> Bool {
    a.rows == 1 && b.rows == 1 && a.columns == b.columns
  }
}
