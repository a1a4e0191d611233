/// A tokenizer as SentencePiece has it.
struct SentencePieceCore: PostProcessedCore {
  let file: SentencePieceFile
  let normalizer: SentencePieceNormalizer
  let encoder: any PieceEncoder
  /// Matched whole before anything else: tokens that only the configuration beside the file names.
  let added: AddedTokens
  let addedTexts: [Int32: AddedToken]
  let byteIDs: [Int32]
  let unknown: Int32
  let postProcessor: PostProcessor

  var tokenCount: Int { max(file.kinds.count, (addedTexts.keys.max().map { Int($0) + 1 } ?? 0)) }
  func encode(_ text: UnsafeBufferPointer<UInt8>, parsesSpecial: Bool) -> [Int32] {
    var run = EncodingRun(textByteCount: text.count)
    for fragment in added.partition(text, parsesSpecial: parsesSpecial) {
      switch fragment {
      case .token(let id): run.output.append(id)
      case .text(let range):
        let normalized = normalizer.normalize(UnsafeBufferPointer(rebasing: text[range]))
        let offset = run.text.count
        run.text.append(contentsOf: normalized)
        run.endOfUnknown = -1
        normalized.withUnsafeBufferPointer { bytes in
          encoder.encode(bytes, at: offset, into: &run) { span, run in appendUnknown(span, into: &run) }
        }
      }
    }
    return run.output
  }

  /// The bytes of what no piece covers, or one unknown piece for it and its unknown neighbours.
  private func appendUnknown(_ span: UnsafeBufferPointer<UInt8>, into run: inout EncodingRun) {
    if !byteIDs.isEmpty {
      for byte in span { run.output.append(byteIDs[Int(byte)]) }
    } else {
      if run.endOfUnknown != run.output.count { run.output.append(unknown) }
      run.endOfUnknown = run.output.count
    }
  }

  func makeDecoder(_ options: DecodingOptions) -> any TokenDecoder {
    SentencePieceDecoder(core: self, options: options)
  }

  func describe(_ token: Int32) -> (text: String, kind: Vocabulary.TokenKind)? {
    if let known = addedTexts[token] {
      return (String(decoding: known.content, as: UTF8.self), known.isSpecial ? .control : .userDefined)
    }
    guard token >= 0, Int(token) < file.kinds.count else { return nil }
    let text = String(decoding: file.pieces[Int(token)], as: UTF8.self)
    // The numbers are those of GGUF.
    return (text, Vocabulary.TokenKind(rawValue: Int32(file.kinds[Int(token)].rawValue)) ?? .normal)
  }

  func token(for text: String) -> Int32? {
    let bytes = Array(text.utf8)
    if let known = addedTexts.first(where: { $0.value.content == bytes }) { return known.key }
    return file.kinds.indices.first { file.pieces[$0].elementsEqual(bytes) }.map { Int32($0) }
  }
}

/// Cuts normalized text into pieces.
protocol PieceEncoder: Sendable {
  /// Appends the pieces of `text`, which is in the run's text too, at `offset`; what no piece covers goes to
  /// `appendUnknown`.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, at offset: Int, into run: inout EncodingRun,
    _ appendUnknown: (UnsafeBufferPointer<UInt8>, inout EncodingRun) -> Void)
}

/// Writes pieces as text, as SentencePiece does.
private struct SentencePieceDecoder: TokenDecoder {
  let core: SentencePieceCore
  let includeSpecial: Bool
  /// Bytes that are no whole character yet, at most three.
  private var pending: [UInt8] = []
  private var isEmpty = true
  /// Whether the space that encoding puts in front is still to come.
  private var awaitsPrefix: Bool
  private var hasTakenPrefix = false

  init(core: SentencePieceCore, options: DecodingOptions) {
    self.core = core
    includeSpecial = options.includeSpecial
    awaitsPrefix = options.position == .start
  }

  mutating func append(_ token: Int32, to result: inout [UInt8]) {
    if let known = core.addedTexts[token] {
      endBytes(to: &result)
      if includeSpecial || !known.isSpecial { write(known.content[...], to: &result) }
      return
    }
    guard token >= 0, Int(token) < core.file.kinds.count else { return }
    let piece = core.file.pieces[Int(token)]
    if core.file.kinds[Int(token)] == .byte, let byte = byteNamed(piece) {
      pending.append(byte)
      return drainBytes(to: &result)
    }
    endBytes(to: &result)
    if hasTakenPrefix || !isEmpty { awaitsPrefix = false }
    hasTakenPrefix = false
    switch core.file.kinds[Int(token)] {
    case .control: if includeSpecial { write(piece, to: &result) }
    case .unknown: write(includeSpecial ? piece : core.file.unknownSurface[...], to: &result)
    default: write(surface(piece)[...], to: &result)
    }
  }

  mutating func finish(to result: inout [UInt8]) { endBytes(to: &result) }

  private mutating func surface(_ piece: ArraySlice<UInt8>) -> [UInt8] {
    var piece = piece
    if awaitsPrefix, core.file.addsDummyPrefix || core.file.removesExtraSpace,
      piece.starts(with: EscapedSpace.bytes)
    {
      piece.removeFirst(EscapedSpace.bytes.count)
      // Where extra space was removed, all leading space goes.
      hasTakenPrefix = !core.file.removesExtraSpace
    }
    return Finder.string(EscapedSpace.bytes).replace(in: Array(piece), with: [0x20], Matcher()).text
  }

  private mutating func write(_ text: ArraySlice<UInt8>, to result: inout [UInt8]) {
    if !text.isEmpty { isEmpty = false }
    result.append(contentsOf: text)
  }

  /// Writes the characters that are complete; a byte that starts none is U+FFFD.
  private mutating func drainBytes(to result: inout [UInt8]) {
    while !pending.isEmpty {
      if incompleteByteCount(at: pending) == pending.count { return }
      let byteCount = min(characterByteCount(pending[0]), pending.count)
      if pending[0] & 0xC0 != 0x80, String(validating: pending[..<byteCount], as: UTF8.self) != nil {
        write(pending[..<byteCount], to: &result)
        pending.removeFirst(byteCount)
      } else {
        writeReplacement(to: &result)
      }
    }
  }

  private mutating func endBytes(to result: inout [UInt8]) {
    while !pending.isEmpty {
      writeReplacement(to: &result)
      drainBytes(to: &result)
    }
  }

  private mutating func writeReplacement(to result: inout [UInt8]) {
    pending.removeFirst()
    write([0xEF, 0xBF, 0xBD], to: &result)
  }
}
