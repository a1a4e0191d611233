/// SentencePiece's own normalization: the charsmap, then what becomes of white space.
struct SentencePieceNormalizer: Sendable {
  let charsmap: Charsmap?
  /// Passed on as they stand.
  let userDefined: PrefixTrie
  let addsDummyPrefix: Bool
  let removesExtraSpace: Bool
  let escapesSpace: Bool
  let treatsSpaceAsSuffix: Bool

  func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var output = Output(self, capacity: text.count + text.count / 2 + 8)
    guard let base = text.baseAddress else { return [] }
    var index = 0
    if removesExtraSpace {
      while index < text.count {
        let (byteCount, replacement) = prefix(base + index, text.count - index)
        let isSpace = replacement.map { $0.count == 1 && $0.first == 0x20 } ?? (base[index] == 0x20)
        guard isSpace, replacement != nil || byteCount == 1 else { break }
        index += byteCount
      }
    }
    if index == text.count { return [] }
    if addsDummyPrefix, !treatsSpaceAsSuffix { output.appendMark() }
    while index < text.count {
      let (byteCount, replacement) = prefix(base + index, text.count - index)
      if let replacement {
        output.append(replacement)
      } else {
        output.append(UnsafeBufferPointer(start: base + index, count: byteCount))
      }
      index += byteCount
    }
    if removesExtraSpace { output.removeTrailingMarks() }
    if addsDummyPrefix, treatsSpaceAsSuffix { output.appendMark() }
    return output.bytes
  }

  /// How many bytes at the start of the text are taken at once, and what replaces them; nil where they stay.
  @inline(__always)
  private func prefix(
    _ text: UnsafePointer<UInt8>, _ count: Int
  ) -> (byteCount: Int, replacement: ArraySlice<UInt8>?) {
    if let found = userDefined.longestPrefix(text, count: count) { return (found.byteCount, nil) }
    if let found = charsmap?.longestPrefix(text, count) { return (found.byteCount, found.value) }
    return (min(characterByteCount(text[0]), count), nil)
  }

  /// Normalized text as it grows.
  private struct Output {
    var bytes: [UInt8] = []
    private let mark: [UInt8]
    private let removesExtraSpace: Bool
    private var isAfterSpace: Bool

    init(_ normalizer: SentencePieceNormalizer, capacity: Int) {
      bytes.reserveCapacity(capacity)
      mark = normalizer.escapesSpace ? EscapedSpace.bytes : [0x20]
      removesExtraSpace = normalizer.removesExtraSpace
      isAfterSpace = removesExtraSpace
    }

    mutating func appendMark() { bytes.append(contentsOf: mark) }

    @inline(__always)
    mutating func append(_ value: some Collection<UInt8>) {
      var isLeading = isAfterSpace
      var last: UInt8?
      for byte in value {
        if byte == 0x20, isLeading { continue }
        isLeading = false
        if byte == 0x20 { bytes.append(contentsOf: mark) } else { bytes.append(byte) }
        last = byte
      }
      if let last { isAfterSpace = last == 0x20 }
      if !removesExtraSpace { isAfterSpace = false }
    }

    mutating func removeTrailingMarks() {
      while bytes.suffix(mark.count).elementsEqual(mark) { bytes.removeLast(mark.count) }
    }
  }
}
