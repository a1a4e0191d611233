/// Where padding goes.
public enum PaddingSide: String, Sendable, Hashable, CaseIterable {
  /// In front, as decoders want it that go on at the end.
  case left
  /// Behind.
  case right
}

/// Texts of one length.
public struct PaddedTokens: Sendable, Hashable {
  /// A row for each text, all as long as the longest.
  public var ids: [[Int32]]
  /// 1 where ``ids`` has a token of the text, 0 where it has padding.
  public var mask: [[Int32]]
}

extension Tokenizer {
  /// Makes all texts as long as the longest with the padding token.
  ///
  /// - Parameters:
  ///   - texts: the tokens of each text; they may differ in number.
  ///   - side: where padding goes; nil takes ``paddingSide``.
  /// - Throws: ``TokenizerError`` with code ``TokenizerError/Code/missingSpecialToken`` where the tokenizer
  ///   has no padding token.
  public func pad(_ texts: [[Int32]], side: PaddingSide? = nil) throws(TokenizerError) -> PaddedTokens {
    guard let padding else {
      throw TokenizerError(
        .missingSpecialToken,
        "the tokenizer has no padding token, so texts of different lengths make no batch. Set pad_token in "
          + "tokenizer_config.json.")
    }
    let side = side ?? paddingSide
    let longest = texts.map(\.count).max() ?? 0
    var result = PaddedTokens(ids: [], mask: [])
    for text in texts {
      let fill = longest - text.count
      let ones = [Int32](repeating: 1, count: text.count)
      let zeros = [Int32](repeating: 0, count: fill)
      let ids = [Int32](repeating: padding, count: fill)
      result.ids.append(side == .left ? ids + text : text + ids)
      result.mask.append(side == .left ? zeros + ones : ones + zeros)
    }
    return result
  }
}
