/// WordPiece as BERT has it: text is cleaned, cut at white space and round punctuation and Han, and each
/// word is covered by its longest pieces from the left, or is unknown as a whole.
struct WordPieceEncoder: TextEncoder {
  private let table: TokenTable
  private let unknown: Int32
  /// Nil where case and accents matter.
  private let accents: Accents?

  /// BERT's own bound, without which trying every length at every place would take cubic time.
  private static let longestWordCharacterCount = 100

  /// Whatever has no piece becomes the unknown token.
  var unencodableBytes: [UInt8] { [] }

  init(_ vocabulary: Vocabulary, unknown: Int32?) throws(TokenizerError) {
    guard let unknown else {
      throw TokenizerError(
        .missingSpecialToken,
        "a WordPiece vocabulary needs a token for unknown words and names none. Set tokenizer.ggml."
          + "unknown_token_id.")
    }
    var strings = ByteStrings(reservingCount: vocabulary.tokens.count)
    for token in vocabulary.tokens { strings.append(token.utf8) }
    table = try TokenTable.filled(strings, texts: vocabulary.tokens)
    self.unknown = unknown
    accents = vocabulary.lowercase ?? true ? Accents() : nil
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into run: inout EncodingRun) {
    let start = run.text.count
    let ends = appendWords(of: text, to: &run.text)
    let words = run.text
    words.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var position = start
      for end in ends {
        let word = position..<end
        run.appendWord(word) { run in appendPieces(base + word.lowerBound, word.count, into: &run) }
        position = end
      }
    }
  }

  /// Appends the words, each with U+2581 in front, and returns where they end.
  private func appendWords(of text: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]) -> [Int] {
    var ends: [Int] = []
    var isInWord = false
    func endWord(_ result: [UInt8]) {
      if isInWord { ends.append(result.count) }
      isInWord = false
    }
    func append(_ scalar: Unicode.Scalar, _ result: inout [UInt8]) {
      if !isInWord { result.append(contentsOf: EscapedSpace.bytes) }
      isInWord = true
      result.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    }
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if Self.isSpace(scalar) {
        endWord(result)
      } else if !Self.isDropped(scalar) {
        let standsAlone = Self.isPunctuation(scalar) || Self.isHan(scalar.value)
        if standsAlone { endWord(result) }
        if let accents {
          accents.strip(scalar) { part in
            for lower in part.properties.lowercaseMapping.unicodeScalars { append(lower, &result) }
          }
        } else {
          append(scalar, &result)
        }
        if standsAlone { endWord(result) }
      }
    }
    endWord(result)
    return ends
  }

  private func appendPieces(_ word: UnsafePointer<UInt8>, _ count: Int, into run: inout EncodingRun) {
    let outputStart = run.output.count
    var position = 0
    var characterCount = -1
    for index in 0..<count where word[index] & 0xC0 != 0x80 { characterCount += 1 }
    if characterCount > Self.longestWordCharacterCount {
      run.output.append(unknown)
      return
    }
    while position < count {
      var byteCount = min(count - position, table.longestByteCount)
      var id = TokenTable.absent
      while byteCount > 0 {
        id = table.find(word + position, count: byteCount)
        if id != TokenTable.absent { break }
        byteCount -= 1
      }
      if id == TokenTable.absent {
        run.output.removeSubrange(outputStart...)
        run.output.append(unknown)
        return
      }
      run.output.append(id)
      position += byteCount
    }
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x20: true
    case 0x0B, 0x0C, 0x85: false
    case ..<0x80: false
    default: scalar.properties.isWhitespace
    }
  }

  private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7F { return scalar.value < 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse: return true
    default: return scalar.value == 0xFFFD
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
    case ..<0x80: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  /// The blocks as the original has them, gap at 2B820 included.
  static func isHan(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
