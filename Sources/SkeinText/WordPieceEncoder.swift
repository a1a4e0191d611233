struct WordPieceEncoder: TextEncoder {
  init(_ vocabulary: Vocabulary, unknown: Int32?) throws(TokenizerError) {}
  func encode(_ text: UnsafeBufferPointer<UInt8>, isAtStart: Bool, into run: inout EncodingRun) {}
  var unencodableBytes: [UInt8] { [] }
}
