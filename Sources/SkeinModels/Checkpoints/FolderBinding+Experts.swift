import SkeinFiles
import SkeinGraph
import SkeinTensor

/// Experts that are one tensor for all: `experts.gate_up_proj` and `experts.down_proj`.
extension FolderBinding {
  /// The rows of a stack; nil where each expert has tensors of its own.
  ///
  /// - Parameter name: the weight's name with `*` for the number of an expert.
  func stackedRuns(of weight: Weight, _ name: String, _ used: inout Set<String>) throws -> [StoredRun]? {
    guard let star = name.firstIndex(of: "*") else { return nil }
    // Without the point before the number.
    let outer = String(name[..<star].dropLast())
    let isDown = weight.name.node.role == .expertDown
    guard let tensor = names[outer + (isDown ? ".down_proj" : ".gate_up_proj")] else { return nil }
    used.insert(tensor.name)
    let (experts, rows, columns) = (weight.shape.extents[0], weight.shape.extents[1], weight.shape.columns)
    let wanted = [experts, isDown ? rows : 2 * rows, columns]
    guard tensor.extents == wanted else {
      throw ModelError(
        .wrongShape, "has shape \(Shape(tensor.extents)), the model needs \(Shape(wanted))",
        path: names.checkpoint.files[tensor.partIndex].path, place: tensor.name)
    }
    let encoding = try encoding(of: tensor, &used)
    let strideBytes = columns * tensor.type.byteCount
    return (0..<experts).map { expert in
      StoredRun(
        tensorName: tensor.name, part: tensor.partIndex, offset: tensor.byteRange.lowerBound,
        strideBytes: strideBytes, encoding: encoding,
        first: expert * wanted[1] + (weight.name.node.role == .expertUp ? rows : 0), count: rows)
    }
  }
}
