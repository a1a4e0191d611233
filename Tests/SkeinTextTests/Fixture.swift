import Foundation
import SkeinText
import Testing

/// A vocabulary with texts and the tokens that another implementation makes of them.
struct Fixture: Decodable {
  struct Case: Decodable {
    var text: String
    var ids: [Int32]

    init(from decoder: any Decoder) throws {
      var parts = try decoder.unkeyedContainer()
      text = try parts.decode(String.self)
      ids = try parts.decode([Int32].self)
    }
  }

  var model: String
  var pre: String?
  var name: String?
  var architecture: String?
  var tokens: [String]
  var merges: [String]?
  var scores: [Float]?
  var kinds: [Int32]?
  var bos: Int32?
  var eos: Int32?
  var unknown: Int32?
  var separator: Int32?
  var addBOS: Bool?
  var addEOS: Bool?
  var addSpacePrefix: Bool?
  var removeExtraWhitespace: Bool?
  var lowercase: Bool?
  var takesWholeWords: Bool?
  /// Without special tokens round the text or made from it.
  var cases: [Case]?
  /// The same for the texts of `texts.json`, in order.
  var expected: [[Int32]]?
  /// With special tokens made from the text.
  var specialCases: [Case]?

  private struct Texts: Decodable {
    var texts: [String]
  }

  /// The texts that fixtures share.
  static func texts() throws -> [String] {
    let url = Bundle.module.bundleURL.appending(path: "Fixtures/texts.json")
    return try JSONDecoder().decode(Texts.self, from: Data(contentsOf: url)).texts
  }

  /// Texts and their tokens, without special tokens round the text or made from it.
  func examples() throws -> [(text: String, ids: [Int32])] {
    var examples = (cases ?? []).map { ($0.text, $0.ids) }
    if let expected {
      let texts = try Self.texts()
      try #require(texts.count == expected.count)
      examples += zip(texts, expected)
    }
    return examples
  }

  static func load(_ url: URL) throws -> Fixture {
    try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
  }

  /// One of the files beside the tests.
  static func named(_ name: String) throws -> Fixture {
    let url = Bundle.module.bundleURL.appending(path: "Fixtures/\(name).json")
    return try load(url)
  }

  func vocabulary() throws -> Vocabulary {
    let model = try #require(Vocabulary.Model(rawValue: model))
    var vocabulary = Vocabulary(
      model: model, tokens: tokens, scores: scores ?? [],
      kinds: try Vocabulary.kinds(ofRawValues: kinds ?? []), merges: merges ?? [], preTokenizer: pre)
    vocabulary.modelName = name
    vocabulary.architecture = architecture
    vocabulary.bos = bos
    vocabulary.eos = eos
    vocabulary.unknown = unknown
    vocabulary.separator = separator
    vocabulary.addBOS = addBOS
    vocabulary.addEOS = addEOS
    vocabulary.addSpacePrefix = addSpacePrefix
    vocabulary.removeExtraWhitespace = removeExtraWhitespace ?? false
    vocabulary.lowercase = lowercase
    vocabulary.takesWholeWords = takesWholeWords
    return vocabulary
  }
}
