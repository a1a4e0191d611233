/// Text in pieces, in order. Nothing that follows looks beyond a piece.
struct Pieces {
  var bytes: [UInt8]
  var ranges: [Range<Int>]
  /// Whether the first piece begins where the whole input does.
  var firstIsAtOrigin: Bool

  init(_ text: PipelineText) {
    bytes = text.bytes
    ranges = text.bytes.isEmpty ? [] : [0..<text.bytes.count]
    firstIsAtOrigin = text.isAtOrigin
  }
}

/// Cuts pieces of text into smaller ones, and may rewrite them.
protocol PreTokenizerStep: Sendable {
  func apply(_ pieces: inout Pieces, _ matcher: Matcher)
}

/// What becomes of a delimiter: the names are those of tokenizer.json.
enum SplitBehavior: String, Sendable, CaseIterable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"
}

/// A stretch of a piece that matched, or one between matches.
struct Stretch {
  var range: Range<Int>
  var isMatch: Bool
}

extension Pieces {
  /// Cuts every piece at what `find` finds in it: it is given the piece and appends the matches, from left to
  /// right, to the list.
  mutating func split(
    _ behavior: SplitBehavior, inverted: Bool = false,
    _ find: (UnsafePointer<UInt8>, Int, (Int, Int) -> Void) -> Void
  ) {
    var next: [Range<Int>] = []
    next.reserveCapacity(max(ranges.count, bytes.count / 6))
    var stretches: [Stretch] = []
    bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      for piece in ranges {
        stretches.removeAll(keepingCapacity: true)
        var done = piece.lowerBound
        find(start + piece.lowerBound, piece.count) { matchStart, matchEnd in
          let match = piece.lowerBound + matchStart..<piece.lowerBound + matchEnd
          if done != match.lowerBound {
            stretches.append(Stretch(range: done..<match.lowerBound, isMatch: inverted))
          }
          stretches.append(Stretch(range: match, isMatch: !inverted))
          done = match.upperBound
        }
        if done != piece.upperBound {
          stretches.append(Stretch(range: done..<piece.upperBound, isMatch: inverted))
        }
        Self.join(stretches, behavior, into: &next)
      }
    }
    if next.first?.lowerBound != ranges.first?.lowerBound { firstIsAtOrigin = false }
    ranges = next
  }

  private static func join(
    _ stretches: [Stretch], _ behavior: SplitBehavior, into ranges: inout [Range<Int>]
  ) {
    switch behavior {
    case .isolated:
      for stretch in stretches where !stretch.range.isEmpty { ranges.append(stretch.range) }
    case .removed:
      for stretch in stretches where !stretch.isMatch && !stretch.range.isEmpty {
        ranges.append(stretch.range)
      }
    case .contiguous, .mergedWithPrevious:
      var previous = false
      var open: Range<Int>?
      for stretch in stretches {
        let joins = behavior == .contiguous ? stretch.isMatch == previous : stretch.isMatch && !previous
        if let range = open, joins {
          open = range.lowerBound..<stretch.range.upperBound
        } else {
          if let open, !open.isEmpty { ranges.append(open) }
          open = stretch.range
        }
        previous = stretch.isMatch
      }
      if let open, !open.isEmpty { ranges.append(open) }
    case .mergedWithNext:
      let first = ranges.count
      var previous = false
      var open: Range<Int>?
      for stretch in stretches.reversed() {
        if let range = open, stretch.isMatch, !previous {
          open = stretch.range.lowerBound..<range.upperBound
        } else {
          if let open, !open.isEmpty { ranges.append(open) }
          open = stretch.range
        }
        previous = stretch.isMatch
      }
      if let open, !open.isEmpty { ranges.append(open) }
      ranges[first...].reverse()
    }
  }

  /// Cuts every piece at scalars of a kind.
  mutating func split(_ behavior: SplitBehavior, at isDelimiter: (UInt32) -> Bool) {
    split(behavior) { base, count, emit in
      var index = 0
      while index < count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        if isDelimiter(scalar) { emit(index, index + byteCount) }
        index += byteCount
      }
    }
  }

  /// Writes every piece anew. `body` appends what takes the place of the piece.
  mutating func rewrite(_ body: (_ piece: ArraySlice<UInt8>, _ isAtOrigin: Bool, inout [UInt8]) -> Void) {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 4 + 16)
    for index in ranges.indices {
      let start = result.count
      body(bytes[ranges[index]], firstIsAtOrigin && index == 0, &result)
      ranges[index] = start..<result.count
    }
    bytes = result
  }
}
