/// One encoding in progress: its output and the storage that its words share.
struct EncodingRun {
  /// The tokens so far.
  var output: [Int32] = []
  /// The text that words are cut from; it only grows, so that the cache can point into it.
  var text: [UInt8] = []
  var merger = SymbolMerger()
  let matcher = Matcher()
  private var cache: [CachedWord]
  /// Where the output ended with an unknown character, which the next one joins.
  var endOfUnknown = -1

  /// A word that has been encoded: where its text and its tokens are.
  private struct CachedWord {
    var start = 0
    var byteCount = 0
    var outputStart = 0
    var outputCount = 0
  }

  /// Longer words seldom come twice.
  private static let longestCachedByteCount = 128
  private static let largestCacheCount = 1 << 14

  init(textByteCount: Int) {
    output.reserveCapacity(textByteCount / 3 + 8)
    text.reserveCapacity(textByteCount + 16)
    var count = 64
    while count < Self.largestCacheCount, count < textByteCount / 8 { count *= 2 }
    cache = Array(repeating: CachedWord(), count: count)
  }

  /// Appends the tokens of `word`, a range of ``text``: those it got before, or else what `encode`
  /// appends. A word has one slot and the latest takes it, so the cache is bounded.
  @inline(__always)
  mutating func appendWord(_ word: Range<Int>, encode: (inout EncodingRun) -> Void) {
    let count = word.count
    if count > Self.longestCachedByteCount {
      encode(&self)
      return
    }
    let (slot, isHit) = text.withUnsafeBufferPointer { text -> (Int, Bool) in
      guard let base = text.baseAddress else { return (0, false) }
      let hash = hashBytes(base + word.lowerBound, count: count)
      let slot = Int(truncatingIfNeeded: hash &>> 16) & (cache.count - 1)
      let known = cache[slot]
      guard known.byteCount == count else { return (slot, false) }
      for offset in 0..<count where base[known.start + offset] != base[word.lowerBound + offset] {
        return (slot, false)
      }
      return (slot, true)
    }
    if isHit {
      let known = cache[slot]
      for index in known.outputStart..<(known.outputStart + known.outputCount) {
        output.append(output[index])
      }
      return
    }
    let outputStart = output.count
    let lastUnknown = endOfUnknown
    encode(&self)
    // An unknown character may join one before the word, so that the word is not the same everywhere.
    if endOfUnknown != lastUnknown { return }
    cache[slot] = CachedWord(
      start: word.lowerBound, byteCount: count, outputStart: outputStart,
      outputCount: output.count - outputStart)
  }
}

/// Turns text without special tokens into tokens.
protocol TextEncoder: Sendable {
  /// Appends the tokens of `text` to the run. `isAtStart` is true where nothing or a special token
  /// stands in front.
  func encode(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into run: inout EncodingRun)
  /// Bytes that can stand in valid UTF-8 and have no token, so that encoding leaves them out.
  var unencodableBytes: [UInt8] { get }
}

/// What becomes of text that no token covers.
struct ByteFallback: Sendable {
  /// The token of each byte, or ``TokenTable/absent``.
  var ids: [Int32]
  /// The token for anything else, or ``TokenTable/absent``.
  var unknown: Int32

  /// Appends byte tokens for the bytes; where one is missing, the unknown token stands for all of them,
  /// and for the unknown ones next to them, as SentencePiece has it. With no unknown token either, the
  /// bytes are left out.
  func append(_ bytes: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    let firstOutput = run.output.count
    var isMissing = false
    for index in 0..<count {
      let id = ids[Int(bytes[index])]
      if id == TokenTable.absent { isMissing = true } else { run.output.append(id) }
    }
    guard isMissing, unknown != TokenTable.absent else { return }
    run.output.removeSubrange(firstOutput...)
    if run.endOfUnknown != firstOutput { run.output.append(unknown) }
    run.endOfUnknown = run.output.count
  }

  /// Bytes of valid UTF-8 that nothing stands for. (C0, C1 and F5 to FF are never in valid UTF-8, and
  /// many vocabularies leave them out.)
  var unencodableBytes: [UInt8] {
    if unknown != TokenTable.absent { return [] }
    return (0...UInt8(0xF4)).filter { $0 != 0xC0 && $0 != 0xC1 && ids[Int($0)] == TokenTable.absent }
  }
}

/// U+2581, which vocabularies write for a space.
enum EscapedSpace {
  static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

  @inline(__always)
  static func starts(_ text: UnsafePointer<UInt8>, at index: Int, count: Int) -> Bool {
    index &+ 2 < count && text[index] == 0xE2 && text[index &+ 1] == 0x96 && text[index &+ 2] == 0x81
  }
}

/// How many bytes the UTF-8 character that starts with `byte` has.
@inline(__always)
func characterByteCount(_ byte: UInt8) -> Int {
  byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
}
