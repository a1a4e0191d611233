/// SentencePiece's precompiled normalization: a trie from byte strings to what replaces them.
struct Charsmap: Sendable {
  /// A double array; its units are those of Darts-clone.
  private let units: [UInt32]
  /// Replacements, each ending with a zero byte.
  private let replacements: [UInt8]

  /// Reads a blob: the trie's byte count (32 bits, little-endian), the trie, the replacements.
  ///
  /// - Throws: `malformed` where the sizes do not fit or the replacements are no text.
  init(_ blob: [UInt8], place: String) throws(TokenizerError) {
    func malformed(_ what: String) -> TokenizerError {
      TokenizerError(.malformed, "\(place): the normalization table \(what). Download the file again.")
    }
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(blob[offset + $1]) << UInt32(8 * $1) }
    }
    guard blob.count > 4 else { throw malformed("is empty") }
    let trieByteCount = Int(word(0))
    guard trieByteCount > 0, trieByteCount % 4 == 0, trieByteCount < blob.count - 4 else {
      throw malformed("says that its trie has \(trieByteCount) bytes, of \(blob.count)")
    }
    units = (0..<trieByteCount / 4).map { word(4 + 4 * $0) }
    replacements = Array(blob[(4 + trieByteCount)...])
    guard String(validating: replacements, as: UTF8.self) != nil else {
      throw malformed("has replacements that are not UTF-8")
    }
  }

  /// Walks the trie along the text; calls `body` with each key's length and value until it returns false.
  @inline(__always)
  private func walk(_ text: UnsafePointer<UInt8>, _ count: Int, _ body: (Int, Int) -> Bool) {
    var place = offset(units[0])
    for index in 0..<count {
      let byte = UInt32(text[index])
      if byte == 0 { return }
      place ^= Int(byte)
      guard place < units.count else { return }
      let unit = units[place]
      guard unit & 0x8000_00FF == byte else { return }
      place ^= offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard place < units.count else { return }
      if !body(index + 1, Int(units[place] & 0x7FFF_FFFF)) { return }
    }
  }

  @inline(__always)
  private func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 0x200) >> 6) }

  /// What replaces the longest key at the start of the text, and that key's length.
  func longestPrefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> (
    byteCount: Int, value: ArraySlice<UInt8>
  )? {
    var found: (Int, Int)?
    walk(text, count) { length, value in
      found = (length, value)
      return true
    }
    guard let (length, value) = found, let replacement = replacement(value) else { return nil }
    return (length, replacement)
  }

  /// What replaces the shortest key at the start of the text.
  func shortestPrefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> ArraySlice<UInt8>? {
    var found: Int?
    walk(text, count) { _, value in
      found = value
      return false
    }
    return found.flatMap { replacement($0) }
  }

  private func replacement(_ start: Int) -> ArraySlice<UInt8>? {
    guard start < replacements.count, replacements[start] & 0xC0 != 0x80 else { return nil }
    let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
    return replacements[start..<end]
  }
}

/// A charsmap as the `tokenizers` library applies it: to whole grapheme clusters of up to five bytes, of
/// which it takes the shortest key, otherwise to single characters. (SentencePiece itself takes the
/// longest key at every place.)
struct CharsmapNormalizer: Normalizer {
  let charsmap: Charsmap
  private static let longestClusterByteCount = 5

  func normalize(_ text: inout PipelineText, _ matcher: Matcher) {
    var source = String(decoding: text.bytes, as: UTF8.self)
    source.makeContiguousUTF8()
    var result: [UInt8] = []
    result.reserveCapacity(text.bytes.count)
    text.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var start = 0
      for character in source {
        let end = start + character.utf8.count
        append(base, start..<end, to: &result)
        start = end
      }
    }
    text.bytes = result
  }

  private func append(_ base: UnsafePointer<UInt8>, _ cluster: Range<Int>, to result: inout [UInt8]) {
    if cluster.count <= Self.longestClusterByteCount,
      let replacement = charsmap.shortestPrefix(base + cluster.lowerBound, cluster.count)
    {
      return result.append(contentsOf: replacement)
    }
    var index = cluster.lowerBound
    while index < cluster.upperBound {
      let byteCount = characterByteCount(base[index])
      if let replacement = charsmap.shortestPrefix(base + index, byteCount) {
        result.append(contentsOf: replacement)
      } else {
        result.append(contentsOf: UnsafeBufferPointer(start: base + index, count: byteCount))
      }
      index += byteCount
    }
  }
}
