import Foundation
import SkeinText
import Testing

/// What is wrong with a file is said, and nothing that a file can hold crashes.
struct TokenizerFileTests {
  private func object(_ name: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: PipelineFixture.named(name).file) as? [String: Any])
  }

  private func error(_ root: [String: Any]) throws -> TokenizerError? {
    let data = try JSONSerialization.data(withJSONObject: root)
    return #expect(throws: TokenizerError.self) { _ = try PipelineFixture.tokenizer(data, isJSON: true) }
  }

  @Test(arguments: [
    ("normalizer", "NFKX", "NFKC"), ("pre_tokenizer", "ByteLvel", "ByteLevel"),
    ("decoder", "Metaspaces", "Metaspace"),
    ("post_processor", "TemplateProcesing", "TemplateProcessing"), ("model", "Unigramm", "Unigram"),
    ("pre_tokenizer", "UnicodeScripts", "Digits"),
  ])
  func unknownStepsAreNamedWithTheNearest(_ key: String, _ type: String, _ nearest: String) throws {
    var root = try object("llama-3")
    var step = root[key] as? [String: Any] ?? [:]
    step["type"] = type
    root[key] = step
    let error = try #require(try error(root))
    #expect(error.code == .unknownType)
    for part in ["tokenizer.json", key, type, "'\(nearest)'", "Supported are"] {
      #expect(error.message.contains(part), "\(error)")
    }
  }

  @Test func placesInSequencesAreNamed() throws {
    var root = try object("llama-3")
    root["pre_tokenizer"] = [
      "type": "Sequence", "pretokenizers": [["type": "Whitespace"], ["type": "Splt"]],
    ]
    let message = try #require(try error(root)).message
    #expect(message.contains("pre_tokenizer.pretokenizers[1].type") && message.contains("'Split'"))
  }

  @Test func modelsThatContradictThemselvesAreRefused() throws {
    func refused(_ name: String, _ change: (inout [String: Any]) -> Void) throws -> TokenizerError.Code? {
      var root = try object(name)
      var model = try #require(root["model"] as? [String: Any])
      change(&model)
      root["model"] = model
      return try error(root)?.code
    }
    #expect(try refused("llama-3") { $0["merges"] = [["zzzz", "y"]] } == .invalidMerge)
    #expect(try refused("llama-3") { $0["merges"] = ["a b c"] } == .invalidMerge)
    #expect(try refused("llama-3") { $0["vocab"] = ["a": 1, "b": 1] } == .duplicateToken)
    #expect(try refused("llama-3") { $0["vocab"] = ["a": 4_000_000_000] } == .idOutOfRange)
    #expect(try refused("llama-3") { $0["dropout"] = 0.1 } == .invalidValue)
    #expect(try refused("t5") { $0["unk_id"] = 100_000 } == .idOutOfRange)
    #expect(try refused("t5") { $0["vocab"] = [Any]() } == .emptyVocabulary)
    #expect(try refused("words") { $0["unk_token"] = "nowhere" } == .missingSpecialToken)
  }

  @Test func expressionsThatDoNotCompileAreNamed() throws {
    for expression in ["(", "[a", "[[[[[[[[[[[[[[[[[[[[[[a", "\\p{Nonsense}"] {
      var root = try object("llama-3")
      root["pre_tokenizer"] = [
        "type": "Split", "pattern": ["Regex": expression], "behavior": "Isolated", "invert": false,
      ]
      let error = try #require(try error(root))
      #expect(error.code == .patternFailed)
      #expect(error.message.contains("pre_tokenizer.pattern.Regex"))
    }
  }

  @Test(arguments: ["llama-3", "t5", "spm-bpe", "spm-unigram"])
  func truncatedFilesAreRefused(_ name: String) throws {
    let fixture = try PipelineFixture.named(name)
    for count in stride(from: 0, to: fixture.file.count - 1, by: max(1, fixture.file.count / 400)) {
      let part = fixture.file.prefix(count)
      #expect(throws: TokenizerError.self, "\(count) bytes") {
        _ = try PipelineFixture.tokenizer(Data(part), isJSON: fixture.isJSON)
      }
    }
  }

  /// A thousand files with a few bytes changed, of each kind: each loads and works, or is refused.
  @Test(arguments: [true, false])
  func damagedFilesDoNoHarm(_ isJSON: Bool) throws {
    let names = isJSON ? PipelineFixture.pipelines : PipelineFixture.models
    let files = try names.map { try PipelineFixture.named($0).file }
    var generator = SystemRandomNumberGenerator()
    var loadedCount = 0
    for round in 0..<1000 {
      var file = files[round % files.count]
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<file.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: file[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: file.remove(at: place)
        // A change that is often still JSON.
        default: file[place] = Array("0123456789aeN+-[]{}\",:\\ ".utf8).randomElement(using: &generator) ?? 0
        }
      }
      let time = try ContinuousClock().measure {
        do {
          let tokenizer = try PipelineFixture.tokenizer(file, isJSON: isJSON)
          loadedCount += 1
          for text in ["Hello, world! <s> é 漢字 🙂 1234   x\n", "", " "] {
            let ids = tokenizer.encode(text, .prompt)
            #expect(ids.allSatisfy { $0 >= 0 })
            _ = tokenizer.decode(ids)
          }
        } catch let error as TokenizerError {
          #expect(!error.message.isEmpty)
        }
      }
      #expect(time < .seconds(10), "round \(round)")
    }
    #expect(loadedCount > 0)
  }

  @Test func filesOfOtherKindsAreRefused() throws {
    for text in ["", "{}", "[]", "null", "not JSON", "{\"model\": {}}", "\u{0}\u{1}\u{2}"] {
      for isJSON in [true, false] {
        #expect(throws: TokenizerError.self) {
          _ = try PipelineFixture.tokenizer(Data(text.utf8), isJSON: isJSON)
        }
      }
    }
  }
}
