/// What each token writes.
struct TokenPieces: Sendable {
  let bytes: ByteStrings
  let kinds: [Vocabulary.TokenKind]
  /// Whether encoding puts a space in front of text, which decoding takes away.
  let hasSpacePrefix: Bool
  /// Word pieces: a space goes between tokens unless the later one continues a word.
  let joinsWithSpaces: Bool

  /// Appends what `token` writes. `isAtStart` says that the next text is the first, or follows a special
  /// token; it is kept up to date. A token that the vocabulary does not have writes U+FFFD.
  func append(_ token: Int32, includeSpecial: Bool, isAtStart: inout Bool, to result: inout [UInt8]) {
    guard token >= 0, Int(token) < kinds.count else {
      result.append(contentsOf: [0xEF, 0xBF, 0xBD])
      isAtStart = false
      return
    }
    let range = bytes.range(Int(token))
    switch kinds[Int(token)] {
    case .control, .unknown:
      if includeSpecial { result.append(contentsOf: bytes.bytes[range]) }
      isAtStart = true
    case .userDefined:
      result.append(contentsOf: bytes.bytes[range])
      isAtStart = true
    case .normal, .unused, .byte:
      var piece = bytes.bytes[range]
      if isAtStart, hasSpacePrefix || joinsWithSpaces, piece.first == 0x20 { piece = piece.dropFirst() }
      result.append(contentsOf: piece)
      isAtStart = false
    }
  }
}

extension TokenPieces {
  /// `escapesSpaces` is that of the pre-tokenizer, nil for models that have none.
  init(_ vocabulary: Vocabulary, _ kinds: [Vocabulary.TokenKind], escapesSpaces: Bool?) {
    let alphabet = escapesSpaces == false ? ByteAlphabet() : nil
    var strings = ByteStrings(reservingCount: vocabulary.tokens.count)
    for (token, kind) in zip(vocabulary.tokens, kinds) {
      switch kind {
      case .byte where Self.byte(named: token) != nil:
        strings.append(CollectionOfOne(Self.byte(named: token)!))
      case .normal, .unused, .byte:
        let spelled = alphabet.map { $0.bytes(of: token[...].unicodeScalars) } ?? nil
        strings.append(spelled ?? Self.unescapingSpaces(Array(token.utf8), if: alphabet == nil))
      case .control, .unknown, .userDefined:
        strings.append(token.utf8)
      }
    }
    bytes = strings
    self.kinds = kinds
    hasSpacePrefix = vocabulary.usesSpacePrefix && escapesSpaces != false
    joinsWithSpaces = vocabulary.model == .wpm
  }

  /// The byte that `<0x0A>` names.
  private static func byte(named text: String) -> UInt8? {
    let characters = Array(text.utf8)
    guard characters.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") else { return nil }
    return UInt8(String(decoding: characters[3..<5], as: UTF8.self), radix: 16)
  }

  private static func unescapingSpaces(_ text: [UInt8], if isEscaped: Bool) -> [UInt8] {
    guard isEscaped else { return text }
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index...].starts(with: EscapedSpace.bytes) {
        result.append(0x20)
        index += 3
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return result
  }
}
