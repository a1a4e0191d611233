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
  /// Without special tokens round the text or made from it.
  var cases: [Case]
  /// With special tokens made from the text.
  var specialCases: [Case]?

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
    return vocabulary
  }
}
