import SkeinTensor

/// A tensor as the file states it: extents and type checked, position not yet.
struct GGUFTensorEntry {
  let name: String
  let shape: Shape
  let type: ElementType
  let byteCount: Int
  /// Bytes from the start of the tensor data.
  let dataOffset: UInt64
}

extension ByteReader {
  /// Reads and checks the tensors' names, extents and types.
  mutating func ggufTensorEntries(count: Int) throws(CheckpointError) -> [GGUFTensorEntry] {
    var entries: [GGUFTensorEntry] = []
    for _ in 0..<count { entries.append(try ggufTensorEntry()) }
    place = nil
    return entries
  }

  private mutating func ggufTensorEntry() throws(CheckpointError) -> GGUFTensorEntry {
    place = nil
    let name = try name("tensor name", limit: GGUFLimit.tensorNameBytes)
    place = .tensor(name)
    let shape = try ggufShape()
    let type = try ggufElementType()
    let dataOffset = try number("tensor offset", as: UInt64.self)
    guard shape.elementCount != nil else {
      throw error(.malformed, "The shape \(shape) has too many elements to count. The file is damaged.")
    }
    guard let rowBytes = type.rowBytes(elementCount: shape.columns) else {
      throw error(
        .malformed,
        "A row of \(shape.columns) elements is not a whole number of \(type.name) blocks of "
          + "\(type.blockElementCount). The file is damaged; convert it again.")
    }
    let (byteCount, overflow) = rowBytes.multipliedReportingOverflow(by: shape.rows)
    guard !overflow else {
      throw error(.malformed, "The shape \(shape) has too many bytes to count. The file is damaged.")
    }
    return GGUFTensorEntry(
      name: name, shape: shape, type: type, byteCount: byteCount, dataOffset: dataOffset)
  }

  /// Extents, which the file states innermost first.
  private mutating func ggufShape() throws(CheckpointError) -> Shape {
    let count = try number("number of dimensions", as: UInt32.self)
    guard (1...4).contains(count) else {
      throw error(
        .malformed, "The tensor has \(count) dimensions; 1 to 4 are allowed. The file is damaged.")
    }
    var extents: [Int] = []
    for _ in 0..<count {
      let raw = try number("dimension", as: UInt64.self)
      guard let extent = Int(exactly: raw), extent > 0 else {
        throw error(.malformed, "A dimension is \(raw), which no tensor can have. The file is damaged.")
      }
      extents.append(extent)
    }
    return Shape(extents.reversed())
  }

  private mutating func ggufElementType() throws(CheckpointError) -> ElementType {
    let raw = try number("element type", as: UInt32.self)
    if let type = ElementType(rawValue: Int32(truncatingIfNeeded: raw)) { return type }
    let supported = ElementType.allCases.map(\.name).joined(separator: ", ")
    let name = unsupportedTypeNames[raw].map { " (\($0))" } ?? ""
    throw error(
      .unsupportedElementType,
      "The element type has number \(raw)\(name), which is not supported. Supported: \(supported). "
        + "Convert or quantize the model to one of these.")
  }
}

/// Names of the element types that other programs write and this one does not read, for the error only.
private let unsupportedTypeNames: [UInt32: String] = [
  9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S", 22: "IQ2_S",
  24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0",
]

/// Puts the tensors of one file at their places and checks that each lies in the file, aligned and alone.
struct GGUFTensorLayout {
  let path: String
  let partIndex: Int
  let fileBytes: Int
  /// Bytes before the padding that precedes the tensor data.
  let headerBytes: Int
  let alignment: Int

  func place(_ entries: [GGUFTensorEntry]) throws(CheckpointError) -> [TensorInfo] {
    var tensors: [TensorInfo] = []
    for entry in entries { tensors.append(try place(entry)) }
    try checkOverlap(tensors)
    return tensors
  }

  private func place(_ entry: GGUFTensorEntry) throws(CheckpointError) -> TensorInfo {
    let alignment = UInt64(alignment)
    guard entry.dataOffset % alignment == 0 else {
      throw error(
        .malformed,
        "The offset \(entry.dataOffset) is not a multiple of the alignment \(alignment). "
          + "The file is damaged; convert it again.", entry.name)
    }
    // Header and alignment are below 2^63, so this sum cannot overflow; the next one can.
    let dataStart = (UInt64(headerBytes) + alignment - 1) / alignment * alignment
    let (start, startOverflow) = dataStart.addingReportingOverflow(entry.dataOffset)
    let (end, endOverflow) = start.addingReportingOverflow(UInt64(entry.byteCount))
    guard !startOverflow, !endOverflow, end <= UInt64(fileBytes) else {
      let wanted = startOverflow || endOverflow ? "bytes beyond 2^64" : "bytes \(start) to \(end)"
      throw error(
        .truncated,
        "The tensor \(entry.shape) of \(entry.type.name) should lie at \(wanted), but the file has only "
          + "\(fileBytes) bytes. It is cut short; download or convert it again.", entry.name)
    }
    return TensorInfo(
      name: entry.name, shape: entry.shape, type: entry.type, byteCount: entry.byteCount,
      partIndex: partIndex, offset: Int(start))
  }

  private func checkOverlap(_ tensors: [TensorInfo]) throws(CheckpointError) {
    let sorted = tensors.sorted { $0.offset < $1.offset }
    for (before, after) in zip(sorted, sorted.dropFirst()) where before.byteRange.upperBound > after.offset {
      throw error(
        .overlap,
        "The tensor starts at byte \(after.offset), inside tensor \(quoted(before.name)), which ends at byte "
          + "\(before.byteRange.upperBound). The file is damaged; convert it again.", after.name)
    }
  }

  private func error(_ code: CheckpointError.Code, _ message: String, _ tensor: String) -> CheckpointError {
    CheckpointError(code, message, path: path, place: .tensor(tensor))
  }
}
