import SkeinFiles
import SkeinGraph
import SkeinTensor

extension Role {
  /// Whether its weights are stacks with a matrix for each expert.
  var isExperts: Bool { self == .expertGate || self == .expertUp || self == .expertDown }
}

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
    let strideBytes = columns * tensor.type.byteCount
    return try (0..<experts).map { expert in
      StoredRun(
        tensorName: tensor.name, part: tensor.partIndex,
        offset: tensor.byteRange.lowerBound + expert * wanted[1] * strideBytes, strideBytes: strideBytes,
        encoding: try encoding(of: tensor, matrix: expert, &used),
        first: weight.name.node.role == .expertUp ? rows : 0, count: rows)
    }
  }

  /// Experts as gpt-oss has them: a row of gate, then one of up, in turn, and matrices stored the other way round
  /// (`gate_up_proj`), or rows of 4-bit numbers in two tensors (`gate_up_proj_blocks`, `gate_up_proj_scales`).
  ///
  /// - Parameter name: of the parameter, with `_bias` for a bias.
  func interleavedExperts(
    of weight: Weight, _ name: String, _ used: inout Set<String>
  ) throws -> [StoredRun] {
    let isDown = weight.name.node.role == .expertDown
    let step = isDown ? 1 : 2
    let first = weight.name.node.role == .expertUp ? 1 : 0
    let experts = weight.shape.extents[0]
    if !weight.isMatrix {
      let rows = weight.shape.columns
      let bias = try required(name, for: weight, &used)
      try require(bias, [experts, rows * step])
      let run = StoredRun(
        tensorName: bias.name, part: bias.partIndex, offset: bias.byteRange.lowerBound,
        strideBytes: bias.type.byteCount, encoding: try encoding(of: bias, &used), step: step, count: rows)
      return (0..<experts).map { run.starting(at: $0 * rows * step + first) }
    }
    let (rows, columns) = (weight.shape.extents[1], weight.shape.columns)
    if let blocks = names[name + "_blocks"] {
      used.insert(blocks.name)
      let scales = try required(name + "_scales", for: weight, &used)
      try require(blocks, [experts, rows * step, columns / 32, 16])
      try require(scales, [experts, rows * step, columns / 32])
      guard blocks.type == .u8, scales.type == .u8, columns % 32 == 0 else {
        throw ModelError(
          .unsupported, "its 4-bit numbers must be U8 in runs of 32", path: place(of: blocks),
          place: blocks.name)
      }
      let run = StoredRun(
        tensorName: blocks.name, part: blocks.partIndex, offset: blocks.byteRange.lowerBound,
        strideBytes: columns / 2,
        encoding: .mxfp4(scalePart: scales.partIndex, scaleOffset: scales.byteRange.lowerBound), step: step,
        count: rows)
      return (0..<experts).map { run.starting(at: $0 * rows * step + first) }
    }
    let tensor = try required(name, for: weight, &used)
    try require(tensor, [experts, columns, rows * step])
    let matrixBytes = columns * rows * step * tensor.type.byteCount
    let run = StoredRun(
      tensorName: tensor.name, part: tensor.partIndex, offset: tensor.byteRange.lowerBound,
      strideBytes: rows * step * tensor.type.byteCount, encoding: try transposedEncoding(of: tensor, &used),
      order: .columns, first: first, step: step, count: rows)
    return (0..<experts).map { expert in
      var own = run
      own.offset += expert * matrixBytes
      return own
    }
  }

  private func require(_ tensor: SafetensorsTensor, _ extents: [Int]) throws {
    guard tensor.extents != extents else { return }
    throw ModelError(
      .wrongShape, "has shape \(Shape(tensor.extents)), the model needs \(Shape(extents))",
      path: place(of: tensor), place: tensor.name)
  }
}

extension StoredRun {
  /// The same number of rows from another one on.
  fileprivate func starting(at row: Int) -> StoredRun {
    var run = self
    run.first = row
    return run
  }
}
