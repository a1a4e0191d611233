import SkeinModels
import SkeinTensor

/// Names that rules may have meant, for hints about rules that match none.
struct KnownNames {
  /// For each name and for its last parts, the name.
  private var nameOf: [String: String] = [:]

  /// The names that there are. Those of all layers and experts are alike, so one of each is kept.
  init(_ names: some Sequence<String>) {
    var seen: Set<String> = []
    for name in names where !name.isEmpty && seen.insert(Self.shape(of: name)).inserted {
      let parts = name.split(separator: ".")
      for count in [1, 2, parts.count] {
        let end = parts.suffix(count).joined(separator: ".")
        if nameOf[end] == nil { nameOf[end] = name }
      }
    }
  }

  /// What to do about an expression that matches no name.
  func hint(_ pattern: String) -> String {
    // What is left of the expression without its signs is likely near a name or the end of one.
    let plain = pattern.filter { !"^$\\()[]*+?|{}".contains($0) }
    let near = nearestWord(to: plain, in: nameOf.keys.sorted()).flatMap { nameOf[$0] }
    return near.map { "the nearest name is \($0)" } ?? "there are no names"
  }

  /// A name without its numbers.
  static func shape(of name: String) -> String {
    name.split(separator: ".").map { $0.allSatisfy(\.isNumber) ? "*" : $0 }.joined(separator: ".")
  }
}

/// The layers that an expression names beyond those of a model.
///
/// An expression that names every layer there could be is right for any model; one that names layers up to a
/// number was written for a model with that many.
struct LayersBeyond {
  /// Layers that are tried.
  static let tried = 200
  let layers: [Int]

  /// Tries a name with other numbers of layers; nil where it has none, the expression names no layer beyond the
  /// model's, or it names all.
  init?<Failure: Error>(
    _ name: String, layerCount: Int, matches: (String) throws(Failure) -> Bool
  ) throws(Failure) {
    var parts = name.split(separator: ".").map(String.init)
    guard let outer = parts.firstIndex(where: { $0 == "layers" || $0 == "blk" }), outer + 1 < parts.count,
      layerCount < Self.tried
    else { return nil }
    func renamed(_ layer: Int) -> String {
      parts[outer + 1] = "\(layer)"
      return parts.joined(separator: ".")
    }
    if try matches(renamed(99_999)) { return nil }
    var layers: [Int] = []
    for layer in layerCount..<Self.tried where try matches(renamed(layer)) { layers.append(layer) }
    if layers.isEmpty { return nil }
    self.layers = layers
  }

  /// `layers 27 to 29; the model has 27, 0 to 26`
  func words(layerCount: Int) -> String {
    "layers \(LayerRanges.words(layers)); the model has \(layerCount), 0 to \(layerCount - 1)"
  }
}
