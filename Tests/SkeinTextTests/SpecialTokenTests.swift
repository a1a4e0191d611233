import SkeinText
import Testing

struct SpecialTokenTests {
  private func tokenizer(
    _ special: [(String, Vocabulary.TokenKind)], _ change: (inout Vocabulary) -> Void = { _ in }
  ) throws -> Tokenizer {
    let letters = (0x61...0x7A).map { String(UnicodeScalar($0)!) } + ["▁", "<", ">", "|", "\n", "/"]
    var vocabulary = Vocabulary(model: .spm, tokens: special.map(\.0) + letters)
    vocabulary.kinds = special.map(\.1) + letters.map { _ in .normal }
    vocabulary.scores = vocabulary.tokens.map { _ in 0 }
    vocabulary.addSpacePrefix = false
    change(&vocabulary)
    return try Tokenizer(vocabulary)
  }

  private func text(_ ids: [Int32], _ tokenizer: Tokenizer) -> [String] {
    ids.map { tokenizer.describe($0)!.text }
  }

  @Test func theLongestSpecialTokenWins() throws {
    let tokenizer = try tokenizer([("ab", .userDefined), ("bcd", .userDefined)])
    #expect(text(tokenizer.encode("abcd"), tokenizer) == ["a", "bcd"])
    #expect(text(tokenizer.encode("xabxb"), tokenizer) == ["x", "ab", "x", "b"])
  }

  @Test func controlTokensInTextAreTextUnlessAskedFor() throws {
    let tokenizer = try tokenizer([("<x>", .control), ("<y>", .userDefined)])
    #expect(text(tokenizer.encode("a<x><y>"), tokenizer) == ["a", "<", "x", ">", "<y>"])
    #expect(text(tokenizer.encode("a<x><y>", .template), tokenizer) == ["a", "<x>", "<y>"])
  }

  @Test func phi3SwallowsWhiteSpaceAfterSpecialTokens() throws {
    let special: [(String, Vocabulary.TokenKind)] = [("<|user|>", .control), ("<s>", .control)]
    let plain = try tokenizer(special)
    #expect(text(plain.encode("<|user|>\n a", .template), plain) == ["<|user|>", "\n", "▁", "a"])
    let phi = try tokenizer(special) { $0.modelName = "Phi-3-mini" }
    #expect(text(phi.encode("<|user|>\n a", .template), phi) == ["<|user|>", "a"])
    #expect(text(phi.encode("<s> a", .template), phi) == ["<s>", "▁", "a"])
  }

  @Test func aSpaceGoesInFrontOfTextAfterSpecialTokens() throws {
    let tokenizer = try tokenizer([("<x>", .control)]) { $0.addSpacePrefix = true }
    let ids = tokenizer.encode("a<x>b<x> c", .template)
    #expect(text(ids, tokenizer) == ["▁", "a", "<x>", "▁", "b", "<x>", "▁", "▁", "c"])
    #expect(tokenizer.decode(ids, DecodingOptions(includeSpecial: true)) == "a<x>b<x> c")
  }

  @Test func endsOfGenerationAreKnownByTheirText() throws {
    let tokenizer = try tokenizer([
      ("<s>", .control), ("</s>", .normal), ("<|im_end|>", .userDefined), ("<|file_sep|>", .control),
    ]) { $0.endOfGeneration = [7] }
    #expect(tokenizer.endOfGeneration == [1, 2, 3, 7])
    #expect(tokenizer.eot == 2)
    #expect(tokenizer.describe(1)?.kind == .control)
    let harmony = try self.tokenizer([
      ("<|return|>", .control), ("<|call|>", .control), ("<|end|>", .control),
    ])
    #expect(harmony.endOfGeneration == [0, 1])
  }

  @Test func manySpecialTokensInALongTextAreFast() throws {
    let special = (0..<1500).map { ("<|reserved_\(String($0, radix: 26))|>", Vocabulary.TokenKind.control) }
    let tokenizer = try tokenizer(special)
    var text = ""
    for index in 0..<60_000 { text += "<|reserved_\(String(index % 40, radix: 26))|>a<|reser" }
    var ids: [Int32] = []
    let time = ContinuousClock().measure { ids = tokenizer.encode(text, .template) }
    #expect(ids.count(where: { $0 < 1500 }) == 60_000)
    #expect(time < .seconds(60))
  }
}
