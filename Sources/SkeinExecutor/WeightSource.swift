import SkeinGraph

/// Where a plan's weights come from.
public protocol WeightSource: Sendable {
  /// The bytes of a weight in its stored format. Called from several threads, once for each device that holds
  /// the weight.
  func bytes(of weight: WeightID) throws -> UnsafeRawBufferPointer
  /// A device will ask for the weight soon: it may be read ahead.
  func willNeed(_ weight: WeightID)
  /// A device has loaded the weight: its pages may go. Another device may still be reading the same bytes, or
  /// ask for them later, so they must stay readable.
  func release(_ weight: WeightID)
}
