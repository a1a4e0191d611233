/// Cuts at a string or an expression.
struct SplitStep: PreTokenizerStep {
  let finder: Finder
  let behavior: SplitBehavior
  let isInverted: Bool

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    pieces.split(behavior, inverted: isInverted) { base, count, emit in
      finder.forEachMatch(in: base, count: count, matcher, emit)
    }
  }
}

/// Cuts at characters of a kind.
struct ClassSplitStep: PreTokenizerStep {
  let kinds: CharacterClasses.Kinds
  let behavior: SplitBehavior

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    let classes = CharacterClasses.shared
    pieces.split(behavior) { classes.contains(kinds, $0) }
  }
}

/// Cuts at one character, which goes.
struct CharacterSplitStep: PreTokenizerStep {
  let delimiter: UInt32

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    pieces.split(.removed) { $0 == delimiter }
  }
}

/// Words of `\w` and runs of what is neither that nor white space.
struct WhitespaceStep: PreTokenizerStep {
  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    let classes = CharacterClasses.shared
    pieces.split(.removed, inverted: true) { base, count, emit in
      var index = 0
      var start = 0
      // 0: white space, 1: a word, 2: anything else.
      var kind = 0
      while index < count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        let kinds = classes.kinds(scalar)
        let next = kinds.contains(.word) ? 1 : kinds.contains(.space) ? 0 : 2
        if next != kind {
          if kind != 0 { emit(start, index) }
          start = index
          kind = next
        }
        index += byteCount
      }
      if kind != 0 { emit(start, count) }
    }
  }
}

/// Writes spaces as a visible character, puts one in front, and cuts before each.
struct MetaspaceStep: PreTokenizerStep {
  enum Prefix: String, Sendable, CaseIterable {
    case always, first, never
  }

  let replacement: UInt32
  let prefix: Prefix
  let splits: Bool

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    var mark: [UInt8] = []
    mark.append(scalar: replacement)
    pieces.rewrite { piece, isAtOrigin, result in
      let startsWithMark = piece.first == 0x20 || piece.starts(with: mark)
      if !startsWithMark, prefix == .always || (prefix == .first && isAtOrigin) {
        result.append(contentsOf: mark)
      }
      for byte in piece {
        if byte == 0x20 { result.append(contentsOf: mark) } else { result.append(byte) }
      }
    }
    if splits { pieces.split(.mergedWithNext) { $0 == replacement } }
  }
}

/// Cuts as GPT-2 does where asked, then writes bytes in GPT-2's alphabet.
struct ByteLevelStep: PreTokenizerStep {
  let addsPrefixSpace: Bool
  /// Nil where another step has cut the text.
  let words: Pattern?
  private let spelling: [[UInt8]]

  /// GPT-2's words.
  static let expression = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

  init(addsPrefixSpace: Bool, words: Pattern?) {
    self.addsPrefixSpace = addsPrefixSpace
    self.words = words
    let alphabet = ByteAlphabet()
    spelling = (0...UInt8.max).map { byte in
      var text: [UInt8] = []
      text.append(scalar: alphabet.scalar(of: byte))
      return text
    }
  }

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    if addsPrefixSpace {
      pieces.rewrite { piece, _, result in
        if piece.first != 0x20 { result.append(0x20) }
        result.append(contentsOf: piece)
      }
    }
    if let words {
      let finder = Finder.pattern(words)
      pieces.split(.isolated) { base, count, emit in
        finder.forEachMatch(in: base, count: count, matcher, emit)
      }
    }
    pieces.rewrite { piece, _, result in
      for byte in piece {
        if byte > 0x20, byte < 0x7F {
          result.append(byte)
        } else {
          result.append(contentsOf: spelling[Int(byte)])
        }
      }
    }
  }
}

/// Pieces of a number of characters, the last perhaps of fewer.
struct FixedLengthStep: PreTokenizerStep {
  let scalarCount: Int

  func apply(_ pieces: inout Pieces, _ matcher: Matcher) {
    pieces.split(.isolated) { base, count, emit in
      var start = 0
      var index = 0
      var scalars = 0
      while index < count {
        index += characterByteCount(base[index])
        scalars += 1
        if scalars == scalarCount || index >= count {
          emit(start, index)
          (start, scalars) = (index, 0)
        }
      }
    }
  }
}
