/// What WordPiece's clean-up replaces, in this order.
private func cleanedUp(_ text: [UInt8]) -> [UInt8] {
  let pairs: [(StaticString, StaticString)] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ]
  var text = text
  if !text.contains(0x20) { return text }
  for (from, to) in pairs {
    text = replacing(bytes(from), with: bytes(to), in: text)
  }
  return text
}

private func bytes(_ text: StaticString) -> [UInt8] {
  Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

/// Every occurrence of a string that is not empty, from the left, replaced.
private func replacing(_ needle: [UInt8], with content: [UInt8], in text: [UInt8]) -> [UInt8] {
  var stage = ReplaceStringStage(needle: needle, content: content)
  return stage.push(DecodedChunk(bytes: text)).flatMap(\.bytes)
}

struct WordPieceStage: DecodingStage {
  private let prefix: [UInt8]
  private let cleansUp: Bool
  private var isFirst: Bool
  private var token = TokenAssembly()

  init(prefix: [UInt8], cleansUp: Bool, isFirst: Bool) {
    self.prefix = prefix
    self.cleansUp = cleansUp
    self.isFirst = isFirst
  }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard var text = token.take(chunk) else { return [] }
    if !isFirst {
      if text.starts(with: prefix) { text.removeFirst(prefix.count) } else { text.insert(0x20, at: 0) }
    }
    isFirst = false
    return [DecodedChunk(bytes: cleansUp ? cleanedUp(text) : text)]
  }
}

struct EndOfWordStage: DecodingStage {
  private let suffix: [UInt8]
  private var token = TokenAssembly()
  /// The latest token: what becomes of its mark is known when the next one comes.
  private var held: [UInt8]?

  init(suffix: [UInt8]) { self.suffix = suffix }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard let text = token.take(chunk) else { return [] }
    defer { held = text }
    return decoded([0x20])
  }

  mutating func finish() -> [DecodedChunk] { decoded([]) }

  private func decoded(_ replacement: [UInt8]) -> [DecodedChunk] {
    guard let held else { return [] }
    if !suffix.isEmpty { return [DecodedChunk(bytes: replacing(suffix, with: replacement, in: held))] }
    // The empty string is before every character and at the end.
    var text = replacement
    for (index, byte) in held.enumerated() {
      text.append(byte)
      let isEnd = index + 1 == held.count || held[index + 1] & 0xC0 != 0x80
      if isEnd { text.append(contentsOf: replacement) }
    }
    return [DecodedChunk(bytes: text)]
  }
}

struct ConnectionistStage: DecodingStage {
  private let padding: [UInt8]
  private let delimiter: [UInt8]
  private let cleansUp: Bool
  private var token = TokenAssembly()
  private var last: [UInt8]?

  init(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool) {
    self.padding = padding
    self.delimiter = delimiter
    self.cleansUp = cleansUp
  }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard let text = token.take(chunk), text != last else { return [] }
    last = text
    var result = padding.isEmpty ? text : replacing(padding, with: [], in: text)
    if cleansUp {
      result = cleanedUp(result)
      if !delimiter.isEmpty { result = replacing(delimiter, with: [0x20], in: result) }
    }
    return result.isEmpty ? [] : [DecodedChunk(bytes: result)]
  }
}

struct SpacedStage: DecodingStage {
  var isFirst: Bool

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    let needsSpace = chunk.startsToken && !isFirst
    isFirst = false
    return needsSpace
      ? [DecodedChunk(bytes: [0x20] + chunk.bytes, startsToken: true, endsToken: chunk.endsToken)]
      : [chunk]
  }
}
