/// SentencePiece's own normalization: the charsmap, then what becomes of white space.
struct SentencePieceNormalizer: Sendable {
  let charsmap: Charsmap?
  /// Passed on as they stand.
  let userDefined: PrefixTrie
  let addsDummyPrefix: Bool
  let removesExtraSpace: Bool
  let escapesSpace: Bool
  let treatsSpaceAsSuffix: Bool

  private static let space: [UInt8] = [0x20]

  func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    guard let base = text.baseAddress else { return result }
    result.reserveCapacity(text.count + text.count / 2 + 8)
    var index = 0
    if removesExtraSpace {
      while index < text.count {
        let (byteCount, value) = prefix(base + index, text.count - index)
        guard value.elementsEqual(Self.space) else { break }
        index += byteCount
      }
    }
    if index == text.count { return [] }
    let mark = escapesSpace ? EscapedSpace.bytes : Self.space
    if addsDummyPrefix, !treatsSpaceAsSuffix { result.append(contentsOf: mark) }
    var isAfterSpace = removesExtraSpace
    while index < text.count {
      var (byteCount, value) = prefix(base + index, text.count - index)
      while isAfterSpace, value.first == 0x20 { value.removeFirst() }
      if let last = value.last {
        for byte in value {
          if byte == 0x20 { result.append(contentsOf: mark) } else { result.append(byte) }
        }
        isAfterSpace = last == 0x20
      }
      index += byteCount
      if !removesExtraSpace { isAfterSpace = false }
    }
    if removesExtraSpace {
      while result.suffix(mark.count).elementsEqual(mark) { result.removeLast(mark.count) }
    }
    if addsDummyPrefix, treatsSpaceAsSuffix { result.append(contentsOf: mark) }
    return result
  }

  /// What the start of the text becomes, and how many bytes that is.
  @inline(__always)
  private func prefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> (byteCount: Int, value: ArraySlice<UInt8>) {
    if let found = userDefined.longestPrefix(text, count: count) {
      return (found.byteCount, Array(UnsafeBufferPointer(start: text, count: found.byteCount))[...])
    }
    if let found = charsmap?.longestPrefix(text, count) { return found }
    let byteCount = min(characterByteCount(text[0]), count)
    return (byteCount, Array(UnsafeBufferPointer(start: text, count: byteCount))[...])
  }
}
