import Foundation
import SkeinText
import Testing

/// What the files beside a tokenizer say of it.
struct ConfigurationTests {
  private func configuration(_ files: String...) throws -> TokenizerConfiguration {
    var configuration = TokenizerConfiguration()
    for file in files {
      try Data(file.utf8).withUnsafeBytes { try configuration.read($0, path: "tokenizer_config.json") }
    }
    return configuration
  }

  @Test func tokensAreTextsOrObjects() throws {
    let configuration = try configuration(
      #"{"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null}"#,
      #"{"pad_token": "<pad>", "bos_token": "other", "additional_special_tokens": ["<a>", {"content": "<b>"}]}"#
    )
    #expect(configuration.specialTokens == ["bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"])
    #expect(configuration.additionalSpecialTokens == ["<a>", "<b>"])
  }

  @Test func whatIsSaidOfUseIsKept() throws {
    var configuration = try configuration(
      #"{"padding_side": "left", "model_max_length": 4096, "tokenizer_class": "LlamaTokenizer", "#
        + #""add_bos_token": true, "chat_template": [{"name": "default", "template": "a"}, "#
        + #"{"name": "tool_use", "template": "b"}]}"#,
      #"{"model_max_length": 1000000000000000019884624838656}"#)
    #expect(configuration.paddingSide == .left)
    #expect(configuration.longestInput == 4096)
    #expect(configuration.addBOS == true)
    #expect(configuration.addEOS == nil)
    #expect(configuration.tokenizerClass == "LlamaTokenizer")
    #expect(configuration.chatTemplates == ["default": "a", "tool_use": "b"])
    for (text, ids) in [
      (#"{"eos_token_id": 7}"#, [7]), (#"{"eos_token_id": [7, 9]}"#, [7, 9]), ("{}", [7, 9]),
    ] {
      try Data(text.utf8).withUnsafeBytes {
        try configuration.readGeneration($0, path: "generation_config.json")
      }
      #expect(configuration.endOfGeneration == ids.map { Int32($0) })
    }
    try Data(#"{"chat_template": "c"}"#.utf8).withUnsafeBytes {
      try configuration.readChatTemplates($0, path: "chat_template.json")
    }
    #expect(configuration.chatTemplates["default"] == "c")
  }

  @Test func valuesThatCannotBeAreNamed() throws {
    for (text, key) in [
      (#"{"padding_side": "top"}"#, "padding_side"), (#"{"add_bos_token": 1}"#, "add_bos_token"),
      (#"{"added_tokens_decoder": {"x": {"content": "a"}}}"#, "added_tokens_decoder.x"), ("[]", "object"),
      (#"{"chat_template": 3}"#, "chat_template"), ("{", "Line 1"),
    ] {
      let error = #expect(throws: TokenizerError.self) { try configuration(text) }
      #expect(error?.message.contains(key) == true, "\(text)")
      #expect(error?.message.contains("tokenizer_config.json") == true)
    }
  }

  @Test func theFileAloneSaysWhatGoesRoundATextAsInTransformers() throws {
    let said = #"{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": BOS, "add_eos_token": EOS}"#
    for (name, addsBOS) in [("qwen-2", false), ("llama-3", true)] {
      let fixture = try PipelineFixture.named(name)
      let plain = try fixture.tokenizer()
      #expect(plain.bos == nil && plain.endOfGeneration.isEmpty)
      for flag in ["true", "false"] {
        let text = said.replacingOccurrences(of: "BOS", with: flag).replacingOccurrences(
          of: "EOS", with: flag)
        let tokenizer = try fixture.tokenizer(configuration(text))
        let bos = try #require(tokenizer.bos)
        #expect(tokenizer.addsBOS == addsBOS && !tokenizer.addsEOS)
        #expect(tokenizer.encode("geese", .text) == (addsBOS ? [bos] : []) + plain.encode("geese", .piece))
        #expect(tokenizer.encode("geese", .piece) == plain.encode("geese", .piece))
        #expect(tokenizer.endOfGeneration == [try #require(tokenizer.eos)])
      }
    }
  }

  @Test func tokensThatOnlyTheConfigurationNamesAreAdded() throws {
    let fixture = try PipelineFixture.named("llama-3")
    let before = try fixture.tokenizer().tokenCount
    let tokenizer = try fixture.tokenizer(
      configuration(#"{"pad_token": "<|fill|>", "additional_special_tokens": ["<|tool|>"]}"#))
    #expect(tokenizer.padding == Int32(before))
    #expect(tokenizer.token(for: "<|tool|>") == Int32(before + 1))
    #expect(tokenizer.encode("a<|tool|>", .template).last == Int32(before + 1))
    #expect(tokenizer.tokenCount == before + 2)
  }

  @Test func textsOfDifferentLengthsArePadded() throws {
    let fixture = try PipelineFixture.named("llama-3")
    let tokenizer = try fixture.tokenizer(configuration(#"{"pad_token": "<pad>", "padding_side": "left"}"#))
    let fill = try #require(tokenizer.padding)
    let left = try tokenizer.pad([[1, 2, 3], [4], []])
    #expect(left.ids == [[1, 2, 3], [fill, fill, 4], [fill, fill, fill]])
    #expect(left.mask == [[1, 1, 1], [0, 0, 1], [0, 0, 0]])
    let right = try tokenizer.pad([[1, 2, 3], [4]], side: .right)
    #expect(right.ids == [[1, 2, 3], [4, fill, fill]])
    #expect(right.mask == [[1, 1, 1], [1, 0, 0]])
    #expect(try tokenizer.pad([]) == tokenizer.pad([], side: .right))
    let none = try fixture.tokenizer()
    let error = #expect(throws: TokenizerError.self) { try none.pad([[1]]) }
    #expect(error?.code == .missingSpecialToken)
  }

  @Test func aSentencePieceModelTakesItsSpecialTokensFromTheConfiguration() throws {
    let fixture = try PipelineFixture.named("spm-llama")
    let plain = try fixture.tokenizer()
    #expect(plain.format == .sentencePiece && plain.bos == 1 && !plain.addsBOS)
    #expect(plain.encode("geese", .text) == plain.encode("geese", .piece))
    let llama = try fixture.tokenizer(
      configuration(#"{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>"}"#))
    #expect(llama.encode("geese", .text) == [1] + plain.encode("geese", .piece))
  }
}
