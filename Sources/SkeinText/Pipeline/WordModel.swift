/// Turns one word into tokens.
protocol WordModel: Sendable {
  /// Appends the tokens of `count` bytes of valid UTF-8, at least one.
  func encode(_ word: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun)
}

/// A whole word is a token or is unknown.
struct WordLevelModel: WordModel {
  let table: TokenTable
  let unknown: Int32

  func encode(_ word: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    let id = table.find(word, count: count)
    run.output.append(id == TokenTable.absent ? unknown : id)
  }
}

/// A word is covered by its longest pieces from the left, or is unknown as a whole.
struct WordPieceModel: WordModel {
  let table: TokenTable
  let unknown: Int32
  /// What stands in front of pieces that do not begin a word.
  let continuationPrefix: [UInt8]
  let longestWordScalarCount: Int

  func encode(_ word: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    let scalarCount = (0..<count).count { word[$0] & 0xC0 != 0x80 }
    if scalarCount > longestWordScalarCount { return run.output.append(unknown) }
    let outputStart = run.output.count
    var candidate: [UInt8] = []
    var start = 0
    while start < count {
      candidate.removeAll(keepingCapacity: true)
      if start > 0 { candidate.append(contentsOf: continuationPrefix) }
      let prefixCount = candidate.count
      let reach = min(count - start, table.longestByteCount)
      candidate.append(contentsOf: UnsafeBufferPointer(start: word + start, count: reach))
      var end = reach
      var id = TokenTable.absent
      candidate.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        while end > 0 {
          id = table.find(base, count: prefixCount + end)
          if id != TokenTable.absent { break }
          end -= 1
          while end > 0, word[start + end] & 0xC0 == 0x80 { end -= 1 }
        }
      }
      if id == TokenTable.absent {
        run.output.removeSubrange(outputStart...)
        return run.output.append(unknown)
      }
      run.output.append(id)
      start += end
    }
  }
}

/// Byte-pair encoding over the characters of a word, as the `tokenizers` library has it.
struct PairModel: WordModel {
  let table: TokenTable
  let merges: MergeTable
  /// The tokens `<0x00>` to `<0xFF>`, or ``TokenTable/absent``; empty where characters do not become bytes.
  let byteIDs: [Int32]
  /// What stands for a character that is no token; ``TokenTable/absent`` to leave it out.
  let unknown: Int32
  let fusesUnknown: Bool
  /// A word that is a token is taken whole.
  let takesWholeWords: Bool
  /// What stands in front of characters that do not begin a word, and behind the one that ends it.
  let continuationPrefix: [UInt8]
  let endSuffix: [UInt8]
  /// The tokens of the scalars below 0x180, most of what a byte-level word consists of.
  private let lowIDs: [Int32]

  init(
    table: TokenTable, merges: MergeTable, byteIDs: [Int32], unknown: Int32, fusesUnknown: Bool,
    takesWholeWords: Bool, continuationPrefix: [UInt8], endSuffix: [UInt8]
  ) {
    self.table = table
    self.merges = merges
    self.byteIDs = byteIDs
    self.unknown = unknown
    self.fusesUnknown = fusesUnknown
    self.takesWholeWords = takesWholeWords
    self.continuationPrefix = continuationPrefix
    self.endSuffix = endSuffix
    lowIDs = (0..<UInt32(0x180)).map { scalar in
      var text: [UInt8] = []
      text.append(scalar: scalar)
      return table.find(text)
    }
  }

  private struct Rule: MergeRule {
    let merges: MergeTable

    @inline(__always)
    func merge(
      _ left: Symbol, _ right: Symbol, in word: UnsafePointer<UInt8>
    ) -> (rank: UInt32, id: Int32)? {
      merges.find(left.id, right.id)
    }
  }

  func encode(_ word: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    if takesWholeWords {
      let id = table.find(word, count: count)
      if id != TokenTable.absent { return run.output.append(id) }
    }
    run.merger.removeAll()
    appendCharacters(word, count, to: &run.merger)
    if run.merger.symbols.isEmpty { return }
    run.merger.run(Rule(merges: merges), in: word)
    var index = 0
    while index >= 0 {
      let symbol = run.merger.symbols[index]
      run.output.append(symbol.id)
      index = Int(symbol.next)
    }
  }

  private func appendCharacters(_ word: UnsafePointer<UInt8>, _ count: Int, to merger: inout SymbolMerger) {
    // An unknown character waits, because the next one may join it. Bytes that follow overtake it: that is
    // how the library does it.
    var unknownByteCount = 0
    var index = 0
    while index < count {
      let byteCount = characterByteCount(word[index])
      let id = find(word, index, byteCount, isLast: index + byteCount == count)
      if id != TokenTable.absent {
        if unknownByteCount > 0 { merger.append(start: index, byteCount: unknownByteCount, id: unknown) }
        unknownByteCount = 0
        merger.append(start: index, byteCount: byteCount, id: id)
      } else if !appendBytes(word, index, byteCount, isLast: index + byteCount == count, to: &merger),
        unknown != TokenTable.absent
      {
        if unknownByteCount > 0, !fusesUnknown {
          merger.append(start: index, byteCount: unknownByteCount, id: unknown)
          unknownByteCount = 0
        }
        unknownByteCount += byteCount
      }
      index += byteCount
    }
    if unknownByteCount > 0 { merger.append(start: index, byteCount: unknownByteCount, id: unknown) }
  }

  @inline(__always)
  private func find(_ word: UnsafePointer<UInt8>, _ index: Int, _ byteCount: Int, isLast: Bool) -> Int32 {
    if (index == 0 || continuationPrefix.isEmpty) && (!isLast || endSuffix.isEmpty) {
      if byteCount < 3 {
        let scalar = decodeScalar(word, at: index).scalar
        if scalar < 0x180 { return lowIDs[Int(scalar)] }
      }
      return table.find(word + index, count: byteCount)
    }
    return table.find(spelling(word, index, byteCount, isLast: isLast))
  }

  private func spelling(
    _ word: UnsafePointer<UInt8>, _ index: Int, _ byteCount: Int, isLast: Bool
  ) -> [UInt8] {
    var text = index > 0 ? continuationPrefix : []
    text.append(contentsOf: UnsafeBufferPointer(start: word + index, count: byteCount))
    if isLast { text.append(contentsOf: endSuffix) }
    return text
  }

  private func appendBytes(
    _ word: UnsafePointer<UInt8>, _ index: Int, _ byteCount: Int, isLast: Bool, to merger: inout SymbolMerger
  ) -> Bool {
    if byteIDs.isEmpty { return false }
    let text = spelling(word, index, byteCount, isLast: isLast)
    if text.contains(where: { byteIDs[Int($0)] == TokenTable.absent }) { return false }
    for byte in text { merger.append(start: index, byteCount: 1, id: byteIDs[Int(byte)]) }
    return true
  }
}
