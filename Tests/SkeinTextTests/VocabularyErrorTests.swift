import SkeinText
import Testing

/// Whatever a file says, the answer is a tokenizer or an error that says what is wrong.
struct VocabularyErrorTests {
  static let bytes = ["a", "b", "c", "ab", "abc"]

  private func code(_ change: (inout Vocabulary) -> Void) -> TokenizerError.Code? {
    var vocabulary = Vocabulary(
      model: .bpe, tokens: Self.bytes, merges: ["a b", "ab c"], preTokenizer: "gpt-2")
    change(&vocabulary)
    do throws(TokenizerError) {
      _ = try Tokenizer(vocabulary)
      return nil
    } catch {
      #expect(error.description.count > 40, "an error explains itself")
      return error.code
    }
  }

  @Test func contradictionsAreNamed() {
    #expect(code { _ in } == nil)
    #expect(code { $0.tokens = [] } == .emptyVocabulary)
    #expect(code { $0.tokens[1] = "a" } == .duplicateToken)
    #expect(code { $0.kinds = [.normal] } == .countMismatch)
    #expect(code { $0.scores = [1] } == .countMismatch)
    #expect(code { $0.model = .spm } == .countMismatch)
    #expect(
      code {
        $0.model = .spm
        $0.scores = [0, 0, .nan, 0, 0]
      } == .invalidScore)
    #expect(code { $0.merges = [] } == .missingMerges)
    #expect(code { $0.merges = ["ab"] } == .invalidMerge)
    #expect(code { $0.merges = [""] } == .invalidMerge)
    #expect(code { $0.merges = [" "] } == .invalidMerge)
    #expect(code { $0.merges = ["a x"] } == .invalidMerge)
    #expect(code { $0.merges = ["a 漢"] } == .invalidMerge)
    #expect(code { $0.merges = ["b c"] } == .invalidMerge)
    #expect(code { $0.bos = 5 } == .idOutOfRange)
    #expect(code { $0.eos = -1 } == .idOutOfRange)
    #expect(code { $0.endOfGeneration = [99] } == .idOutOfRange)
    #expect(code { $0.addBOS = true } == .missingSpecialToken)
    #expect(code { $0.addEOS = true } == .missingSpecialToken)
    #expect(code { $0.preTokenizer = nil } == .missingPreTokenizer)
    #expect(code { $0.preTokenizer = "" } == .missingPreTokenizer)
    #expect(code { $0.preTokenizer = "gpt-2 " } == .unknownPreTokenizer)
  }

  @Test func anUnknownPreTokenizerIsNamedAndTheKnownOnesListed() {
    var vocabulary = Vocabulary(model: .bpe, tokens: Self.bytes, merges: ["a b"])
    vocabulary.preTokenizer = "goose-9"
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(vocabulary) }
    #expect(error?.message.contains("'goose-9'") == true)
    for name in ["gpt-2", "llama-bpe", "qwen2", "deepseek-llm"] {
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test func anOldFileIsReadWhereItsArchitectureLeavesNoDoubt() throws {
    var vocabulary = Vocabulary(model: .bpe, tokens: Self.bytes, merges: ["a b", "ab c"])
    vocabulary.architecture = "gpt2"
    #expect(try Tokenizer(vocabulary).encode("abc") == [4])
    vocabulary.architecture = "llama"
    #expect(throws: TokenizerError.self) { try Tokenizer(vocabulary) }
  }

  @Test func kindsAreChecked() throws {
    #expect(try Vocabulary.kinds(ofRawValues: [0, 1, 6]) == [.normal, .normal, .byte])
    for value: Int32 in [7, -1, .max, .min] {
      let error = #expect(throws: TokenizerError.self) { try Vocabulary.kinds(ofRawValues: [1, value]) }
      #expect(error?.code == .invalidKind)
    }
  }

  @Test func canonicallyEquivalentTokensAreDifferent() throws {
    let vocabulary = Vocabulary(
      model: .spm, tokens: ["\u{E9}", "e\u{301}", "e", "\u{301}"], scores: [0, -1, -2, -3])
    let tokenizer = try Tokenizer(vocabulary)
    var options = Vocabulary(model: .spm, tokens: vocabulary.tokens, scores: vocabulary.scores)
    options.addSpacePrefix = false
    #expect(try Tokenizer(options).encode("\u{E9}e\u{301}") == [0, 1])
    #expect(tokenizer.token(for: "e\u{301}") == 1)
  }

  /// Vocabularies of random strings: nothing traps, and every token that comes out exists.
  @Test func randomVocabulariesDoNotTrap() throws {
    var generator = SystemRandomNumberGenerator()
    let parts = [
      "a", "b", "▁", "Ġ", " ", "é", "漢", "<", "0x", ">", "<0x41>", "<0xZZ>", "\n", "\0", "|", "ab", "",
    ]
    func random() -> String {
      (0..<Int.random(in: 0...4, using: &generator)).map { _ in parts.randomElement(using: &generator)! }
        .joined()
    }
    let texts = try Fixture.texts().prefix(120) + parts.map { $0 + "ab<0x41> ▁Ġ" }
    for round in 0..<300 {
      let tokens = Array(Set((0..<Int.random(in: 1...40, using: &generator)).map { _ in random() }))
      var vocabulary = Vocabulary(
        model: Vocabulary.Model.allCases[round % 4], tokens: tokens,
        scores: tokens.map { _ in Float.random(in: -3...0, using: &generator).rounded() },
        kinds: tokens.map { _ in Vocabulary.TokenKind.allCases.randomElement(using: &generator)! },
        merges: [], preTokenizer: Tokenizer.preTokenizerNames.randomElement(using: &generator))
      for left in tokens {
        for right in tokens where tokens.contains(left + right) && !left.isEmpty && !right.isEmpty {
          vocabulary.merges.append("\(left) \(right)")
        }
      }
      vocabulary.unknown = Bool.random(using: &generator) ? 0 : nil
      vocabulary.removeExtraWhitespace = Bool.random(using: &generator)
      guard let tokenizer = try? Tokenizer(vocabulary) else { continue }
      for text in texts {
        let ids = tokenizer.encode(text, EncodingOptions(parseSpecial: Bool.random(using: &generator)))
        #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokens.count })
        _ = tokenizer.decode(ids)
      }
    }
  }
}
