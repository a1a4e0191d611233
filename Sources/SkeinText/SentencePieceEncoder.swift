/// SentencePiece's BPE: the neighbours whose joined text is the token with the best score join first.
struct SentencePieceEncoder: TextEncoder {
  let table: TokenTable
  /// The order of each token's score: 0 is the best, equal scores are equal.
  let ranks: [UInt32]
  let fallback: ByteFallback
  let addsSpacePrefix: Bool
  let removesExtraWhitespace: Bool
  /// Whether no token spans the end of a word, so that words can be merged one by one.
  let keepsWordsApart: Bool

  var unencodableBytes: [UInt8] { fallback.unencodableBytes }

  /// Pieces longer than this are cut, for 32-bit offsets.
  private static let longestPieceByteCount = 1 << 30

  private struct Rule: MergeRule {
    let table: TokenTable
    let ranks: [UInt32]

    @inline(__always)
    func merge(
      _ left: Symbol, _ right: Symbol, in word: UnsafePointer<UInt8>
    ) -> (rank: UInt32, id: Int32)? {
      let id = table.find(word + Int(left.start), count: Int(left.byteCount + right.byteCount))
      return id == TokenTable.absent ? nil : (ranks[Int(id)], id)
    }
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into run: inout EncodingRun) {
    let start = run.text.count
    appendEscaped(text, isAtStart: isAtStart, into: &run.text)
    let end = run.text.count
    var position = start
    while position < end {
      let word = position..<endOfWord(run.text, position, end)
      run.appendWord(word) { run in encodeWord(word, into: &run) }
      position = word.upperBound
    }
  }

  private func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into result: inout [UInt8]) {
    let start = result.count
    if addsSpacePrefix && isAtStart { result.append(contentsOf: EscapedSpace.bytes) }
    let contentStart = result.count
    var isAfterSpace = removesExtraWhitespace
    for byte in text {
      let isSpace = byte == 0x20
      if isSpace && isAfterSpace && removesExtraWhitespace { continue }
      isAfterSpace = isSpace
      if isSpace { result.append(contentsOf: EscapedSpace.bytes) } else { result.append(byte) }
    }
    guard removesExtraWhitespace else { return }
    if result.count > contentStart, isAfterSpace { result.removeLast(3) }
    if result.count == contentStart { result.removeSubrange(start...) }
  }

  /// A word is its spaces and what follows them up to the next space.
  private func endOfWord(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
    text.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return end }
      var index = start
      let limit = min(end, start + Self.longestPieceByteCount)
      var isInSpaces = true
      while index < limit {
        if keepsWordsApart {
          let isSpace = EscapedSpace.starts(base, at: index, count: end)
          if isSpace && !isInSpaces { break }
          isInSpaces = isSpace
        }
        index = min(index + characterByteCount(base[index]), end)
      }
      return index
    }
  }

  private func encodeWord(_ word: Range<Int>, into run: inout EncodingRun) {
    // The array is only read while this pointer lives: tokens are appended to another one.
    let text = run.text
    text.withUnsafeBufferPointer { text in
      guard let textBase = text.baseAddress else { return }
      let base = textBase + word.lowerBound
      run.merger.removeAll()
      var index = 0
      while index < word.count {
        let byteCount = min(characterByteCount(base[index]), word.count - index)
        let id = table.find(base + index, count: byteCount)
        run.merger.append(start: index, byteCount: byteCount, id: id)
        index += byteCount
      }
      run.merger.run(Rule(table: table, ranks: ranks), in: base)
      appendSymbols(base, into: &run)
    }
  }

  private func appendSymbols(_ base: UnsafePointer<UInt8>, into run: inout EncodingRun) {
    var index = 0
    while index >= 0 {
      let symbol = run.merger.symbols[index]
      if symbol.id != TokenTable.absent {
        run.output.append(symbol.id)
      } else {
        fallback.append(base + Int(symbol.start), count: Int(symbol.byteCount), into: &run)
      }
      index = Int(symbol.next)
    }
  }
}
