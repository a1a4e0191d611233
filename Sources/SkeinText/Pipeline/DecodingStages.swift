struct ByteLevelStage: DecodingStage {
  private let alphabet = ByteAlphabet()
  private var token = TokenAssembly()
  private var characters = CharacterAssembly()
  private var hasStarted = false

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard let text = token.take(chunk) else { return [] }
    let complete = characters.take(spelledBytes(text) ?? text)
    if complete.isEmpty { return [] }
    defer { hasStarted = true }
    return [DecodedChunk(bytes: complete, startsToken: !hasStarted, endsToken: false)]
  }

  mutating func finish() -> [DecodedChunk] {
    [DecodedChunk(bytes: characters.finish(), startsToken: !hasStarted, endsToken: true)]
  }

  /// Nil where a character is outside the alphabet.
  private func spelledBytes(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    return text.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return bytes }
      var index = 0
      while index < text.count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        guard let byte = alphabet.byte(of: scalar) else { return nil }
        bytes.append(byte)
        index += byteCount
      }
      return bytes
    }
  }
}

struct FuseStage: DecodingStage {
  private var hasStarted = false

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    if chunk.bytes.isEmpty { return [] }
    defer { hasStarted = true }
    return [DecodedChunk(bytes: chunk.bytes, startsToken: !hasStarted, endsToken: false)]
  }

  mutating func finish() -> [DecodedChunk] {
    [DecodedChunk(bytes: [], startsToken: !hasStarted, endsToken: true)]
  }
}

struct StripStage: DecodingStage {
  private let mark: [UInt8]
  private let start: Int
  private let stop: Int
  private var keepsNext: Bool
  /// Marks that may yet go at the start.
  private var leadingCount = 0
  /// Marks that wait: they go if the token ends here.
  private var heldCount = 0

  init(content: UInt32, start: Int, stop: Int, keepsFirst: Bool) {
    var mark: [UInt8] = []
    mark.append(scalar: content)
    self.mark = mark
    self.start = start
    self.stop = stop
    keepsNext = keepsFirst
  }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    if chunk.startsToken {
      leadingCount = keepsNext ? 0 : start
      keepsNext = false
    }
    var bytes = chunk.bytes[...]
    while leadingCount > 0, bytes.starts(with: mark) {
      bytes.removeFirst(mark.count)
      leadingCount -= 1
    }
    if !bytes.isEmpty { leadingCount = 0 }
    var result: [UInt8] = []
    if bytes.isEmpty {
      return chunk.endsToken
        ? ended(chunk, []) : [DecodedChunk(bytes: [], startsToken: chunk.startsToken, endsToken: false)]
    }
    if stop > 0 {
      for _ in 0..<heldCount { result.append(contentsOf: mark) }
      heldCount = 0
      result.append(contentsOf: bytes)
      while heldCount < stop, result.suffix(mark.count).elementsEqual(mark) {
        result.removeLast(mark.count)
        heldCount += 1
      }
    } else {
      result = Array(bytes)
    }
    if chunk.endsToken { return ended(chunk, result) }
    return [DecodedChunk(bytes: result, startsToken: chunk.startsToken, endsToken: false)]
  }

  private mutating func ended(_ chunk: DecodedChunk, _ bytes: [UInt8]) -> [DecodedChunk] {
    heldCount = 0
    return [DecodedChunk(bytes: bytes, startsToken: chunk.startsToken, endsToken: true)]
  }
}

/// A string for another, in tokens that may still be growing.
struct ReplaceStringStage: DecodingStage {
  let needle: [UInt8]
  let content: [UInt8]
  /// An end of the text so far that may be the start of the string.
  private var held: [UInt8] = []

  init(needle: [UInt8], content: [UInt8]) {
    self.needle = needle
    self.content = content
  }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    let text = held + chunk.bytes
    held.removeAll(keepingCapacity: true)
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      if text[index] == needle[0] {
        let rest = text[index...]
        if rest.starts(with: needle) {
          result.append(contentsOf: content)
          index += needle.count
          continue
        }
        if !chunk.endsToken, rest.count < needle.count, needle.starts(with: rest) {
          held = Array(rest)
          break
        }
      }
      result.append(text[index])
      index += 1
    }
    return [DecodedChunk(bytes: result, startsToken: chunk.startsToken, endsToken: chunk.endsToken)]
  }
}

/// What matches an expression for a string, in whole tokens: whether a match goes on is known at its end.
struct ReplaceStage: DecodingStage {
  let finder: Finder
  let content: [UInt8]
  private var token = TokenAssembly()

  init(finder: Finder, content: [UInt8]) {
    self.finder = finder
    self.content = content
  }

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard let text = token.take(chunk) else { return [] }
    return [DecodedChunk(bytes: finder.replace(in: text, with: content, Matcher()).text)]
  }
}

struct ByteFallbackStage: DecodingStage {
  private var token = TokenAssembly()
  private var bytes: [UInt8] = []

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    guard let text = token.take(chunk) else { return [] }
    if let byte = byteNamed(text) {
      bytes.append(byte)
      return []
    }
    return finish() + [DecodedChunk(bytes: text)]
  }

  /// A run of bytes is one text, or where it is none, as many U+FFFD as there are bytes. So it can be shown
  /// only at its end.
  mutating func finish() -> [DecodedChunk] {
    if bytes.isEmpty { return [] }
    defer { bytes.removeAll() }
    if String(validating: bytes, as: UTF8.self) != nil { return [DecodedChunk(bytes: bytes)] }
    return bytes.map { _ in DecodedChunk(bytes: [0xEF, 0xBF, 0xBD]) }
  }
}

/// The byte that `<0x0A>` names.
func byteNamed(_ text: some RandomAccessCollection<UInt8>) -> UInt8? {
  guard text.count == 6, text.starts(with: [0x3C, 0x30, 0x78]), text.last == 0x3E else { return nil }
  return UInt8(String(decoding: text.dropFirst(3).prefix(2), as: UTF8.self), radix: 16)
}

struct MetaspaceStage: DecodingStage {
  let replacement: UInt32
  var isInFirst: Bool

  mutating func push(_ chunk: DecodedChunk) -> [DecodedChunk] {
    var result: [UInt8] = []
    result.reserveCapacity(chunk.bytes.count)
    chunk.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var index = 0
      while index < bytes.count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        if scalar != replacement {
          result.append(contentsOf: bytes[index..<index + byteCount])
        } else if !isInFirst {
          result.append(0x20)
        }
        index += byteCount
      }
    }
    if chunk.endsToken { isInFirst = false }
    return [DecodedChunk(bytes: result, startsToken: chunk.startsToken, endsToken: chunk.endsToken)]
  }
}
