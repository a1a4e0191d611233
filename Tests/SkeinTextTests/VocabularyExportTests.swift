import Foundation
import Testing

@testable import SkeinText

/// Tokenizers of folders in the words of GGUF.
struct VocabularyExportTests {
  private func export(_ name: String) throws -> (fixture: PipelineFixture, result: VocabularyExport) {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    let export = try fixture.file.withUnsafeBytes { bytes in
      fixture.isJSON
        ? try VocabularyExport(
          json: bytes, path: name, configuration: TokenizerConfiguration(),
          tokenCount: tokenizer.tokenCount + 3)
        : try VocabularyExport(
          sentencePiece: bytes, path: name, configuration: TokenizerConfiguration(),
          tokenCount: tokenizer.tokenCount + 3)
    }
    return (fixture, export)
  }

  @Test(arguments: [
    ("llama-3", "llama-bpe"), ("qwen-2", "qwen2"), ("deepseek-v3", "deepseek-v3"), ("gpt-4o", "gpt-4o"),
    ("tekken", "tekken"), ("gpt-neox", "gpt-2"), ("kimi", "kimi-k2"), ("deepseek-llm", "deepseek-coder"),
  ])
  func rulesForWordsAreCalledByTheirNames(_ name: String, _ rules: String) throws {
    let vocabulary = try #require(try export(name).result.vocabulary)
    #expect(vocabulary.model == .bpe && vocabulary.preTokenizer == rules)
    #expect(vocabulary.kinds.suffix(3) == [.unused, .unused, .unused])
    #expect(vocabulary.tokens.count == vocabulary.kinds.count)
  }

  @Test(arguments: ["tekken", "deepseek-v3", "kimi", "deepseek-llm", "gemma"])
  func textBecomesTheSameTokens(_ name: String) throws {
    let (fixture, result) = try export(name)
    let tokenizer = try Tokenizer(#require(result.vocabulary))
    #expect(fixture.cases.count > 30)
    for example in fixture.cases {
      #expect(
        tokenizer.encode(example.text, .template) == example.idsWithoutSpecial,
        "\(name): \(example.text.debugDescription)")
      #expect(tokenizer.encode(example.text, .prompt) == example.ids, "\(name)")
    }
  }

  @Test(arguments: ["albert", "bert-cased", "clip", "words", "bytes-normalized", "spm-unigram"])
  func whatGGUFCannotSayIsLeftOut(_ name: String) throws {
    let result = try export(name).result
    #expect(result.vocabulary == nil)
    #expect(result.warnings.count == 1 && result.warnings[0].contains("left out"))
  }

  @Test func differencesAreWarnings() throws {
    // A space is put in front of every text, which no key says.
    let result = try export("roberta").result
    #expect(result.vocabulary != nil)
    #expect(result.warnings.contains { $0.contains("space in front") })
    #expect(result.warnings.contains { $0.contains("become other tokens") })
  }

  @Test func samplesTellAllKnownRulesApart() throws {
    let matcher = Matcher()
    var seen: [[[Int]]: PreTokenizer] = [:]
    var same: [[String]] = []
    for rules in PreTokenizer.catalog where !rules.escapesSpaces {
      let splitter = try WordSplitter(rules.stages)
      let ends = PreTokenizer.samples.map { text in
        Array(text.utf8).withUnsafeBufferPointer {
          splitter.split($0.baseAddress!, count: $0.count, with: matcher)
        }
      }
      if let other = seen.updateValue(rules, forKey: ends), "\(other.stages)" != "\(rules.stages)" {
        same.append([other.names[0], rules.names[0]])
      }
    }
    // Their expressions say the same in other words.
    #expect(same == [["qwen2", "bailingmoe"]])
    #expect(seen.count > 20)
  }
}
