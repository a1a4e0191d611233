import SkeinFiles
import SkeinGraph
import SkeinTensor

/// Finds the weights of a graph in a folder of safetensors files.
struct FolderBinding {
  let written: WrittenModel
  let names: TensorNames
  let conventions: FolderConventions
  let format: WeightFormat?

  private var path: String { names.checkpoint.path }

  func stored() throws -> [StoredWeight] {
    var used: Set<String> = []
    let norms = Set(
      written.graph.nodes.flatMap { node in if case .rmsNorm = node.op { node.weights } else { [WeightID]() }
      })
    let stored = try written.graph.weights.enumerated().map { index, weight in
      let runs = try self.runs(of: weight, using: &used)
      let addend = norms.contains(WeightID(index)) ? conventions.normAddend : 0
      return try StoredWeight(weight, runs: runs, addend: addend, format: format, path: path)
    }
    try refuseUnused(used)
    return stored
  }

  private func runs(of weight: Weight, using used: inout Set<String>) throws -> [StoredRun] {
    let name = moduleName(weight.name)
    if written.moduleNames.parameters.contains(.expertGate), weight.name.node.role.isExperts {
      return try interleavedExperts(of: weight, name, &used)
    }
    guard let star = name.firstIndex(of: "*") else {
      let tensor = try required(name, for: weight, &used)
      return try runs(of: tensor, fused: written.fused(weight.name), weight, &used)
    }
    if let runs = try stackedRuns(of: weight, name, &used) { return runs }
    // A tensor for each expert.
    var single = weight
    single.shape.extents.removeFirst()
    var runs: [StoredRun] = []
    for expert in 0..<(weight.shape.extents.first ?? 0) {
      let own = name[..<star] + "\(expert)" + name[name.index(after: star)...]
      runs += try self.runs(of: required(String(own), for: weight, &used), fused: nil, single, &used)
    }
    return runs
  }

  /// The rows of one tensor that are a weight's.
  private func runs(
    of tensor: SafetensorsTensor, fused: FusedRows?, _ weight: Weight, _ used: inout Set<String>
  ) throws -> [StoredRun] {
    let isVector = !weight.isMatrix
    let (rows, columns) = StoredWeight.matrix(weight)
    let isTransposed = !isVector && conventions.transposed.contains(weight.name.node.role)
    let all = fused?.rowCount ?? rows
    let wanted = isVector ? [all] : isTransposed ? [columns, all] : [all, columns]
    guard tensor.extents == wanted || isSameRow(tensor.extents, wanted) else {
      throw ModelError(
        .wrongShape, "has shape \(Shape(tensor.extents)), the model needs \(Shape(wanted))",
        path: place(of: tensor), place: tensor.name)
    }
    var run = StoredRun(
      tensorName: tensor.name, part: tensor.partIndex, offset: tensor.byteRange.lowerBound,
      strideBytes: (isVector ? 1 : tensor.columnCount) * tensor.type.byteCount,
      encoding: try isTransposed ? transposedEncoding(of: tensor, &used) : encoding(of: tensor, &used),
      order: isTransposed ? .columns : .rows, count: rows)
    guard let fused else { return [run] }
    if let headRows = conventions.interleavedHeadRows, fused.role == .queryKeyValue {
      return interleaved(run, fused, headRows: headRows)
    }
    run.first = fused.rows.lowerBound
    return [run]
  }

  /// The rows of queries, of keys or of values where each head has its own three runs.
  private func interleaved(_ run: StoredRun, _ fused: FusedRows, headRows: Int) -> [StoredRun] {
    let place = fused.rows.lowerBound / fused.rows.count
    return (0..<fused.rows.count / headRows).map { head in
      var part = run
      part.first = (3 * head + place) * headRows
      part.count = headRows
      return part
    }
  }

  private func moduleName(_ weight: WeightName) -> String { written.moduleNames.weight(weight) }

  func place(of tensor: SafetensorsTensor) -> String { names.checkpoint.files[tensor.partIndex].path }

  func required(
    _ name: String, for weight: Weight, _ used: inout Set<String>
  ) throws -> SafetensorsTensor {
    guard let tensor = names[name] else {
      throw ModelError(
        .missingTensor, "the model needs it (\(weight.name)), the folder does not have it", path: path,
        place: name)
    }
    used.insert(tensor.name)
    return tensor
  }

  /// Whether both are one row: a file may have a matrix of one row as a vector.
  private func isSameRow(_ a: [Int], _ b: [Int]) -> Bool {
    func length(_ extents: [Int]) -> Int? { extents.dropLast().allSatisfy { $0 == 1 } ? extents.last : nil }
    return length(a) != nil && length(a) == length(b)
  }
}
