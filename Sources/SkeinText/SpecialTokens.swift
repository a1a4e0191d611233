/// Tokens that are matched whole in the text before anything else looks at it.
struct SpecialTokens: Sendable {
  struct Token: Sendable {
    var id: Int32
    var text: [UInt8]
    /// Made from text only where the caller asks for it.
    var isControl: Bool
    /// Swallows the white space in front of it or behind it.
    var stripsLeft: Bool
    var stripsRight: Bool
  }

  /// A stretch of the input: text, or a token that stood there.
  enum Fragment {
    case text(Range<Int>)
    case token(Int32)
  }

  /// The longest first, because the longest wins where two overlap.
  private let tokens: [Token]
  private let trie: ByteTrie

  init(_ tokens: [Token]) {
    self.tokens = tokens.filter { !$0.text.isEmpty }
      .sorted { ($1.text.count, $0.id) < ($0.text.count, $1.id) }
    var trie = ByteTrie()
    for (index, token) in self.tokens.enumerated() { trie.insert(token.text, value: Int32(index)) }
    self.trie = trie
  }

  /// Cuts the text at its special tokens.
  ///
  /// One pass finds which tokens occur at all; only those are then looked for, longest first, each from
  /// left to right in the text that is left.
  func partition(_ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool) -> [Fragment] {
    var fragments: [Fragment] = text.isEmpty ? [] : [.text(0..<text.count)]
    if tokens.isEmpty || text.isEmpty { return fragments }
    var occurs = [Bool](repeating: false, count: tokens.count)
    trie.markOccurrences(in: text, &occurs)
    for (token, occurs) in zip(tokens, occurs) where occurs && (parseSpecial || !token.isControl) {
      var next: [Fragment] = []
      next.reserveCapacity(fragments.count)
      for fragment in fragments {
        if case .text(let range) = fragment {
          split(text, range, at: token, into: &next)
        } else {
          next.append(fragment)
        }
      }
      fragments = next
    }
    return fragments
  }

  private func split(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, at token: Token, into fragments: inout [Fragment]
  ) {
    var start = range.lowerBound
    while let match = Self.find(token.text, in: text, start..<range.upperBound) {
      var end = match
      if token.stripsLeft {
        while end > start, Self.isSpace(text[end - 1]) { end -= 1 }
      }
      if end > start { fragments.append(.text(start..<end)) }
      fragments.append(.token(token.id))
      start = match + token.text.count
      if token.stripsRight {
        while start < range.upperBound, Self.isSpace(text[start]) { start += 1 }
      }
    }
    if start < range.upperBound { fragments.append(.text(start..<range.upperBound)) }
  }

  private static func find(
    _ needle: [UInt8], in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int? {
    let first = needle[0]
    var index = range.lowerBound
    let last = range.upperBound - needle.count
    while index <= last {
      if text[index] == first {
        var matched = 1
        while matched < needle.count, text[index + matched] == needle[matched] { matched += 1 }
        if matched == needle.count { return index }
      }
      index += 1
    }
    return nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}

/// Byte strings by their first bytes. Children are linked lists: special tokens branch little.
struct ByteTrie: Sendable {
  private struct Node {
    var byte: UInt8
    var value: Int32 = -1
    var firstChild: Int32 = -1
    var sibling: Int32 = -1
  }

  private var nodes: [Node] = []
  private var roots = [Int32](repeating: -1, count: 256)

  mutating func insert(_ text: [UInt8], value: Int32) {
    guard let first = text.first else { return }
    if roots[Int(first)] < 0 {
      roots[Int(first)] = Int32(nodes.count)
      nodes.append(Node(byte: first))
    }
    var node = Int(roots[Int(first)])
    for byte in text.dropFirst() {
      if let child = child(of: node, byte) {
        node = child
      } else {
        nodes.append(Node(byte: byte, sibling: nodes[node].firstChild))
        nodes[node].firstChild = Int32(nodes.count - 1)
        node = nodes.count - 1
      }
    }
    nodes[node].value = value
  }

  /// Sets `occurs` at the value of every string that is somewhere in `text`.
  func markOccurrences(in text: UnsafeBufferPointer<UInt8>, _ occurs: inout [Bool]) {
    for start in 0..<text.count {
      var node = Int(roots[Int(text[start])])
      if node < 0 { continue }
      var index = start + 1
      while true {
        let value = nodes[node].value
        if value >= 0 { occurs[Int(value)] = true }
        guard index < text.count, let child = child(of: node, text[index]) else { break }
        node = child
        index += 1
      }
    }
  }

  @inline(__always)
  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var child = nodes[node].firstChild
    while child >= 0 {
      if nodes[Int(child)].byte == byte { return Int(child) }
      child = nodes[Int(child)].sibling
    }
    return nil
  }
}
