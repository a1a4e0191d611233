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
