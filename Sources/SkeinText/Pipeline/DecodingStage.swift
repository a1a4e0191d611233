/// A part of a token's text on its way to the decoded text. Most come whole; joined ones come as they grow.
struct DecodedChunk: Sendable {
  /// Valid UTF-8.
  var bytes: [UInt8]
  var startsToken = true
  var endsToken = true
}

/// One step from tokens' texts to text, taken as tokens come. What all pushes and the end return, joined, is
/// what the step makes of the whole.
protocol DecodingStage: Sendable {
  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk]
  mutating func finish() -> [DecodedChunk]
}

extension DecodingStage {
  mutating func finish() -> [DecodedChunk] { [] }
}

/// A step of a decoder, as it stands in a file.
enum DecoderStep: Sendable {
  /// Characters of GPT-2's alphabet become bytes, and all tokens one.
  case byteLevel
  /// All tokens become one.
  case fuse
  /// Up to `start` characters `content` go at the start of each token, and up to `stop` at its end.
  case strip(content: UInt32, start: Int, stop: Int)
  case replace(Finder, content: [UInt8])
  /// Runs of `<0x0A>` become the text that the bytes spell.
  case byteFallback
  /// The visible space becomes a space, or in the first token nothing.
  case metaspace(replacement: UInt32, dropsFirst: Bool)
  case wordPiece(prefix: [UInt8], cleansUp: Bool)
  /// The mark at the end of words becomes a space, at the end of all nothing.
  case endOfWord(suffix: [UInt8])
  /// Repeated tokens are one; padding goes.
  case connectionist(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)
  /// A space between tokens: what happens where there is no decoder.
  case spaced

  private var joinsTokens: Bool {
    switch self {
    case .byteLevel, .fuse: true
    default: false
    }
  }

  /// The stages of a decoder, ready to begin.
  static func makeStages(_ steps: [DecoderStep], _ position: DecodingOptions.Position) -> [any DecodingStage]
  {
    var isJoined = false
    return steps.map { step in
      defer { isJoined = isJoined || step.joinsTokens }
      return step.makeStage(isJoined: isJoined, isContinuation: position == .continuation)
    }
  }

  private func makeStage(isJoined: Bool, isContinuation: Bool) -> any DecodingStage {
    switch self {
    case .byteLevel: return ByteLevelStage()
    case .fuse: return FuseStage()
    case .strip(let content, let start, let stop):
      return StripStage(content: content, start: start, stop: stop, keepsFirst: isContinuation && isJoined)
    case .replace(.string(let needle), let content) where !needle.isEmpty:
      return ReplaceStringStage(needle: needle, content: content)
    case .replace(let finder, let content): return ReplaceStage(finder: finder, content: content)
    case .byteFallback: return ByteFallbackStage()
    case .metaspace(let replacement, let dropsFirst):
      return MetaspaceStage(replacement: replacement, isInFirst: dropsFirst && !isContinuation)
    case .wordPiece(let prefix, let cleansUp):
      return WordPieceStage(prefix: prefix, cleansUp: cleansUp, isFirst: !isContinuation)
    case .endOfWord(let suffix): return EndOfWordStage(suffix: suffix)
    case .connectionist(let padding, let delimiter, let cleansUp):
      return ConnectionistStage(padding: padding, delimiter: delimiter, cleansUp: cleansUp)
    case .spaced: return SpacedStage(isFirst: !isContinuation)
    }
  }
}

/// Puts the parts of a token together.
struct TokenAssembly: Sendable {
  private var bytes: [UInt8] = []

  /// The token that ends with this chunk, or nil.
  mutating func take(_ chunk: DecodedChunk) -> [UInt8]? {
    if chunk.startsToken, chunk.endsToken { return chunk.bytes }
    bytes.append(contentsOf: chunk.bytes)
    guard chunk.endsToken else { return nil }
    defer { bytes.removeAll() }
    return bytes
  }
}

/// Bytes of which only whole characters are let through, what is wrong among them as U+FFFD.
struct CharacterAssembly: Sendable {
  private var pending: [UInt8] = []

  mutating func take(_ bytes: some Collection<UInt8>) -> [UInt8] {
    pending.append(contentsOf: bytes)
    let complete = pending.count - incompleteByteCount(at: pending)
    if complete == 0 { return [] }
    defer { pending.removeSubrange(..<complete) }
    return Array(String(decoding: pending[..<complete], as: UTF8.self).utf8)
  }

  mutating func finish() -> [UInt8] {
    defer { pending.removeAll() }
    return Array(String(decoding: pending, as: UTF8.self).utf8)
  }
}

/// How many bytes at the end may yet become a character.
func incompleteByteCount(at bytes: [UInt8]) -> Int {
  for count in 1...3 where count <= bytes.count {
    let lead = bytes[bytes.count - count]
    if lead & 0xC0 == 0x80 { continue }
    let needed: Int
    switch lead {
    case 0xC2...0xDF: needed = 2
    case 0xE0...0xEF: needed = 3
    case 0xF0...0xF4: needed = 4
    default: return 0
    }
    guard count < needed else { return 0 }
    if count == 1 { return 1 }
    // The second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF.
    let second = bytes[bytes.count - count + 1]
    let range: ClosedRange<UInt8>
    switch lead {
    case 0xE0: range = 0xA0...0xBF
    case 0xED: range = 0x80...0x9F
    case 0xF0: range = 0x90...0xBF
    case 0xF4: range = 0x80...0x8F
    default: range = 0x80...0xBF
    }
    return range.contains(second) ? count : 0
  }
  return 0
}
