import SkeinFiles
import SkeinTensor

/// What quantizing a model did.
public struct QuantizationReport: Sendable {
  /// A tensor that was written.
  public struct Tensor: Sendable {
    /// Its name, shape and new format.
    public let tensor: GGUFTensor
    /// The format that it had.
    public let before: ElementType
    /// The root of the mean square of what was lost, relative to that of the values; 0 where nothing was.
    public var relativeError: Double { Self.ratio(sums) }
    let sums: RowQuantizer.SquareSums

    fileprivate static func ratio(_ sums: RowQuantizer.SquareSums) -> Double {
      sums.values > 0 ? (sums.error / sums.values).squareRoot() : 0
    }
  }

  /// All tensors, in the file's order.
  public let tensors: [Tensor]
  /// Bytes of the file.
  public let byteCount: Int

  /// The relative error over all tensors that were stored in another format.
  public var relativeError: Double {
    Tensor.ratio(
      tensors.reduce(into: RowQuantizer.SquareSums()) {
        $0.error += $1.sums.error
        $0.values += $1.sums.values
      })
  }
}
