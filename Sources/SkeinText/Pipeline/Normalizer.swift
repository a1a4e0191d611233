/// Text on its way from the input to the words of a model.
struct PipelineText {
  /// Valid UTF-8.
  var bytes: [UInt8]
  /// Whether the first byte comes from the first byte of the whole input. Some rules hold only there.
  var isAtOrigin: Bool
}

/// Rewrites text before it is cut into words.
protocol Normalizer: Sendable {
  func normalize(_ text: inout PipelineText, _ matcher: Matcher)
}

extension Normalizer {
  /// Replaces each scalar by what `body` appends for it. Where the first one is left out, the text no longer
  /// begins at the origin.
  func mapScalars(_ text: inout PipelineText, _ body: (UInt32, inout [UInt8]) -> Void) {
    var result: [UInt8] = []
    result.reserveCapacity(text.bytes.count + 16)
    text.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var index = 0
      while index < bytes.count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        body(scalar, &result)
        if index == 0, result.isEmpty { text.isAtOrigin = false }
        index += byteCount
      }
    }
    text.bytes = result
  }
}

/// One of Unicode's normalization forms.
struct FormNormalizer: Normalizer {
  let form: DecompositionTables.Form

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    text.bytes = DecompositionTables.shared.normalize(text.bytes, to: form)
  }
}

/// Every scalar's own lower case, whatever stands next to it.
struct LowercaseNormalizer: Normalizer {
  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    mapScalars(&text) { scalar, result in Self.append(scalar, to: &result) }
  }

  static func append(_ scalar: UInt32, to result: inout [UInt8]) {
    switch scalar {
    case 0x41...0x5A: result.append(UInt8(truncatingIfNeeded: scalar + 0x20))
    case ..<0x80: result.append(UInt8(truncatingIfNeeded: scalar))
    default:
      guard let known = Unicode.Scalar(scalar) else { return }
      result.append(contentsOf: known.properties.lowercaseMapping.utf8)
    }
  }
}

/// Takes white space off the ends.
struct StripNormalizer: Normalizer {
  let left: Bool
  let right: Bool

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    let classes = CharacterClasses.shared
    var start = 0
    var end = text.bytes.count
    text.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      while left, start < end {
        let (scalar, byteCount) = decodeScalar(base, at: start)
        guard classes.contains(.space, scalar) else { break }
        start += byteCount
      }
      while right, end > start {
        let (scalar, byteCount) = decodeScalar(base, endingAt: end)
        guard classes.contains(.space, scalar) else { break }
        end -= byteCount
      }
    }
    if start > 0 { text.isAtOrigin = false }
    if start > 0 || end < text.bytes.count { text.bytes = Array(text.bytes[start..<end]) }
  }
}

/// Leaves out characters of some kinds.
struct RemovingNormalizer: Normalizer {
  let kinds: CharacterClasses.Kinds

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    let classes = CharacterClasses.shared
    mapScalars(&text) { scalar, result in
      if classes.kinds(scalar).isDisjoint(with: kinds) { result.append(scalar: scalar) }
    }
  }
}

/// Puts a string in front of text that is not empty.
struct PrependNormalizer: Normalizer {
  let prefix: [UInt8]

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    if !text.bytes.isEmpty { text.bytes.insert(contentsOf: prefix, at: 0) }
  }
}

/// Writes every byte as a character of GPT-2's alphabet.
struct ByteLevelNormalizer: Normalizer {
  private let alphabet = ByteAlphabet()

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    var result: [UInt8] = []
    result.reserveCapacity(text.bytes.count * 3 / 2)
    for byte in text.bytes { result.append(scalar: alphabet.scalar(of: byte)) }
    text.bytes = result
  }
}

/// The clean-up of neural machine translation systems: control characters go, odd spaces become spaces.
struct TranslationNormalizer: Normalizer {
  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    mapScalars(&text) { scalar, result in
      switch scalar {
      case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
        result.append(0x20)
      default: result.append(scalar: scalar)
      }
    }
  }
}

/// BERT's clean-up, each part of it where asked for.
struct BertNormalizer: Normalizer {
  let cleansText: Bool
  let separatesHan: Bool
  let stripsAccents: Bool
  let lowercases: Bool

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    let classes = CharacterClasses.shared
    if cleansText {
      mapScalars(&text) { scalar, result in
        let kinds = classes.kinds(scalar)
        if scalar == 0 || scalar == 0xFFFD || kinds.contains(.other) { return }
        result.append(scalar: kinds.contains(.space) ? 0x20 : scalar)
      }
    }
    if separatesHan {
      mapScalars(&text) { scalar, result in
        let isHan = WordPieceEncoder.isHan(scalar)
        if isHan { result.append(0x20) }
        result.append(scalar: scalar)
        if isHan { result.append(0x20) }
      }
    }
    if stripsAccents {
      FormNormalizer(form: .canonicalDecomposed).normalize(&text, matcher)
      RemovingNormalizer(kinds: .nonspacingMark).normalize(&text, matcher)
    }
    if lowercases { LowercaseNormalizer().normalize(&text, matcher) }
  }
}

/// Replaces what matches.
struct ReplaceNormalizer: Normalizer {
  let finder: Finder
  let content: [UInt8]

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    let (result, firstMatch) = finder.replace(in: text.bytes, with: content, matcher)
    text.bytes = result
    // What replaces a match counts as its last character, which is the first only where it is the only one.
    guard let firstMatch, firstMatch.lowerBound == 0, firstMatch.upperBound > 0 else { return }
    if content.isEmpty || firstMatch.scalarCount > 1 { text.isAtOrigin = false }
  }
}
