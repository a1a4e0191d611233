import SkeinDevices
import SkeinFiles
import SkeinModels
import SkeinTensor

/// How a model is quantized.
public struct QuantizationOptions: Sendable {
  /// The formats.
  public var recipe: WeightRecipe
  /// What to do where the file that is to be written exists.
  public var existing: GGUFWriter.ExistingFile = .refuse
  /// The cores to work on, as the operating system counts them; nil for all.
  public var cores: [Int]?

  /// Options that refuse to replace files and use all cores.
  public init(recipe: WeightRecipe) { self.recipe = recipe }
}

/// Writes a model as a GGUF file, with its weights in other formats.
///
/// Reads and writes tensor by tensor, each in pieces of whole rows, so memory does not grow with the model: a piece
/// of about 16 MB, its blocks, and two rows for each thread.
public struct ModelQuantizer {
  /// The tensors as they will be stored, in the source's order.
  public let tensors: [GGUFTensor]
  private let source: any TensorSource
  private let options: QuantizationOptions

  /// Values that are quantized between two writes, where rows are not longer.
  private static let pieceValues = 1 << 22
  /// The most values in a row: scratch of 256 MB a thread.
  private static let mostColumns = 1 << 25

  /// Chooses the format of every tensor; reads no numbers.
  public init(_ source: any TensorSource, _ options: QuantizationOptions) throws(QuantizationError) {
    self.source = source
    self.options = options
    let layerCount = WeightRecipe.layerCount(source.tensors)
    tensors = source.tensors.map {
      GGUFTensor(
        name: $0.name, shape: $0.shape, type: options.recipe.type(of: $0, layerCount: layerCount))
    }
    guard let long = tensors.first(where: { $0.shape.columns > Self.mostColumns }) else { return }
    throw QuantizationError(
      .unsupported, "has rows of \(long.shape.columns) values; at most \(Self.mostColumns) are allowed",
      path: source.metadata.path, tensor: long.name)
  }

  /// The keys as they will be stored: the source's, and what kind of quantization this is.
  public var metadata: Metadata {
    var metadata = source.metadata
    metadata.set("general.quantization_version", .uint32(2))
    metadata.set("general.file_type", .uint32(options.recipe.fileType))
    return metadata
  }

  /// Formats with scales that are to be quantized again, with the number of tensors: what was lost stays lost.
  public var requantized: [(type: ElementType, count: Int)] {
    let types = zip(source.tensors, tensors).filter { $0.type.isQuantized && $0.type != $1.type }.map(
      \.0.type)
    return ElementType.allCases.compactMap { type in
      let count = types.count { $0 == type }
      return count > 0 ? (type, count) : nil
    }
  }

  /// Writes the file. Returns when it is complete, on the disk and has its name; where it throws, nothing is left.
  ///
  /// - Parameters:
  ///   - path: the file to write.
  ///   - isCancelled: asked between pieces; where it says so, `cancelled` is thrown.
  ///   - progress: how many values are done, and of how many.
  /// - Throws: `QuantizationError`, `CheckpointError`, `DeviceError`, or what the source throws.
  public func write(
    to path: String, isCancelled: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> QuantizationReport {
    let cores = try options.cores ?? CPUTopology().cores
    let job = UncheckedJob(quantizer: self)
    // The team pins the thread that uses it.
    return try HostThread.run {
      try job.quantizer.writeHere(to: path, cores: cores, isCancelled: isCancelled, progress: progress)
    }
  }

  private struct UncheckedJob: @unchecked Sendable { let quantizer: ModelQuantizer }

  private func writeHere(
    to path: String, cores: [Int], isCancelled: () -> Bool, progress: (Int, Int) -> Void
  ) throws -> QuantizationReport {
    let writer = try GGUFWriter(path: path, metadata: metadata, tensors: tensors, existing: options.existing)
    let team = try RowQuantizer(cores: cores, mostColumns: tensors.map(\.shape.columns).max() ?? 0)
    let total = tensors.reduce(0) { $0 + $1.shape.rows * $1.shape.columns }
    var done = 0
    var results: [QuantizationReport.Tensor] = []
    for index in tensors.indices {
      var sums = RowQuantizer.SquareSums()
      let before = source.tensors[index].type
      for rows in pieces(of: tensors[index].shape) {
        if isCancelled() {
          throw QuantizationError(.cancelled, "stopped; no file was written", path: source.metadata.path)
        }
        try write(rows, of: index, to: writer, team, &sums)
        done += rows.count * tensors[index].shape.columns
        progress(done, total)
      }
      source.release(tensor: index)
      results.append(QuantizationReport.Tensor(tensor: tensors[index], before: before, sums: sums))
    }
    try writer.finish()
    return QuantizationReport(tensors: results, byteCount: writer.byteCount)
  }

  /// Runs of whole rows.
  private func pieces(of shape: Shape) -> [Range<Int>] {
    let size = max(1, Self.pieceValues / max(shape.columns, 1))
    return stride(from: 0, to: shape.rows, by: size).map { $0..<min($0 + size, shape.rows) }
  }

  private func write(
    _ rows: Range<Int>, of index: Int, to writer: GGUFWriter, _ team: RowQuantizer,
    _ sums: inout RowQuantizer.SquareSums
  ) throws {
    let tensor = tensors[index]
    let rowBytes = tensor.type.rowBytes(elementCount: tensor.shape.columns)!
    if source.tensors[index].type == tensor.type, let bytes = source.storedBytes(tensor: index) {
      let range = rows.lowerBound * rowBytes..<rows.upperBound * rowBytes
      return try writer.append(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
    let blocks = UnsafeMutableRawBufferPointer.allocate(byteCount: rows.count * rowBytes, alignment: 64)
    defer { blocks.deallocate() }
    let source = source
    let fault = team.quantize(
      tensor.type, rows: rows, columns: tensor.shape.columns, into: blocks, adding: &sums
    ) { try source.read(tensor: index, rows: $0..<$0 + 1, into: $1) }
    if let fault { throw error(fault, tensor) }
    try writer.append(UnsafeRawBufferPointer(blocks))
  }

  private func error(_ fault: RowQuantizer.Fault, _ tensor: GGUFTensor) -> any Error {
    let (code, column, value): (QuantizationError.Code, Int, Float)
    switch fault.reason {
    case .unreadable(let error): return error
    case .notFinite(let place, let found): (code, column, value) = (.notFinite, place, found)
    case .tooLarge(let place, let found): (code, column, value) = (.tooLarge, place, found)
    }
    let remedy =
      code == .notFinite
      ? "the model is damaged, or was saved while it diverged; download or convert it again"
      : "\(tensor.type.name) cannot hold it; choose BF16 or F32"
    return QuantizationError(
      code, "the weight in row \(fault.row), column \(column) is \(value): \(remedy)",
      path: source.metadata.path,
      tensor: tensor.name)
  }
}
