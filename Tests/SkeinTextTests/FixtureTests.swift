import SkeinText
import Testing

/// Tokens are those that the libraries the models were trained with give.
struct FixtureTests {
  static let bytePairs = [
    "bpe-gpt-2", "bpe-starcoder", "bpe-falcon", "bpe-llama-bpe", "bpe-dbrx", "bpe-qwen2", "bpe-qwen35",
    "bpe-deepseek-llm", "bpe-deepseek-coder", "bpe-deepseek-v3", "bpe-gpt-4o", "bpe-tekken", "bpe-kimi-k2",
    "bpe-bailingmoe", "bpe-exaone-moe", "bpe-seed-coder", "bpe-bloom", "bpe-viking", "bpe-jais-2",
    "bpe-minicpm5", "bpe-tiny_aya", "bpe-youtu",
  ]
  static let sentencePieces = ["spm", "spm-no-bytes", "spm-collapsing"]

  @Test(arguments: bytePairs + sentencePieces + ["gemma4", "wpm"])
  func textBecomesTheExpectedTokens(_ name: String) throws {
    let fixture = try Fixture.named(name)
    let tokenizer = try Tokenizer(fixture.vocabulary())
    for example in try fixture.examples() {
      let ids = tokenizer.encode(example.text, .piece)
      #expect(ids == example.ids, "\(name): \(example.text.debugDescription)")
    }
  }

  @Test(arguments: bytePairs)
  func specialTokensAreTakenFromTheText(_ name: String) throws {
    let fixture = try Fixture.named(name)
    let tokenizer = try Tokenizer(fixture.vocabulary())
    for example in try #require(fixture.specialCases) {
      let ids = tokenizer.encode(example.text, .template)
      #expect(ids == example.ids, "\(name): \(example.text.debugDescription)")
      #expect(tokenizer.decode(ids, DecodingOptions(includeSpecial: true)) == example.text)
    }
  }

  @Test(arguments: bytePairs + ["spm", "gemma4"])
  func tokensBecomeTheTextAgain(_ name: String) throws {
    let tokenizer = try Tokenizer(Fixture.named(name).vocabulary())
    #expect(tokenizer.unencodableBytes.isEmpty)
    for text in try Fixture.texts() {
      for options in [EncodingOptions.text, .piece, .template] {
        let back = tokenizer.decode(tokenizer.encode(text, options))
        // Not ==, which takes canonically equivalent strings for equal.
        #expect(back.utf8.elementsEqual(text.utf8), "\(name): \(text.debugDescription)")
      }
    }
  }

  @Test func aWordThatIsATokenIsTakenWholeOnlyWhereTheModelSaysSo() throws {
    var vocabulary = try Fixture.named("bpe-llama-bpe").vocabulary()
    let whole = try Tokenizer(vocabulary)
    let geese = try #require(whole.token(for: "Ġgeese"))
    #expect(whole.encode(" geese", .piece) == [geese])
    vocabulary.preTokenizer = "dbrx"
    #expect(try Tokenizer(vocabulary).encode(" geese", .piece).count > 1)
    vocabulary.takesWholeWords = true
    #expect(try Tokenizer(vocabulary).encode(" geese", .piece) == [geese])
  }

  @Test func charactersTakeASpacePrefixWhereAsked() throws {
    var vocabulary = try Fixture.named("gemma4").vocabulary()
    let plain = try Tokenizer(vocabulary)
    vocabulary.addSpacePrefix = true
    let prefixed = try Tokenizer(vocabulary)
    #expect(prefixed.encode("geese", .piece) == plain.encode(" geese", .piece))
    #expect(prefixed.decode(prefixed.encode("geese")) == "geese")
    #expect(prefixed.decode(prefixed.encode(" geese")) == " geese")
  }

  @Test func wordPiecesJoinToWords() throws {
    let tokenizer = try Tokenizer(Fixture.named("wpm").vocabulary())
    let ids = tokenizer.encode("The GEESE   fly-south.")
    #expect(ids.first == tokenizer.token(for: "[CLS]"))
    #expect(ids.last == tokenizer.token(for: "[SEP]"))
    #expect(tokenizer.decode(ids) == "the geese fly - south .")
  }

  @Test func digitsAreGroupedFromTheRight() throws {
    var vocabulary = try Fixture.named("bpe-llama-bpe").vocabulary()
    vocabulary.preTokenizer = "superbpe"
    let tokenizer = try Tokenizer(vocabulary)
    let single = try Tokenizer(Fixture.named("bpe-llama-bpe").vocabulary())
    for (text, parts) in [
      ("1234567", ["1", "234", "567"]), ("12", ["12"]), ("a123b4567", ["a", "123", "b", "4", "567"]),
      ("١٢٣٤", ["١", "٢٣٤"]),
    ] {
      #expect(tokenizer.encode(text, .piece) == parts.flatMap { single.encode($0, .piece) })
    }
  }

  @Test func everyKnownNameBuilds() throws {
    var vocabulary = try Fixture.named("bpe-gpt-2").vocabulary()
    #expect(Set(Tokenizer.preTokenizerNames).count == Tokenizer.preTokenizerNames.count)
    for name in Tokenizer.preTokenizerNames where !["gemma4", "sarvam-moe"].contains(name) {
      vocabulary.preTokenizer = name
      let tokenizer = try Tokenizer(vocabulary)
      #expect(tokenizer.preTokenizerName == name)
      for text in try Fixture.texts() {
        #expect(tokenizer.decode(tokenizer.encode(text, .piece)).utf8.elementsEqual(text.utf8), "\(name)")
      }
    }
  }

  @Test func manyTasksShareATokenizer() async throws {
    let tokenizer = try Tokenizer(Fixture.named("bpe-deepseek-v3").vocabulary())
    let texts = try Fixture.texts()
    let expected = texts.map { tokenizer.encode($0) }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 { group.addTask { texts.map { tokenizer.encode($0) } == expected } }
      for try await same in group { #expect(same) }
    }
  }
}
