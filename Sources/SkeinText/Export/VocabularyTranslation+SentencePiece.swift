/// SentencePiece models.
extension VocabularyTranslation {
  /// The vocabulary of a file that a tokenizer was made of already; nil where there is none, with a warning.
  mutating func translate(
    sentencePiece bytes: UnsafeRawBufferPointer, path: String
  ) throws(TokenizerError) -> Vocabulary? {
    let file = try SentencePieceFile(bytes, path: path)
    guard file.algorithm == .bpe else { return refuse("it is a unigram model") }
    guard file.escapesSpace, !file.treatsSpaceAsSuffix else { return refuse("it keeps spaces behind words") }
    if file.charsmap != nil {
      warnings.append("the folder's tokenizer rewrites characters; readers of GGUF take text as it comes")
    }
    var vocabulary = base(.spm) { _, known in known }
    // Tokens beside the file's own are matched whole, so their scores count for nothing.
    vocabulary.scores = (0..<tokenCount).map { $0 < file.scores.count ? file.scores[$0] : -1000 }
    vocabulary.addSpacePrefix = file.addsDummyPrefix
    vocabulary.removeExtraWhitespace = file.removesExtraSpace
    return vocabulary
  }
}
