import SkeinFiles
import SkeinGraph

/// Which layers see only the latest positions, in families where not all do.
struct LayerWindows: Hashable, Sendable {
  /// The latest positions that such a layer sees; nil where that is the whole context.
  var tokens: Int?
  /// For each layer whether it is one.
  var isLocal: [Bool]

  /// The latest positions that a layer sees; nil for all.
  func window(_ layer: Int?) -> Int? { isLocal(layer) ? tokens : nil }

  /// Whether a layer is one that sees only the latest.
  func isLocal(_ layer: Int?) -> Bool { layer.map { isLocal[$0] } ?? false }

  /// Reads `attention.sliding_window` and `attention.sliding_window_pattern`, which is a period (the last layer of
  /// each sees all positions) or says it for each layer.
  ///
  /// - Parameter period: that of the family's models, whose files do not say it; nil for no such layers.
  init(_ reader: ConfigurationReader, _ c: DecoderConfiguration, period: Int) throws {
    tokens = c.window
    let key = "attention.sliding_window_pattern"
    if let layers = try reader.flags(key) {
      guard layers.count == c.layerCount else {
        throw reader.error(
          .invalidConfiguration, "is for \(layers.count) layers; there are \(c.layerCount)", at: key)
      }
      isLocal = layers
      return
    }
    let period = try reader.optionalSize(key) ?? period
    guard period > 0 else { throw reader.error(.invalidConfiguration, "must be above zero", at: key) }
    // Files without a window have no such layers.
    let has = (try reader.optionalSize("attention.sliding_window", most: Int(Int32.max)) ?? 0) > 0
    isLocal = (0..<c.layerCount).map { has && ($0 + 1) % period != 0 }
  }
}
