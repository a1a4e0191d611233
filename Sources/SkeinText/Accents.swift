/// Taking accents off letters, as BERT's tokenizers do: canonical decomposition without the nonspacing
/// marks. The standard library can decompose but does not offer it.
struct Accents: Sendable {
  private let decompositions: [UInt32: [Unicode.Scalar]]

  init() {
    var decompositions: [UInt32: [Unicode.Scalar]] = [:]
    for entry in Self.table {
      guard let left = Unicode.Scalar(entry & 0xFFFF) else { continue }
      decompositions[entry >> 16, default: []].append(left)
    }
    self.decompositions = decompositions
  }

  /// Calls `body` with what is left of `scalar`.
  func strip(_ scalar: Unicode.Scalar, _ body: (Unicode.Scalar) -> Void) {
    if scalar.value < 0xC0 { return body(scalar) }
    if let parts = decompositions[scalar.value] {
      parts.forEach(body)
    } else if case 0xAC00...0xD7A3 = scalar.value {
      // A Hangul syllable is its consonant, its vowel and perhaps a final consonant.
      let index = scalar.value - 0xAC00
      let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28]
      for part in parts.prefix(index % 28 == 0 ? 2 : 3) { body(Unicode.Scalar(part)!) }
    } else if scalar.properties.generalCategory != .nonspacingMark {
      body(scalar)
    }
  }
}
