extension Vocabulary {
  /// Checks what can be checked before any table is built.
  func validate() throws(TokenizerError) {
    guard !tokens.isEmpty else {
      throw TokenizerError(.emptyVocabulary, "the vocabulary has no tokens. Convert the model with its tokenizer.")
    }
    guard tokens.count <= 1 << 28 else {
      throw TokenizerError(
        .countMismatch, "the vocabulary has \(tokens.count) tokens; 2^28 is the most. Check the file.")
    }
    guard kinds.isEmpty || kinds.count == tokens.count else {
      throw TokenizerError(
        .countMismatch, "\(tokens.count) tokens but \(kinds.count) token types. Convert the model again.")
    }
    guard scores.isEmpty || scores.count == tokens.count else {
      throw TokenizerError(
        .countMismatch, "\(tokens.count) tokens but \(scores.count) scores. Convert the model again.")
    }
    if let index = scores.firstIndex(where: { $0.isNaN }) {
      throw TokenizerError(
        .invalidScore, "the score of token \(index) is not a number. Convert the model again.")
    }
    let named: [(String, Int32?)] = [
      ("BOS", bos), ("EOS", eos), ("EOT", eot), ("unknown", unknown), ("padding", padding),
      ("separator", separator),
    ]
    for (name, id) in named + endOfGeneration.map({ ("end-of-generation", $0) }) {
      guard let id, id < 0 || Int(id) >= tokens.count else { continue }
      throw TokenizerError(
        .idOutOfRange,
        "the \(name) token is \(id), but ids go from 0 to \(tokens.count - 1). Correct the file's metadata.")
    }
  }
}
