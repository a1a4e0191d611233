/// What a SentencePiece `.model` says, checked.
struct SentencePieceFile {
  /// How text is cut into pieces. The raw values are the file's.
  enum Algorithm: UInt64 {
    case unigram = 1
    case bpe = 2
  }

  /// What a piece is for. The raw values are the file's.
  enum Kind: UInt64 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  private(set) var pieces = ByteStrings(reservingCount: 1 << 15)
  private(set) var scores: [Float] = []
  private(set) var kinds: [Kind] = []
  private(set) var algorithm = Algorithm.unigram
  private(set) var usesBytes = false
  private(set) var treatsSpaceAsSuffix = false
  /// What decoding writes for the unknown piece.
  private(set) var unknownSurface: [UInt8] = [0x20, 0xE2, 0x81, 0x87, 0x20]
  private(set) var bosID: Int32? = 1
  private(set) var eosID: Int32? = 2
  private(set) var paddingID: Int32?
  private(set) var charsmap: Charsmap?
  private(set) var addsDummyPrefix = true
  private(set) var removesExtraSpace = true
  private(set) var escapesSpace = true
  private let path: String

  /// Enough for the largest vocabularies that there are, thirty times over.
  private static let largestByteCount = 1 << 28
  private static let largestPieceCount = 1 << 23

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(TokenizerError) {
    self.path = path
    guard bytes.count <= Self.largestByteCount else {
      throw TokenizerError(
        .tooLarge, "\(path): \(bytes.count) bytes; a model may have \(Self.largestByteCount).")
    }
    var reader = WireReader(bytes, path: path)
    var parts: Set<Int> = []
    while let field = try reader.next() {
      parts.insert(field.number)
      switch (field.number, field.value) {
      case (1, .bytes(let piece)): try readPiece(piece)
      case (2, .bytes(let trainer)): try readTrainer(trainer)
      case (3, .bytes(let normalizer)): try readNormalizer(normalizer)
      case (5, .bytes(let denormalizer)): try refuseDenormalizer(denormalizer)
      default: break
      }
    }
    // They come last, and every trainer writes them: without them the file was cut off between two fields.
    guard parts.isSuperset(of: [2, 3]) else {
      throw TokenizerError(
        .malformed,
        "\(path): this is no SentencePiece model, or it breaks off: it does not say how it was trained and "
          + "how text is normalized. Download the file again.")
    }
    try validate()
  }

  private mutating func readPiece(_ message: UnsafeRawBufferPointer) throws(TokenizerError) {
    guard kinds.count < Self.largestPieceCount else {
      throw TokenizerError(.tooLarge, "\(path): more than \(Self.largestPieceCount) pieces.")
    }
    var reader = WireReader(message, path: path)
    var text: UnsafeRawBufferPointer?
    var score: Float = 0
    var kind = Kind.normal
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)): text = bytes
      case (2, .bits32(let bits)): score = Float(bitPattern: bits)
      case (3, .number(let number)):
        guard let known = Kind(rawValue: number) else {
          throw invalid(.invalidKind, "piece \(kinds.count) has type \(number); the format knows 1 to 6")
        }
        kind = known
      default: break
      }
    }
    guard let text, !text.isEmpty, String(validating: text, as: UTF8.self) != nil else {
      throw invalid(.invalidValue, "piece \(kinds.count) is empty or not UTF-8")
    }
    guard score.isFinite else {
      throw invalid(.invalidScore, "the score of piece \(kinds.count) is not finite")
    }
    pieces.append(text)
    scores.append(score)
    kinds.append(kind)
  }

  private mutating func readTrainer(_ message: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = WireReader(message, path: path)
    func id(_ number: UInt64) -> Int32? {
      let id = Int32(truncatingIfNeeded: Int64(bitPattern: number))
      return id < 0 ? nil : id
    }
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (3, .number(let number)):
        guard let known = Algorithm(rawValue: number) else {
          throw TokenizerError(
            .unknownType,
            "\(path): models of type \(number) are not supported; unigram (1) and BPE (2) are.")
        }
        algorithm = known
      case (24, .number(let flag)): treatsSpaceAsSuffix = flag != 0
      case (35, .number(let flag)): usesBytes = flag != 0
      case (41, .number(let number)): bosID = id(number)
      case (42, .number(let number)): eosID = id(number)
      case (43, .number(let number)): paddingID = id(number)
      case (44, .bytes(let text)):
        guard String(validating: text, as: UTF8.self) != nil else {
          throw invalid(.invalidValue, "the surface of the unknown piece is not UTF-8")
        }
        unknownSurface = Array(text)
      default: break
      }
    }
  }

  private mutating func readNormalizer(_ message: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = WireReader(message, path: path)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let blob)): charsmap = blob.isEmpty ? nil : try Charsmap(Array(blob), place: path)
      case (3, .number(let flag)): addsDummyPrefix = flag != 0
      case (4, .number(let flag)): removesExtraSpace = flag != 0
      case (5, .number(let flag)): escapesSpace = flag != 0
      default: break
      }
    }
  }

  private func refuseDenormalizer(_ message: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = WireReader(message, path: path)
    while let field = try reader.next() {
      if field.number == 2, case .bytes(let blob) = field.value, !blob.isEmpty {
        throw TokenizerError(
          .unknownType,
          "\(path): the model rewrites decoded text (denormalizer_spec), which is not supported.")
      }
    }
  }

  private func validate() throws(TokenizerError) {
    guard !kinds.isEmpty else {
      throw TokenizerError(.emptyVocabulary, "\(path): there are no pieces. Is it a SentencePiece model?")
    }
    guard kinds.count(where: { $0 == .unknown }) == 1 else {
      throw invalid(.missingSpecialToken, "there must be one unknown piece")
    }
    let bytes = Set(kinds.indices.filter { kinds[$0] == .byte }.compactMap { byteNamed(pieces[$0]) })
    if usesBytes, bytes.count != 256 {
      throw invalid(
        .invalidValue, "of the 256 byte pieces that the model falls back on there are \(bytes.count)")
    }
    if !usesBytes, kinds.contains(.byte) {
      throw invalid(.invalidValue, "there are byte pieces, but the model does not fall back on them")
    }
  }

  func invalid(_ code: TokenizerError.Code, _ what: String) -> TokenizerError {
    TokenizerError(code, "\(path): \(what). Download the file again.")
  }
}
