import SkeinTensor

/// A tensor in a checkpoint: what it is and where its bytes lie.
public struct TensorInfo: Sendable, Hashable {
  /// The name, unique in the checkpoint.
  public let name: String
  /// Extents, outermost first: the last one is contiguous.
  public let shape: Shape
  /// How the numbers are stored.
  public let type: ElementType
  /// Bytes of the tensor.
  public let byteCount: Int
  /// Which of the checkpoint's files holds the bytes, counted from 0.
  public let partIndex: Int
  /// Where they start, in bytes from the start of that file.
  public let offset: Int

  /// A tensor of these properties; the caller has checked that it lies in its file.
  public init(
    name: String, shape: Shape, type: ElementType, byteCount: Int, partIndex: Int, offset: Int
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.byteCount = byteCount
    self.partIndex = partIndex
    self.offset = offset
  }

  /// Where the bytes are in their file.
  public var byteRange: Range<Int> { offset..<(offset + byteCount) }

  /// A run of this tensor's rows (of a vector, of its values) as a tensor: same name, its own part of the bytes.
  ///
  /// nil where there are no such rows, or where they are no whole bytes: values of a vector in blocks.
  public func rows(_ range: Range<Int>) -> TensorInfo? {
    guard let count = shape.extents.first, range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty,
      byteCount % count == 0, shape.extents.count > 1 || type.blockElementCount == 1
    else { return nil }
    let rowBytes = byteCount / count
    return TensorInfo(
      name: name, shape: Shape([range.count] + shape.extents.dropFirst()), type: type,
      byteCount: range.count * rowBytes, partIndex: partIndex, offset: offset + range.lowerBound * rowBytes)
  }
}

/// Tensors by name and metadata by key, in one file or several.
public protocol Checkpoint: AnyObject, Sendable {
  /// What the checkpoint says about its model.
  var metadata: Metadata { get }
  /// The files, with their paths and sizes; `TensorInfo.partIndex` counts in them.
  var files: [MappedFile] { get }
  /// All tensors, in the order of the files and in each file's own order.
  var tensors: [TensorInfo] { get }
  /// The tensor with this name, or nil.
  func tensor(named name: String) -> TensorInfo?
}

extension Checkpoint {
  /// As `tensor(named:)`, and throws `missingTensor` where there is none.
  public func requiredTensor(named name: String) throws(CheckpointError) -> TensorInfo {
    guard let tensor = tensor(named: name) else {
      throw CheckpointError(
        .missingTensor, "The tensor is needed and not in the file. Convert the model again.",
        path: files.first?.path ?? metadata.path, place: .tensor(name))
    }
    return tensor
  }

  /// The bytes of one of this checkpoint's tensors; valid while the checkpoint lives.
  public func bytes(of tensor: TensorInfo) -> UnsafeRawBufferPointer {
    let file = files[tensor.partIndex].bytes
    precondition(
      tensor.offset >= 0 && tensor.byteCount <= file.count - tensor.offset, "tensor of another checkpoint")
    return UnsafeRawBufferPointer(rebasing: file[tensor.byteRange])
  }

  /// Lets the system drop the pages of a tensor that was consumed; see `MappedFile.release`.
  public func release(bytesOf tensor: TensorInfo) {
    files[tensor.partIndex].release(tensor.byteRange)
  }

  /// Lets the system read a tensor ahead; see `MappedFile.willNeed`.
  public func willNeed(bytesOf tensor: TensorInfo) {
    files[tensor.partIndex].willNeed(tensor.byteRange)
  }
}
