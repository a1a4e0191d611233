/// SentencePiece's BPE: neighbours whose joined text is the piece with the best score join first.
/// User-defined pieces stand alone; pieces that are unused come apart again.
struct MergingPieceEncoder: PieceEncoder {
  /// Normal, user-defined and unused pieces.
  let table: TokenTable
  let userDefined: PrefixTrie
  let kinds: [SentencePieceFile.Kind]
  /// The order of each piece's score: 0 is the best, equal scores are equal.
  let ranks: [UInt32]
  /// Whether no piece spans the end of a word, so that words can be merged one by one.
  let keepsWordsApart: Bool

  /// Which two parts an unused piece was last made of: the byte count of the left one.
  private final class Partings {
    var leftByteCounts: [Int32: Int32] = [:]
  }

  private struct Rule: MergeRule {
    let encoder: MergingPieceEncoder
    let partings: Partings

    @inline(__always)
    func merge(
      _ left: Symbol, _ right: Symbol, in word: UnsafePointer<UInt8>
    ) -> (rank: UInt32, id: Int32)? {
      if left.id >= 0, encoder.kinds[Int(left.id)] == .userDefined { return nil }
      if right.id >= 0, encoder.kinds[Int(right.id)] == .userDefined { return nil }
      let id = encoder.table.find(word + Int(left.start), count: Int(left.byteCount + right.byteCount))
      if id == TokenTable.absent { return nil }
      if encoder.kinds[Int(id)] == .unused { partings.leftByteCounts[id] = left.byteCount }
      return (encoder.ranks[Int(id)], id)
    }
  }

  func encode(
    _ text: UnsafeBufferPointer<UInt8>, at offset: Int, into run: inout EncodingRun,
    _ appendUnknown: (UnsafeBufferPointer<UInt8>, inout EncodingRun) -> Void
  ) {
    guard let base = text.baseAddress else { return }
    var position = 0
    while position < text.count {
      let end = endOfWord(base, position, text.count)
      let word = UnsafeBufferPointer(rebasing: text[position..<end])
      run.appendWord(position + offset..<end + offset) { run in encodeWord(word, into: &run, appendUnknown) }
      position = end
    }
  }

  /// A word is its spaces and what follows them up to the next space.
  private func endOfWord(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
    if !keepsWordsApart { return count }
    var index = start
    var isInSpaces = true
    while index < count {
      let isSpace = EscapedSpace.starts(text, at: index, count: count)
      if isSpace, !isInSpaces { break }
      isInSpaces = isSpace
      index += characterByteCount(text[index])
    }
    return index
  }

  private func encodeWord(
    _ word: UnsafeBufferPointer<UInt8>, into run: inout EncodingRun,
    _ appendUnknown: (UnsafeBufferPointer<UInt8>, inout EncodingRun) -> Void
  ) {
    guard let base = word.baseAddress else { return }
    run.merger.removeAll()
    var index = 0
    while index < word.count {
      if let found = userDefined.longestPrefix(base + index, count: word.count - index) {
        run.merger.append(start: index, byteCount: found.byteCount, id: found.value)
        index += found.byteCount
      } else {
        let byteCount = characterByteCount(base[index])
        run.merger.append(start: index, byteCount: byteCount, id: table.find(base + index, count: byteCount))
        index += byteCount
      }
    }
    let partings = Partings()
    run.merger.run(Rule(encoder: self, partings: partings), in: base)
    var next = 0
    while next >= 0 {
      let symbol = run.merger.symbols[next]
      let span = Int(symbol.start)..<Int(symbol.start + symbol.byteCount)
      appendPiece(UnsafeBufferPointer(rebasing: word[span]), symbol.id, partings, into: &run, appendUnknown)
      next = Int(symbol.next)
    }
  }

  /// Appends a piece, or where it is unused the parts that it was made of.
  private func appendPiece(
    _ span: UnsafeBufferPointer<UInt8>, _ id: Int32, _ partings: Partings, into run: inout EncodingRun,
    _ appendUnknown: (UnsafeBufferPointer<UInt8>, inout EncodingRun) -> Void
  ) {
    guard id != TokenTable.absent else { return appendUnknown(span, &run) }
    guard kinds[Int(id)] == .unused, let left = partings.leftByteCounts[id] else {
      return run.output.append(id)
    }
    let parts = [
      UnsafeBufferPointer(rebasing: span[..<Int(left)]), UnsafeBufferPointer(rebasing: span[Int(left)...]),
    ]
    for part in parts { appendPiece(part, table.find(part[...]), partings, into: &run, appendUnknown) }
  }
}

/// SentencePiece's unigram model: the pieces whose scores add up to the most, in single precision as there.
struct ScoringPieceEncoder: PieceEncoder {
  let trie: PrefixTrie
  let kinds: [SentencePieceFile.Kind]
  let scores: [Float]
  private let unknownScore: Float
  private let bestScore: Float

  init(trie: PrefixTrie, kinds: [SentencePieceFile.Kind], scores: [Float]) {
    self.trie = trie
    self.kinds = kinds
    self.scores = scores
    let normal = zip(kinds, scores).filter { $0.0 == .normal }.map(\.1)
    unknownScore = (normal.min() ?? Float.greatestFiniteMagnitude) - 10
    // The smallest positive number: that is where the original starts from.
    bestScore = max(normal.max() ?? 0, Float.leastNormalMagnitude)
  }

  private struct Node {
    var score: Float = 0
    var start: Int32 = -1
    var id: Int32 = -1
  }

  func encode(
    _ text: UnsafeBufferPointer<UInt8>, at offset: Int, into run: inout EncodingRun,
    _ appendUnknown: (UnsafeBufferPointer<UInt8>, inout EncodingRun) -> Void
  ) {
    guard let base = text.baseAddress, !text.isEmpty else { return }
    var nodes = [Node](repeating: Node(), count: text.count + 1)
    nodes.withUnsafeMutableBufferPointer { fill($0, base, text.count) }
    var ends: [Int] = []
    var end = text.count
    while end > 0 {
      ends.append(end)
      end = Int(nodes[end].start)
    }
    for end in ends.reversed() {
      let node = nodes[end]
      if node.id >= 0 {
        run.output.append(node.id)
      } else {
        appendUnknown(UnsafeBufferPointer(rebasing: text[Int(node.start)..<end]), &run)
      }
    }
  }

  private func fill(_ nodes: UnsafeMutableBufferPointer<Node>, _ text: UnsafePointer<UInt8>, _ count: Int) {
    var start = 0
    while start < count {
      let scoreHere = nodes[start].score
      let characterEnd = start + characterByteCount(text[start])
      var isCharacterKnown = false
      var node: Int32 = 0
      var end = start
      while end < count {
        node = trie.step(node, text[end])
        if node < 0 { break }
        end += 1
        let id = trie.value(node)
        if id < 0 || kinds[Int(id)] == .unused { continue }
        // A user-defined piece always wins.
        let score = kinds[Int(id)] == .userDefined ? Float(end - start) * bestScore - 0.1 : scores[Int(id)]
        Self.offer(nodes, end, start, score + scoreHere, id)
        if end == characterEnd { isCharacterKnown = true }
      }
      if !isCharacterKnown {
        Self.offer(nodes, characterEnd, start, unknownScore + scoreHere, -1)
      }
      start = characterEnd
    }
  }

  @inline(__always)
  private static func offer(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ end: Int, _ start: Int, _ score: Float, _ id: Int32
  ) {
    if nodes[end].start < 0 || score > nodes[end].score {
      nodes[end] = Node(score: score, start: Int32(truncatingIfNeeded: start), id: id)
    }
  }
}
