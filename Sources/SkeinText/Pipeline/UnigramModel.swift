/// The cut of a word whose tokens' scores add up to the most, as the `tokenizers` library finds it.
struct UnigramModel: WordModel {
  let trie: PrefixTrie
  let scores: [Double]
  /// What stands for characters that are no token; ``TokenTable/absent`` to leave them out.
  let unknown: Int32
  /// The tokens `<0x00>` to `<0xFF>`, or ``TokenTable/absent``; empty where characters do not become bytes.
  let byteIDs: [Int32]
  private let unknownScore: Double

  init(trie: PrefixTrie, scores: [Double], unknown: Int32, byteIDs: [Int32]) {
    self.trie = trie
    self.scores = scores
    self.unknown = unknown
    self.byteIDs = byteIDs
    unknownScore = (scores.min() ?? .infinity) - 10
  }

  /// The best way to a place in the word.
  private struct Node {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = 0
  }

  func encode(_ word: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    var nodes = [Node](repeating: Node(), count: count + 1)
    nodes.withUnsafeMutableBufferPointer { fill($0, word, count) }
    // From the end to the start, unknown characters that are neighbours as one.
    var spans: [(start: Int, end: Int, id: Int32)] = []
    var end = count
    while end > 0 {
      let node = nodes[end]
      let start = Int(node.start)
      if node.id == unknown, let last = spans.last, last.id == unknown {
        spans[spans.count - 1].start = start
      } else {
        spans.append((start, end, node.id))
      }
      end = start
    }
    for span in spans.reversed() {
      if span.id == unknown {
        appendUnknown(word + span.start, span.end - span.start, into: &run)
      } else {
        run.output.append(span.id)
      }
    }
  }

  private func fill(_ nodes: UnsafeMutableBufferPointer<Node>, _ word: UnsafePointer<UInt8>, _ count: Int) {
    var start = 0
    while start < count {
      let scoreHere = nodes[start].score
      let characterEnd = start + characterByteCount(word[start])
      var isCharacterKnown = false
      var node: Int32 = 0
      var end = start
      while end < count {
        node = trie.step(node, word[end])
        if node < 0 { break }
        end += 1
        let id = trie.value(node)
        if id < 0 { continue }
        Self.offer(nodes, end, start, scoreHere + scores[Int(id)], id)
        if end == characterEnd { isCharacterKnown = true }
      }
      if !isCharacterKnown { Self.offer(nodes, characterEnd, start, scoreHere + unknownScore, unknown) }
      start = characterEnd
    }
  }

  @inline(__always)
  private static func offer(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ end: Int, _ start: Int, _ score: Double, _ id: Int32
  ) {
    if nodes[end].start < 0 || score > nodes[end].score {
      nodes[end] = Node(score: score, start: Int32(truncatingIfNeeded: start), id: id)
    }
  }

  /// Unknown characters: what they spell together may be a token after all; then their bytes.
  private func appendUnknown(_ text: UnsafePointer<UInt8>, _ count: Int, into run: inout EncodingRun) {
    if let whole = trie.longestPrefix(text, count: count), whole.byteCount == count {
      return run.output.append(whole.value)
    }
    let bytes = UnsafeBufferPointer(start: text, count: count)
    if !byteIDs.isEmpty, bytes.allSatisfy({ byteIDs[Int($0)] != TokenTable.absent }) {
      for byte in bytes { run.output.append(byteIDs[Int(byte)]) }
    } else if unknown != TokenTable.absent {
      run.output.append(unknown)
    }
  }
}
