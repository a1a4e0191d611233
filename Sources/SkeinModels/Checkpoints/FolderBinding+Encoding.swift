import SkeinFiles
import SkeinGraph
import SkeinTensor

/// How tensors are stored, and which belong to no weight.
extension FolderBinding {
  /// How a tensor's elements are stored. Factors of 8-bit numbers are a tensor of their own.
  ///
  /// - Parameter index: which matrix of a stack is asked for.
  func encoding(
    of tensor: SafetensorsTensor, matrix index: Int = 0, _ used: inout Set<String>
  ) throws -> StoredRun.Encoding {
    if let type = tensor.type.elementType { return .blocks(type) }
    switch tensor.type {
    case .f64: return .f64
    case .f8_E4M3: return .f8(try factors(of: tensor, matrix: index, &used))
    default:
      throw ModelError(
        .unsupported,
        "its elements are \(tensor.type.rawValue); F32, F16, BF16, F64 and F8_E4M3 can be read. Take a checkpoint"
          + " that is not quantized", path: place(of: tensor), place: tensor.name)
    }
  }

  /// How the elements of a matrix are stored whose columns are a weight's rows.
  func transposedEncoding(
    of tensor: SafetensorsTensor, _ used: inout Set<String>
  ) throws -> StoredRun.Encoding {
    let encoding = try encoding(of: tensor, &used)
    guard case .blocks = encoding else {
      throw ModelError(
        .unsupported,
        "its elements are \(tensor.type.rawValue), and the model has this matrix transposed: of such F32, F16 and"
          + " BF16 can be read. Save the model in one of these", path: place(of: tensor), place: tensor.name)
    }
    return encoding
  }

  /// The factors of a matrix of 8-bit numbers: one for each block (`weight_scale_inv`), or one for each row or for all
  /// (`weight_scale`). Those of a stack are stacked too, or there is one for all.
  private func factors(
    of tensor: SafetensorsTensor, matrix index: Int, _ used: inout Set<String>
  ) throws -> StoredFactors? {
    guard let scales = names[tensor.name + "_scale_inv"] ?? names[tensor.name + "_scale"] else { return nil }
    used.insert(scales.name)
    func fault(_ message: String) -> ModelError {
      ModelError(.wrongShape, message, path: place(of: scales), place: scales.name)
    }
    guard let type = scales.type.elementType else {
      throw fault("is \(scales.type.rawValue); factors are F32, F16 or BF16")
    }
    var factors = StoredFactors(
      part: scales.partIndex, offset: scales.byteRange.lowerBound, type: type,
      blockRows: max(tensor.rowCount, 1), blockColumns: max(tensor.columnCount, 1), columnCount: 1)
    if scales.byteRange.count == scales.type.byteCount { return factors }
    let stack = tensor.extents.dropLast(2)
    let extents = Array(scales.extents.dropFirst(stack.count))
    let rows = tensor.extents.count > 1 ? tensor.extents[stack.count] : 1
    if scales.extents.starts(with: stack), !scales.byteRange.isEmpty {
      factors.offset += index * extents.reduce(scales.type.byteCount, *)
      // A vector with a factor a row stands for a matrix of one column.
      if extents == [rows] {
        factors.blockRows = 1
        return factors
      }
      if extents.count == 2,
        let blockRows = blockSize(rows, extents[0], conventions.factorBlock?.rows),
        let blockColumns = blockSize(tensor.columnCount, extents[1], conventions.factorBlock?.columns)
      {
        (factors.blockRows, factors.blockColumns) = (blockRows, blockColumns)
        factors.columnCount = extents[1]
        return factors
      }
    }
    let stated = conventions.factorBlock.map { "\($0.rows) x \($0.columns), as weight_block_size says" }
    throw fault(
      "has shape \(Shape(scales.extents)), which has no factor for each block of \(Shape(tensor.extents)): blocks are"
        + " \(stated ?? "128 x 128"), rows, or all. Check the quantization_config of config.json")
  }

  /// How long the blocks are of which an extent has so many; nil where they are none that is in use. Nothing is
  /// guessed from the number alone: 192 in two blocks may be 128 and 64, or twice 96.
  private func blockSize(_ extent: Int, _ count: Int, _ stated: Int?) -> Int? {
    let usual = stated ?? 128
    if count == 1 { return max(extent, 1) }
    if count == extent { return 1 }
    return count > 1 && (extent - 1) / usual + 1 == count ? usual : nil
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
