import CKernels
import SkeinFiles
import SkeinTensor

/// The tensors of a checkpoint whose names are GGUF's, as a source for conversions.
public struct CheckpointSource: TensorSource {
  /// The keys, without those that say which part of a checkpoint a file is: what is written is one file.
  public let metadata: Metadata
  /// The tensors, in the checkpoint's order.
  public let tensors: [GGUFTensor]
  private let checkpoint: any Checkpoint

  /// The tensors of `checkpoint`.
  public init(_ checkpoint: any Checkpoint) {
    var metadata = checkpoint.metadata
    for key in ["split.no", "split.count", "split.tensors.count"] { metadata.remove(key) }
    self.metadata = metadata
    tensors = checkpoint.tensors.map { GGUFTensor(name: $0.name, shape: $0.shape, type: $0.type) }
    self.checkpoint = checkpoint
  }

  /// Decodes rows of a tensor.
  public func read(tensor index: Int, rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>) {
    let tensor = checkpoint.tensors[index]
    let columns = tensor.shape.columns
    precondition(values.count == rows.count * columns, "memory of another size than the rows")
    let rowBytes = tensor.byteCount / tensor.shape.rows
    var args = skein_dequantize_args(
      x: checkpoint.bytes(of: tensor).baseAddress! + rows.lowerBound * rowBytes, row_bytes: Int64(rowBytes),
      type: tensor.type.rawValue, columns: Int32(columns), y: values.baseAddress)
    skein_kernels_named(nil).pointee.dequantize(&args, 0, Int32(rows.count), nil)
  }

  /// The bytes in the file.
  public func storedBytes(tensor index: Int) -> UnsafeRawBufferPointer? {
    checkpoint.bytes(of: checkpoint.tensors[index])
  }

  /// Lets the system drop the tensor's pages.
  public func release(tensor index: Int) { checkpoint.release(bytesOf: checkpoint.tensors[index]) }
}
