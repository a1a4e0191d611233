import SkeinGraph

/// Where a plan's weights come from.
public protocol WeightSource: Sendable {
  /// The bytes of a weight in its stored format, valid until `release`. Called from several threads.
  func bytes(of weight: WeightID) throws -> UnsafeRawBufferPointer
  /// The weight has been loaded by a device: its pages may go.
  func release(_ weight: WeightID)
}
