/// A tokenizer whose tokens a post-processor puts special ones round.
protocol PostProcessedCore: TokenizerCore {
  /// What is put round one text or two.
  var postProcessor: PostProcessor { get }
  /// The tokens of a text alone.
  func encode(_ text: UnsafeBufferPointer<UInt8>, parsesSpecial: Bool) -> [Int32]
}

extension PostProcessedCore {
  /// None is known beforehand: an unknown token or piece stands for what has no other.
  var unencodableBytes: [UInt8] { [] }

  func encode(_ text: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions) -> [Int32] {
    postProcessor.process(
      encode(text, parsesSpecial: options.parseSpecial), nil, addsSpecial: options.addSpecial)
  }

  func encode(
    _ first: UnsafeBufferPointer<UInt8>, and second: UnsafeBufferPointer<UInt8>, _ options: EncodingOptions
  ) -> [Int32] {
    postProcessor.process(
      encode(first, parsesSpecial: options.parseSpecial), encode(second, parsesSpecial: options.parseSpecial),
      addsSpecial: options.addSpecial)
  }
}
