/// BPE with a list of merges, over bytes or, where spaces are escaped, over characters.
struct PairEncoder: TextEncoder {
  let table: TokenTable
  let merges: MergeTable
  let splitter: WordSplitter
  let fallback: ByteFallback
  /// A word that is a token is taken whole.
  let takesWholeWords: Bool
  /// Symbols are characters, spaces U+2581, and runs of line feeds are taken whole.
  let escapesSpaces: Bool

  var unencodableBytes: [UInt8] { fallback.unencodableBytes }

  /// Words longer than this are cut, for 32-bit offsets.
  private static let longestWordByteCount = 1 << 30

  private struct Rule: MergeRule {
    let merges: MergeTable

    @inline(__always)
    func merge(
      _ left: Symbol, _ right: Symbol, in word: UnsafePointer<UInt8>
    ) -> (rank: UInt32, id: Int32)? {
      merges.find(left.id, right.id)
    }
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into run: inout EncodingRun) {
    let start = run.text.count
    if escapesSpaces {
      for byte in text {
        if byte == 0x20 { run.text.append(contentsOf: EscapedSpace.bytes) } else { run.text.append(byte) }
      }
    } else {
      run.text.append(contentsOf: text)
    }
    let all = run.text
    all.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      let ends = splitter.split(base + start, count: bytes.count - start, with: run.matcher)
      var position = start
      for end in ends {
        while position < start + end {
          let word = position..<min(start + end, position + Self.longestWordByteCount)
          run.appendWord(word) { run in encodeWord(base + word.lowerBound, word.count, into: &run) }
          position = word.upperBound
        }
      }
    }
  }

  private func encodeWord(_ word: UnsafePointer<UInt8>, _ count: Int, into run: inout EncodingRun) {
    // Gemma 4's merges do not lead to its tokens for several line feeds.
    if takesWholeWords || (escapesSpaces && word[0] == 0x0A) {
      let id = table.find(word, count: count)
      if id != TokenTable.absent {
        run.output.append(id)
        return
      }
    }
    run.merger.removeAll()
    var index = 0
    while index < count {
      var byteCount = 1
      var id: Int32
      if escapesSpaces {
        byteCount = min(characterByteCount(word[index]), count - index)
        id = table.find(word + index, count: byteCount)
      } else {
        id = fallback.ids[Int(word[index])]
      }
      run.merger.append(start: index, byteCount: byteCount, id: id)
      index += byteCount
    }
    run.merger.run(Rule(merges: merges), in: word)
    index = 0
    while index >= 0 {
      let symbol = run.merger.symbols[index]
      if symbol.id != TokenTable.absent {
        run.output.append(symbol.id)
      } else {
        fallback.append(word + Int(symbol.start), count: Int(symbol.byteCount), into: &run)
      }
      index = Int(symbol.next)
    }
  }
}
