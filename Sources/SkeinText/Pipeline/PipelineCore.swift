/// A tokenizer as `tokenizer.json` describes it: added tokens are cut out, the rest is normalized, cut into
/// words, and every word becomes tokens by itself.
struct PipelineCore: PostProcessedCore {
  /// Looked for in the text as it comes.
  let plainTokens: AddedTokens
  /// Looked for in normalized text.
  let normalizedTokens: AddedTokens
  let normalizers: [any Normalizer]
  let preTokenizers: [any PreTokenizerStep]
  let model: any WordModel
  let postProcessor: PostProcessor
  let decoderSteps: [DecoderStep]
  let texts: TokenTexts

  var tokenCount: Int { texts.count }
  func encode(_ text: UnsafeBufferPointer<UInt8>, parsesSpecial: Bool) -> [Int32] {
    var run = EncodingRun(textByteCount: text.count)
    for fragment in plainTokens.partition(text, parsesSpecial: parsesSpecial) {
      switch fragment {
      case .token(let id): run.output.append(id)
      case .text(let range):
        var part = PipelineText(bytes: Array(text[range]), isAtOrigin: range.lowerBound == 0)
        for normalizer in normalizers { normalizer.normalize(&part, run.matcher) }
        encodeNormalized(part, parsesSpecial, into: &run)
      }
    }
    return run.output
  }

  private func encodeNormalized(_ text: PipelineText, _ parsesSpecial: Bool, into run: inout EncodingRun) {
    let fragments = text.bytes.withUnsafeBufferPointer { bytes in
      normalizedTokens.partition(bytes, parsesSpecial: parsesSpecial)
    }
    for fragment in fragments {
      switch fragment {
      case .token(let id): run.output.append(id)
      case .text(let range):
        let isAll = range.count == text.bytes.count
        let part = PipelineText(
          bytes: isAll ? text.bytes : Array(text.bytes[range]),
          isAtOrigin: text.isAtOrigin && range.lowerBound == 0)
        var pieces = Pieces(part)
        for step in preTokenizers { step.apply(&pieces, run.matcher) }
        encodeWords(pieces, into: &run)
      }
    }
  }

  private func encodeWords(_ pieces: Pieces, into run: inout EncodingRun) {
    let offset = run.text.count
    run.text.append(contentsOf: pieces.bytes)
    pieces.bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      for range in pieces.ranges where !range.isEmpty {
        run.appendWord(range.lowerBound + offset..<range.upperBound + offset) { run in
          model.encode(base + range.lowerBound, count: range.count, into: &run)
        }
      }
    }
  }

  func makeDecoder(_ options: DecodingOptions) -> any TokenDecoder {
    PipelineDecoder(
      texts: texts, includeSpecial: options.includeSpecial,
      stages: DecoderStep.makeStages(decoderSteps, options.position))
  }

  func describe(_ token: Int32) -> (text: String, kind: Vocabulary.TokenKind)? {
    guard let text = texts.content(token) else { return nil }
    return (String(decoding: text, as: UTF8.self), texts.kind(token))
  }

  func token(for text: String) -> Int32? { texts.find(Array(text.utf8)) }
}

/// The texts of a model's tokens and of those added to them.
struct TokenTexts: Sendable {
  /// By id; a gap in the ids is an empty string.
  let model: ByteStrings
  let isInModel: [Bool]
  /// Added tokens by id, with the spelling that decoding uses.
  let added: [Int32: (token: AddedToken, spelling: [UInt8])]
  let specialContents: Set<[UInt8]>
  let unknown: Int32?
  /// One past the largest id.
  let count: Int

  /// What a token writes before decoding; nil for an id that no token has.
  func spelling(_ id: Int32) -> ArraySlice<UInt8>? {
    if let known = added[id] { return known.spelling[...] }
    return modelText(id)
  }

  /// A token's text in the vocabulary.
  func content(_ id: Int32) -> ArraySlice<UInt8>? {
    if let known = added[id] { return known.token.content[...] }
    return modelText(id)
  }

  private func modelText(_ id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < isInModel.count, isInModel[Int(id)] else { return nil }
    return model[Int(id)]
  }

  /// Whether decoding leaves a token out unless asked for it.
  func isSpecial(_ id: Int32) -> Bool {
    guard let known = added[id] else { return false }
    return specialContents.contains(known.spelling)
  }

  func kind(_ id: Int32) -> Vocabulary.TokenKind {
    if id == unknown { return .unknown }
    if let known = added[id] { return known.token.isSpecial ? .control : .userDefined }
    guard let text = modelText(id) else { return .unused }
    return byteNamed(text) != nil ? .byte : .normal
  }

  func find(_ text: [UInt8]) -> Int32? {
    if let known = added.first(where: { $0.value.token.content == text }) { return known.key }
    return (0..<isInModel.count).first { isInModel[$0] && model[$0].elementsEqual(text) }.map { Int32($0) }
  }
}

private struct PipelineDecoder: TokenDecoder {
  let texts: TokenTexts
  let includeSpecial: Bool
  var stages: [any DecodingStage]

  mutating func append(_ token: Int32, to result: inout [UInt8]) {
    if !includeSpecial, texts.isSpecial(token) { return }
    guard let text = texts.spelling(token) else { return }
    push([DecodedChunk(bytes: Array(text))], from: 0, to: &result)
  }

  mutating func finish(to result: inout [UInt8]) {
    for index in stages.indices { push(stages[index].finish(), from: index + 1, to: &result) }
  }

  private mutating func push(_ chunks: [DecodedChunk], from first: Int, to result: inout [UInt8]) {
    var chunks = chunks
    for index in stages.indices.dropFirst(first) {
      if chunks.count == 1 {
        chunks = stages[index].push(chunks[0])
      } else {
        var next: [DecodedChunk] = []
        for chunk in chunks { next.append(contentsOf: stages[index].push(chunk)) }
        chunks = next
      }
    }
    for chunk in chunks { result.append(contentsOf: chunk.bytes) }
  }
}
