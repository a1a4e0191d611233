import SkeinFiles
import SkeinGraph
import SkeinTensor

extension ModelDefinition {
  /// Finds the family of a GGUF file, writes its graph, and finds every weight, with its shape checked.
  ///
  /// - Parameters:
  ///   - weights: the format that devices are to be given; nil for what the file has.
  ///   - options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(
    _ checkpoint: any Checkpoint, weights: WeightFormat? = nil, options: GraphOptions = GraphOptions()
  ) throws {
    let architecture = try checkpoint.metadata.requiredString("general.architecture")
    let reader = ConfigurationReader(
      metadata: checkpoint.metadata, weights: CheckpointInventory(checkpoint: checkpoint),
      architecture: architecture)
    let written = try WrittenModel(reader, options: options)
    let stored = try GGUFBinding(written: written, checkpoint: checkpoint, format: weights).stored()
    self.init(
      path: checkpoint.metadata.path, files: checkpoint.files, metadata: checkpoint.metadata,
      written: written,
      stored: stored)
  }
}

/// Finds the weights of a graph in a GGUF file.
private struct GGUFBinding {
  let written: WrittenModel
  let checkpoint: any Checkpoint
  let format: WeightFormat?

  private var path: String { checkpoint.metadata.path }

  func stored() throws -> [StoredWeight] {
    let known = Set(written.graph.weights.map { name(of: $0.name) }).union(written.readTensors)
    if let unknown = checkpoint.tensors.first(where: { !known.contains($0.name) }) {
      throw ModelError(
        .unsupported,
        "the model of this architecture has no such weight; leaving it out would give wrong results",
        path: path, place: unknown.name)
    }
    return try written.graph.weights.map { weight in
      let tensor = try self.tensor(of: weight)
      let (rows, columns) = StoredWeight.matrix(weight)
      guard let rowBytes = tensor.type.rowBytes(elementCount: columns) else {
        throw ModelError(
          .unsupported, "is a vector in \(tensor.type.name); vectors must be F32. Convert the model again",
          path: path, place: tensor.name)
      }
      let run = StoredRun(
        tensorName: tensor.name, part: tensor.partIndex, offset: tensor.offset, strideBytes: rowBytes,
        encoding: .blocks(tensor.type), count: rows)
      return try StoredWeight(weight, runs: [run], format: format, path: path)
    }
  }

  private func name(of weight: WeightName) -> String { written.tensorName(weight) }

  private func tensor(of weight: Weight) throws -> TensorInfo {
    let name = name(of: weight.name)
    guard let whole = checkpoint.tensor(named: name) else {
      throw ModelError(
        .missingTensor, "the model needs it (\(weight.name)), the file does not have it", path: path,
        place: name)
    }
    let tensor = try written.fused(weight.name).map { try rows(of: whole, $0) } ?? whole
    guard tensor.shape == weight.shape || isSameRow(tensor.shape, weight.shape) else {
      throw ModelError(
        .wrongShape, "has shape \(tensor.shape), the model needs \(weight.shape)", path: path, place: name)
    }
    return tensor
  }

  private func rows(of tensor: TensorInfo, _ fused: FusedRows) throws -> TensorInfo {
    guard tensor.shape.extents.first == fused.rowCount, let part = tensor.rows(fused.rows) else {
      throw ModelError(
        .wrongShape, "has shape \(tensor.shape), the model needs \(fused.rowCount) rows", path: path,
        place: tensor.name)
    }
    return part
  }

  /// Whether both are one row: a file may have a matrix of one row as a vector.
  private func isSameRow(_ a: Shape, _ b: Shape) -> Bool {
    a.rows == 1 && b.rows == 1 && a.columns == b.columns
  }
}
