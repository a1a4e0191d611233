/// A token beside the model's own, matched whole in text.
struct AddedToken: Sendable {
  var id: Int32
  var content: [UInt8]
  /// Only where no letter or digit stands on either side.
  var isSingleWord = false
  /// Swallows the white space in front or behind.
  var stripsLeft = false
  var stripsRight = false
  /// Looked for in text after normalization, and in its own normalized spelling.
  var isNormalized = false
  /// Left out of decoded text unless asked for, and made from text only where asked for.
  var isSpecial = false
}

/// Finds added tokens in text: the leftmost, of those the longest.
struct AddedTokens: Sendable {
  private let tokens: [AddedToken]
  private var trie = PrefixTrie()
  private var startsToken = [Bool](repeating: false, count: 256)

  /// The tokens and the spelling that each is looked for in.
  init(_ tokens: [(token: AddedToken, spelling: [UInt8])]) {
    self.tokens = tokens.map(\.token)
    for (index, token) in tokens.enumerated() where !token.spelling.isEmpty {
      trie.insert(token.spelling, value: Int32(index))
      startsToken[Int(token.spelling[0])] = true
    }
  }

  /// Cuts text at its tokens. Special ones count as text unless `parsesSpecial`.
  func partition(_ text: UnsafeBufferPointer<UInt8>, parsesSpecial: Bool) -> [SpecialTokens.Fragment] {
    guard let base = text.baseAddress, !text.isEmpty else { return [] }
    if trie.isEmpty { return [.text(0..<text.count)] }
    var fragments: [SpecialTokens.Fragment] = []
    var done = 0
    var index = 0
    while index < text.count {
      guard startsToken[Int(base[index])],
        let match = trie.longestPrefix(base + index, count: text.count - index)
      else {
        index += 1
        continue
      }
      let token = tokens[Int(match.value)]
      var (start, end) = (index, index + match.byteCount)
      index = end
      if token.isSpecial, !parsesSpecial { continue }
      if token.isSingleWord, Self.touchesWord(base, start, end, text.count) { continue }
      if token.stripsLeft { start = max(done, Self.skipSpaceLeft(base, start)) }
      if token.stripsRight { end = Self.skipSpaceRight(base, end, text.count) }
      if start > done { fragments.append(.text(done..<start)) }
      fragments.append(.token(token.id))
      done = end
    }
    if done != text.count, done < text.count { fragments.append(.text(done..<text.count)) }
    return fragments
  }

  private static func touchesWord(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ count: Int)
    -> Bool
  {
    let classes = CharacterClasses.shared
    if start > 0, classes.contains(.word, decodeScalar(text, endingAt: start).scalar) { return true }
    return end < count && classes.contains(.word, decodeScalar(text, at: end).scalar)
  }

  private static func skipSpaceLeft(_ text: UnsafePointer<UInt8>, _ start: Int) -> Int {
    var start = start
    while start > 0 {
      let (scalar, byteCount) = decodeScalar(text, endingAt: start)
      guard CharacterClasses.shared.contains(.space, scalar) else { break }
      start -= byteCount
    }
    return start
  }

  private static func skipSpaceRight(_ text: UnsafePointer<UInt8>, _ end: Int, _ count: Int) -> Int {
    var end = end
    while end < count {
      let (scalar, byteCount) = decodeScalar(text, at: end)
      guard CharacterClasses.shared.contains(.space, scalar) else { break }
      end += byteCount
    }
    return end
  }
}
