import SkeinDevices
import SkeinGraph

/// Where a plan's weights come from.
public protocol WeightSource: Sendable {
  /// A reader for one device. Readers of several devices work at the same time, each on its device's thread.
  func makeReader() -> any WeightReader
}

/// Reads weights, one after the other.
public protocol WeightReader: AnyObject {
  /// Hands over a weight in the format of the plan, part by part, in order. A part is one or more whole rows, and
  /// gone when `body` returns.
  ///
  /// - Parameters:
  ///   - parallel: runs work on the threads of the device that the weight is for.
  ///   - body: is given a part, and where it lies in the weight, in bytes.
  func read(
    _ weight: WeightID, parallel: any ParallelWork,
    _ body: (_ part: UnsafeRawBufferPointer, _ offset: Int) throws -> Void) throws
  /// All bytes of a weight in the mapped file, where they are one run in the format of the plan; else nil. They stay
  /// as long as the source.
  func mappedBytes(of weight: WeightID) -> UnsafeRawBufferPointer?
  /// The weight will be asked for soon: it may be read ahead.
  func willNeed(_ weight: WeightID)
}

extension WeightReader {
  /// Nothing is mapped.
  public func mappedBytes(of weight: WeightID) -> UnsafeRawBufferPointer? { nil }
}
