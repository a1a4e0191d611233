/// What a step looks for in text: a string or a regular expression.
enum Finder: Sendable {
  case string([UInt8])
  case pattern(Pattern)

  /// Calls `body` with every match in `count` bytes of valid UTF-8, from left to right, none of which
  /// overlap. An empty match is passed on unless another one ends there.
  @inline(__always)
  func forEachMatch(
    in text: UnsafePointer<UInt8>, count: Int, _ matcher: Matcher, _ body: (Int, Int) -> Void
  ) {
    switch self {
    case .string(let needle):
      var index = 0
      while index + needle.count <= count {
        if text[index] == needle[0], Self.matches(needle, text + index) {
          body(index, index + needle.count)
          index += needle.count
        } else {
          index += 1
        }
      }
    case .pattern(let pattern):
      var start = 0
      var lastEnd = -1
      while start <= count, let match = matcher.firstMatch(pattern, in: text, count: count, from: start) {
        if match.isEmpty, match.lowerBound == lastEnd {
          start += start < count ? characterByteCount(text[start]) : 1
          continue
        }
        start = match.upperBound
        lastEnd = match.upperBound
        body(match.lowerBound, match.upperBound)
      }
    }
  }

  @inline(__always)
  private static func matches(_ needle: [UInt8], _ text: UnsafePointer<UInt8>) -> Bool {
    for index in 1..<max(1, needle.count) where needle[index] != text[index] { return false }
    return true
  }

  /// The first match of a replacement.
  struct FirstMatch {
    var lowerBound: Int
    var upperBound: Int
    var scalarCount: Int
  }

  /// The text with every match replaced, and the first match.
  func replace(
    in text: [UInt8], with content: [UInt8], _ matcher: Matcher
  ) -> (text: [UInt8], first: FirstMatch?) {
    if text.isEmpty { return (text, nil) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 64)
    var first: FirstMatch?
    var done = 0
    text.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      forEachMatch(in: base, count: bytes.count, matcher) { start, end in
        if first == nil {
          let scalarCount = (start..<end).count { base[$0] & 0xC0 != 0x80 }
          first = FirstMatch(lowerBound: start, upperBound: end, scalarCount: scalarCount)
        }
        result.append(contentsOf: bytes[done..<start])
        result.append(contentsOf: content)
        done = end
      }
      result.append(contentsOf: bytes[done...])
    }
    return (result, first)
  }
}
