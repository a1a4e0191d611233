import SkeinFiles
import SkeinGraph
import SkeinTensor

/// How tensors are stored, and which belong to no weight.
extension FolderBinding {
  /// How a tensor's elements are stored. Factors of 8-bit numbers are a tensor of their own.
  func encoding(of tensor: SafetensorsTensor, _ used: inout Set<String>) throws -> StoredRun.Encoding {
    if let type = tensor.type.elementType { return .blocks(type) }
    switch tensor.type {
    case .f64: return .f64
    case .f8_E4M3: return .f8(try factors(of: tensor, &used))
    default:
      throw ModelError(
        .unsupported,
        "its elements are \(tensor.type.rawValue); F32, F16, BF16, F64 and F8_E4M3 can be read. Take a checkpoint"
          + " that is not quantized", path: names.checkpoint.files[tensor.partIndex].path, place: tensor.name)
    }
  }

  /// The factors of a tensor of 8-bit numbers: one for each block (`weight_scale_inv`), or one for each row or for all
  /// (`weight_scale`).
  private func factors(
    of tensor: SafetensorsTensor, _ used: inout Set<String>
  ) throws -> StoredFactors? {
    guard let scales = names[tensor.name + "_scale_inv"] ?? names[tensor.name + "_scale"] else { return nil }
    used.insert(scales.name)
    func fault(_ message: String) -> ModelError {
      ModelError(
        .wrongShape, message, path: names.checkpoint.files[scales.partIndex].path, place: scales.name)
    }
    guard let type = scales.type.elementType else {
      throw fault("is \(scales.type.rawValue); factors are F32 or BF16")
    }
    let rows = scales.extents.count < 2 ? 1 : scales.rowCount
    let columns = scales.extents.count < 2 ? scales.extents.first ?? 1 : scales.columnCount
    // A vector with a factor a row stands for a matrix of one column.
    let isByRow = scales.extents.count == 1 && columns == tensor.rowCount && columns > 1
    let (blockRows, blockColumns) =
      isByRow ? (1, tensor.columnCount) : blocks(tensor, rows: rows, columns: columns)
    guard
      isByRow
        || (tensor.rowCount.dividedUp(by: blockRows) == rows
          && tensor.columnCount.dividedUp(by: blockColumns) == columns)
    else {
      throw fault(
        "has shape \(Shape(scales.extents)), which does not divide \(Shape(tensor.extents)) into blocks")
    }
    return StoredFactors(
      part: scales.partIndex, offset: scales.byteRange.lowerBound, type: type, blockRows: blockRows,
      blockColumns: blockColumns, columnCount: isByRow ? 1 : columns)
  }

  /// The size of blocks: what the configuration says, where it says it, or the only one that is possible.
  private func blocks(_ tensor: SafetensorsTensor, rows: Int, columns: Int) -> (rows: Int, columns: Int) {
    func size(_ extent: Int, _ count: Int, _ stated: Int?) -> Int {
      if count <= 1 { return max(extent, 1) }
      if let stated, extent.dividedUp(by: stated) == count { return stated }
      return extent.dividedUp(by: count)
    }
    let stated = conventions.factorBlock
    return (size(tensor.rowCount, rows, stated?.rows), size(tensor.columnCount, columns, stated?.columns))
  }

  /// A tensor that no weight of the graph has taken would be left out of the model.
  func refuseUnused(_ used: Set<String>) throws {
    let unused = names.checkpoint.tensors.first { !used.contains($0.name) && !isIgnored($0.name) }
    guard let unused else { return }
    throw ModelError(
      .unsupported,
      "the model of this architecture has no such weight; leaving it out would give wrong results",
      path: names.checkpoint.files[unused.partIndex].path, place: unused.name)
  }

  /// Tensors that change nothing: buffers that old code saved, the second copy of a tied table, the layers after the last
  /// that only guess tokens ahead, and ranges of activations.
  private func isIgnored(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    let buffers = ["inv_freq", "masked_bias", "position_ids", "input_scale", "k_scale", "v_scale"]
    if let last = parts.last, buffers.contains(String(last)) { return true }
    if name.hasSuffix(".attn.bias") || name.hasSuffix(".attention.bias") { return true }
    if written.configuration.isHeadTied, name == "lm_head.weight" || name == "embed_out.weight" {
      return true
    }
    if let layers = parts.firstIndex(where: { $0 == "layers" || $0 == "h" }), layers + 1 < parts.count,
      let layer = Int(parts[layers + 1])
    {
      return layer >= written.configuration.layerCount
    }
    return false
  }
}

extension Int {
  fileprivate func dividedUp(by size: Int) -> Int { (self + size - 1) / size }
}
