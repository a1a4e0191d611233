import SkeinTensor

/// A model as a converter sees it: keys, and tensors whose numbers are asked for piece by piece.
///
/// Names of keys and tensors are those of GGUF. What is behind it may be a GGUF file, a folder of safetensors, or
/// numbers that are made up.
public protocol TensorSource: Sendable {
  /// All keys that the written file is to have.
  var metadata: Metadata { get }
  /// All tensors, in the order in which they are to be written, with the formats that they have now.
  var tensors: [GGUFTensor] { get }

  /// Computes rows of a tensor: `values[r * columns + c]` for rows `rows.lowerBound + r`, `shape.rows` and
  /// `shape.columns` of the tensor. Called from several threads at once, each time with rows of one tensor, mostly
  /// in rising order.
  func read(tensor index: Int, rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>) throws

  /// The tensor's bytes where they are at hand as a file would have them, so that they can be copied; nil where they
  /// have to be computed. Valid while the source lives.
  func storedBytes(tensor index: Int) -> UnsafeRawBufferPointer?

  /// Says that all of a tensor has been read and written, so that memory may be given back.
  func release(tensor index: Int)
}

extension TensorSource {
  /// Nothing is at hand.
  public func storedBytes(tensor index: Int) -> UnsafeRawBufferPointer? { nil }
  /// Nothing to give back.
  public func release(tensor index: Int) {}
}
