import SkeinDevices
import SkeinExecutor
import SkeinFiles
import SkeinGraph
import SkeinModels

/// The weights of a checkpoint, from its mapped files: as they are stored, or converted on the way.
struct CheckpointWeights: WeightSource {
  let files: [MappedFile]
  let stored: [StoredWeight]

  init(_ definition: ModelDefinition) {
    files = definition.files
    stored = definition.stored
  }

  func makeReader() -> any WeightReader { CheckpointReader(files: files, stored: stored) }
}

/// Reads weights for one device. What is not given as it is stored goes through a scratch of bounded size, which is
/// made at the first such weight and then stays.
final class CheckpointReader: WeightReader {
  private let files: [MappedFile]
  private let stored: [StoredWeight]
  private var conversion: WeightConversion?

  /// Bytes of a part: enough for all threads, and little beside any model.
  private static let partBytes = 16 << 20

  init(files: [MappedFile], stored: [StoredWeight]) {
    self.files = files
    self.stored = stored
  }

  func read(
    _ weight: WeightID, parallel: any ParallelWork,
    _ body: (_ part: UnsafeRawBufferPointer, _ offset: Int) throws -> Void
  ) throws {
    let weight = stored[weight.index]
    if weight.isGivenAsStored { return try readAsStored(weight, body) }
    let conversion = conversion ?? WeightConversion(files: files)
    self.conversion = conversion
    try conversion.convert(weight, parallel: parallel, body)
  }

  /// Every run's rows lie one after the other.
  private func readAsStored(_ weight: StoredWeight, _ body: (UnsafeRawBufferPointer, Int) throws -> Void)
    throws
  {
    var offset = 0
    for run in weight.runs {
      let (file, first) = (files[run.part], run.rowOffset(0))
      let byteCount = run.count * weight.rowBytes
      let partRows = max(Self.partBytes / max(weight.rowBytes, 1), 1)
      for start in stride(from: 0, to: byteCount, by: partRows * weight.rowBytes) {
        let range = first + start..<first + min(start + partRows * weight.rowBytes, byteCount)
        try body(UnsafeRawBufferPointer(rebasing: file.bytes[range]), offset + start)
        file.release(range)
      }
      offset += byteCount
    }
  }

  func mappedBytes(of weight: WeightID) -> UnsafeRawBufferPointer? {
    guard let range = stored[weight.index].mappableRange else { return nil }
    return UnsafeRawBufferPointer(rebasing: files[stored[weight.index].runs[0].part].bytes[range])
  }

  func willNeed(_ weight: WeightID) {
    // Of many small runs the first few are enough to keep the disk busy.
    for run in stored[weight.index].runs.prefix(8) where run.order == .rows {
      files[run.part].willNeed(run.rowOffset(0)..<run.rowOffset(run.count - 1) + run.strideBytes)
    }
  }
}
