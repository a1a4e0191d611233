/// Cuts text into the words that merges stay within.
struct WordSplitter: Sendable {
  private enum Stage {
    case pattern(Pattern)
    case digitGroups(Pattern)
  }

  private let stages: [Stage]

  init(_ stages: [PreTokenizer.Stage]) throws(TokenizerError) {
    var compiled: [Stage] = []
    for stage in stages {
      switch stage {
      case .pattern(let source): compiled.append(.pattern(try Pattern(source)))
      case .digitGroups: compiled.append(.digitGroups(try Pattern("\\p{N}+")))
      }
    }
    self.stages = compiled
  }

  /// The ends of the words in `count` bytes of valid UTF-8, the last being `count`.
  ///
  /// Each stage cuts the pieces of the one before: a match is a piece, and so is what lies between
  /// matches. A stage sees one piece at a time, as if there were no text round it.
  func split(_ text: UnsafePointer<UInt8>, count: Int, with matcher: Matcher) -> [Int] {
    var ends = [count]
    var next: [Int] = []
    for stage in stages {
      next.removeAll(keepingCapacity: true)
      next.reserveCapacity(max(ends.count, count / 8))
      var start = 0
      for end in ends {
        cut(stage, text, start..<end, matcher, into: &next)
        start = end
      }
      swap(&ends, &next)
    }
    return ends
  }

  private func cut(
    _ stage: Stage, _ text: UnsafePointer<UInt8>, _ piece: Range<Int>, _ matcher: Matcher,
    into ends: inout [Int]
  ) {
    let pattern: Pattern
    var groupsDigits = false
    switch stage {
    case .pattern(let expression): pattern = expression
    case .digitGroups(let digits): (pattern, groupsDigits) = (digits, true)
    }
    let base = text + piece.lowerBound
    var done = 0
    while done < piece.count {
      guard let match = matcher.firstMatch(pattern, in: base, count: piece.count, from: done),
        !match.isEmpty
      else { break }
      if match.lowerBound > done { ends.append(piece.lowerBound + match.lowerBound) }
      if groupsDigits { cutDigits(base, match, piece.lowerBound, into: &ends) }
      ends.append(piece.lowerBound + match.upperBound)
      done = match.upperBound
    }
    if done < piece.count { ends.append(piece.upperBound) }
  }

  /// Ends within a run of digits, so that every group but the first has three.
  private func cutDigits(
    _ base: UnsafePointer<UInt8>, _ run: Range<Int>, _ offset: Int, into ends: inout [Int]
  ) {
    var remaining = 0
    for index in run where base[index] & 0xC0 != 0x80 { remaining += 1 }
    for index in run where base[index] & 0xC0 != 0x80 {
      if remaining % 3 == 0, index > run.lowerBound { ends.append(offset + index) }
      remaining -= 1
    }
  }
}
