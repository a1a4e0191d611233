import SkeinTensor

/// A weight in a device's memory.
public struct WeightSlot: Hashable, Sendable {
  /// The weight.
  public var weight: WeightID
  /// The format it is stored in in the checkpoint.
  public var type: ElementType
  /// What of it the device holds; nil for all of it.
  public var slice: WeightSlice?
  /// Where it lies, in the device's own layout.
  public var buffer: Buffer
  /// Whether its place has whole pages, so that those of the mapped checkpoint can be there in place of a copy.
  public var isMapped = false
  /// Whether the device keeps it in the order that its matrix products read (`DeviceLayout.packs(_:limits:)`).
  public var isPacked = false

  /// What tells it from the device's other slots.
  public var piece: WeightPiece { WeightPiece(weight, slice) }
}

/// A weight, or a slice of it. A device may have several of one weight: of a matrix that embedding and head share, the
/// embedding takes columns, or all of it, and the head rows.
public struct WeightPiece: Hashable, Sendable {
  /// The weight.
  public var weight: WeightID
  /// What of it; nil for all.
  public var slice: WeightSlice?

  /// A slice of a weight.
  public init(_ weight: WeightID, _ slice: WeightSlice?) {
    self.weight = weight
    self.slice = slice
  }
}

/// One layer's cache in a device's memory, in the format of the plan's limits:
/// keys `[page][head][token][keyWidth]`, values `[page][head][token][valueWidth]`, rows of whole blocks
/// (`Cache.rowBytes`). Where the cache's `valueWidth` is 0, `values` is empty.
public struct CacheSlot: Hashable, Sendable {
  /// The cache.
  public var cache: CacheID
  /// Heads of keys and values that the device has.
  public var headCount: Int
  /// All pages of keys.
  public var keys: Buffer
  /// All pages of values.
  public var values: Buffer
}
