import SkeinText
import Testing

struct DetokenizerTests {
  private func stream(_ ids: [Int32], _ tokenizer: Tokenizer, _ options: DecodingOptions) -> [String] {
    var detokenizer = tokenizer.makeDetokenizer(options)
    var parts: [String] = []
    for id in ids {
      if let part = detokenizer.append(id) {
        #expect(!part.isEmpty)
        parts.append(part)
      }
    }
    return parts + [detokenizer.finish()]
  }

  @Test(arguments: ["bpe-gpt-2", "bpe-deepseek-llm", "spm"])
  func piecesJoinToTheWholeAndNoneIsBroken(_ name: String) throws {
    let tokenizer = try Tokenizer(Fixture.named(name).vocabulary())
    for text in try Fixture.texts() {
      let parts = stream(tokenizer.encode(text), tokenizer, .text)
      #expect(parts.joined().utf8.elementsEqual(text.utf8))
      #expect(parts.allSatisfy { !$0.unicodeScalars.contains("\u{FFFD}") })
    }
  }

  @Test(arguments: ["bpe-gpt-2", "spm"])
  func anyTokensAtAllStreamAsTheyDecode(_ name: String) throws {
    let tokenizer = try Tokenizer(Fixture.named(name).vocabulary())
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let ids = (0..<40).map { _ in
        Int32.random(in: -2...Int32(tokenizer.tokenCount + 1), using: &generator)
      }
      for options in [
        DecodingOptions.text, .continuation, DecodingOptions(position: .start, includeSpecial: true),
      ] {
        let joined = stream(ids, tokenizer, options).joined()
        #expect(joined.utf8.elementsEqual(tokenizer.decode(ids, options).utf8), "\(ids)")
      }
    }
  }

  @Test(arguments: [
    ([0x41], ["A", ""]), ([0xC3, 0xA9], ["é", ""]), ([0xF0, 0x9F, 0x98, 0x80, 0x41], ["😀", "A", ""]),
    ([0xF0, 0x9F, 0x98], ["\u{FFFD}"]), ([0xE2, 0x41], ["\u{FFFD}A", ""]),
    ([0xFF, 0x41], ["\u{FFFD}", "A", ""]),
    ([0xED, 0xA0, 0x80], ["\u{FFFD}\u{FFFD}", "\u{FFFD}", ""]), ([0x80], ["\u{FFFD}", ""]),
  ])
  func bytesWaitForTheirCharacter(_ bytes: [UInt8], _ parts: [String]) throws {
    let tokenizer = try Tokenizer(Fixture.named("spm").vocabulary())
    let digits = Array("0123456789ABCDEF")
    let ids = try bytes.map {
      try #require(tokenizer.token(for: "<0x\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])>"))
    }
    #expect(stream(ids, tokenizer, .continuation) == parts)
  }

  @Test func aContinuationKeepsItsFirstSpaceAndAStartDoesNot() throws {
    let tokenizer = try Tokenizer(Fixture.named("spm").vocabulary())
    let ids = tokenizer.encode("geese fly", .piece)
    #expect(tokenizer.decode(ids) == "geese fly")
    #expect(tokenizer.decode(ids, .continuation) == " geese fly")
    #expect(stream(ids, tokenizer, .continuation).joined() == " geese fly")
  }

  @Test func specialTokensAreShownOnRequest() throws {
    let tokenizer = try Tokenizer(Fixture.named("spm").vocabulary())
    let ids = tokenizer.encode("<|im_start|>geese</s>", EncodingOptions(addSpecial: true, parseSpecial: true))
    #expect(ids.first == tokenizer.bos)
    #expect(ids.last == tokenizer.eos)
    #expect(tokenizer.decode(ids) == "geese")
    #expect(tokenizer.decode(ids, DecodingOptions(includeSpecial: true)) == "<s><|im_start|>geese</s>")
    #expect(!tokenizer.encode("<|im_start|>geese</s>", .piece).contains { $0 == tokenizer.eos })
  }

  @Test func idsOutsideTheVocabularyAreReplacementCharacters() throws {
    let tokenizer = try Tokenizer(Fixture.named("spm").vocabulary())
    #expect(
      tokenizer.decode([-1, Int32.min, Int32.max, Int32(tokenizer.tokenCount)])
        == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(tokenizer.describe(-1) == nil)
    #expect(tokenizer.describe(Int32(tokenizer.tokenCount)) == nil)
    #expect(tokenizer.describe(1)?.kind == .control)
  }
}
