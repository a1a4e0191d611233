import Foundation
import SkeinText
import Testing

/// Tokens and text are exactly those of the libraries.
struct PipelineTests {
  static let all = PipelineFixture.pipelines + PipelineFixture.models

  @Test(arguments: all)
  func textBecomesTheTokensOfTheLibrary(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    #expect(fixture.cases.count > 30)
    for example in fixture.cases {
      #expect(
        tokenizer.encode(example.text, .prompt) == example.ids, "\(name): \(example.text.debugDescription)")
      #expect(
        tokenizer.encode(example.text, .template) == example.idsWithoutSpecial,
        "\(name): \(example.text.debugDescription)")
    }
  }

  @Test(arguments: PipelineFixture.pipelines)
  func pairsBecomeTheTokensOfTheLibrary(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    #expect(!fixture.pairs.isEmpty)
    for pair in fixture.pairs {
      #expect(tokenizer.encode(pair.first, and: pair.second, .prompt) == pair.ids, "\(name): \(pair)")
    }
  }

  @Test(arguments: all)
  func tokensBecomeTheTextOfTheLibrary(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    for example in fixture.decoding {
      // Not ==, which takes canonically equivalent strings for equal.
      #expect(
        tokenizer.decode(example.ids).utf8.elementsEqual(example.text.utf8),
        "\(name): \(example.ids): \(tokenizer.decode(example.ids).debugDescription)")
      guard let wanted = example.textWithSpecial else { continue }
      let text = tokenizer.decode(example.ids, DecodingOptions(includeSpecial: true))
      #expect(text.utf8.elementsEqual(wanted.utf8), "\(name): \(example.ids): \(text.debugDescription)")
    }
  }

  @Test(arguments: all)
  func whatIsStreamedIsWhatIsDecoded(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    var generator = SystemRandomNumberGenerator()
    let random = (0..<50).map { _ in
      (0..<30).map { _ in Int32.random(in: -1...Int32(tokenizer.tokenCount), using: &generator) }
    }
    for ids in fixture.decoding.map(\.ids) + random {
      for options in [
        DecodingOptions.text, .continuation, DecodingOptions(includeSpecial: true),
        DecodingOptions(position: .continuation, includeSpecial: true),
      ] {
        var detokenizer = tokenizer.makeDetokenizer(options)
        let parts = ids.compactMap { detokenizer.append($0) }
        let joined = parts.joined() + detokenizer.finish()
        #expect(!parts.contains(""))
        #expect(joined.utf8.elementsEqual(tokenizer.decode(ids, options).utf8), "\(name): \(ids)")
      }
    }
  }

  @Test(arguments: ["phi-3", "llama-2-legacy", "t5", "spm-llama", "spm-unigram", "bert-uncased"])
  func aContinuationKeepsItsFirstSpace(_ name: String) throws {
    let tokenizer = try PipelineFixture.named(name).tokenizer()
    let ids = tokenizer.encode("the river", .piece)
    #expect(tokenizer.decode(ids) == "the river")
    #expect(tokenizer.decode(ids, .continuation) == " the river")
  }

  @Test(arguments: ["llama-3", "gemma", "gpt-4o", "deepseek-v3", "tekken"])
  func textsComeBackWhole(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    let tokenizer = try fixture.tokenizer()
    for text in fixture.cases.map(\.text) {
      let back = tokenizer.decode(tokenizer.encode(text, .piece), DecodingOptions(includeSpecial: true))
      // Gemma's visible spaces are spaces in the end.
      let wanted = name == "gemma" ? text.replacingOccurrences(of: "▁", with: " ") : text
      #expect(back.utf8.elementsEqual(wanted.utf8), "\(name): \(text.debugDescription)")
    }
  }

  @Test func specialTokensAreMadeFromTextOnlyWhereAsked() throws {
    let tokenizer = try PipelineFixture.named("llama-3").tokenizer()
    let special = try #require(tokenizer.token(for: "<|user|>"))
    #expect(tokenizer.encode("a<|user|>b", .template).contains(special))
    #expect(!tokenizer.encode("a<|user|>b", .piece).contains(special))
    #expect(tokenizer.describe(special)?.kind == .control)
    #expect(tokenizer.format == .huggingFace)
    #expect(tokenizer.vocabulary == nil)
  }

  @Test func aMegabyteOfAnythingTakesSeconds() throws {
    for name in [
      "llama-3", "gemma", "llama-2-legacy", "phi-3", "t5", "bert-uncased", "spm-llama", "spm-unigram",
    ] {
      let tokenizer = try PipelineFixture.named(name).tokenizer()
      for (kind, text) in SpeedTests.texts {
        let time = ContinuousClock().measure { _ = tokenizer.encode(text) }
        #expect(time < .seconds(30), "\(name): \(kind): \(time)")
      }
    }
  }
}
