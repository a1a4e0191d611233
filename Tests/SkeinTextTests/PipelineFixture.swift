import Foundation
import SkeinText
import Testing

/// A tokenizer in the shape of a well-known model, with what Hugging Face's or Google's library makes of
/// texts. `Tests/Oracle/make_tokenizer_fixtures.py` made them.
struct PipelineFixture {
  struct Case {
    var text: String
    var ids: [Int32]
    var idsWithoutSpecial: [Int32]
  }

  struct Pair {
    var first: String
    var second: String
    var ids: [Int32]
  }

  struct Decoding {
    var ids: [Int32]
    var text: String
    /// Nil where the library does not offer it.
    var textWithSpecial: String?
  }

  let name: String
  /// A `tokenizer.json` or a SentencePiece model.
  let file: Data
  let isJSON: Bool
  var cases: [Case] = []
  var pairs: [Pair] = []
  var decoding: [Decoding] = []

  static let pipelines = [
    "albert", "bert-cased", "bert-uncased", "bytes-normalized", "clip", "deepseek-llm", "deepseek-v3",
    "falcon",
    "gemma", "gpt-4o", "gpt-neox", "kimi", "llama-2-legacy", "llama-3", "mt5", "phi-3", "prefixed", "qwen-2",
    "roberta", "split-contiguous", "suffixed", "t5", "tekken", "unigram-bytes", "words", "words-ctc",
  ]
  static let models = [
    "spm-bpe", "spm-bpe-suffix", "spm-llama", "spm-unigram", "spm-unigram-bytes", "spm-unigram-suffix",
  ]

  static func named(_ name: String) throws -> PipelineFixture {
    let url = Bundle.module.bundleURL.appending(path: "Fixtures/pipelines/\(name).json")
    let root = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    var fixture: PipelineFixture
    if let model = root["model"] as? String {
      fixture = try PipelineFixture(name: name, file: #require(Data(base64Encoded: model)), isJSON: false)
    } else {
      let tokenizer = try #require(root["tokenizer"])
      fixture = try PipelineFixture(
        name: name, file: JSONSerialization.data(withJSONObject: tokenizer), isJSON: true)
    }
    for entry in try #require(root["cases"] as? [[Any]]) {
      fixture.cases.append(
        Case(text: try text(entry[0]), ids: try ids(entry[1]), idsWithoutSpecial: try ids(entry[2])))
    }
    for entry in try #require(root["pairs"] as? [[Any]]) {
      fixture.pairs.append(
        Pair(first: try text(entry[0]), second: try text(entry[1]), ids: try ids(entry[2])))
    }
    for entry in try #require(root["decoding"] as? [[Any]]) {
      fixture.decoding.append(
        Decoding(ids: try ids(entry[0]), text: try text(entry[1]), textWithSpecial: entry[2] as? String))
    }
    return fixture
  }

  private static func text(_ value: Any) throws -> String { try #require(value as? String) }
  private static func ids(_ value: Any) throws -> [Int32] { try #require(value as? [Int]).map { Int32($0) } }

  func tokenizer(_ configuration: TokenizerConfiguration = TokenizerConfiguration()) throws -> Tokenizer {
    try Self.tokenizer(file, isJSON: isJSON, configuration)
  }

  static func tokenizer(
    _ file: Data, isJSON: Bool, _ configuration: TokenizerConfiguration = TokenizerConfiguration()
  ) throws -> Tokenizer {
    try file.withUnsafeBytes { bytes in
      if isJSON { return try Tokenizer(json: bytes, path: "tokenizer.json", configuration: configuration) }
      return try Tokenizer(sentencePiece: bytes, path: "tokenizer.model", configuration: configuration)
    }
  }
}
