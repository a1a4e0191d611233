import Foundation
import SkeinText
import Testing

/// Vocabularies of full size, which are too big to keep here: name a folder of files in the format of
/// ``Fixture`` in SKEIN_TOKENIZER_FIXTURES to try them.
struct RealVocabularyTests {
  static let files: [URL] = {
    guard let folder = ProcessInfo.processInfo.environment["SKEIN_TOKENIZER_FIXTURES"] else { return [] }
    let all = try? FileManager.default.contentsOfDirectory(
      at: URL(filePath: folder), includingPropertiesForKeys: nil)
    return (all ?? []).filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
  }()

  @Test(.enabled(if: !files.isEmpty), arguments: files)
  func tokensMatch(_ file: URL) throws {
    let fixture = try Fixture.load(file)
    let clock = ContinuousClock()
    var tokenizer: Tokenizer?
    let buildTime = try clock.measure { tokenizer = try Tokenizer(fixture.vocabulary()) }
    let built = try #require(tokenizer)
    var failures = 0
    for example in fixture.cases where built.encode(example.text, .piece) != example.ids {
      failures += 1
      Issue.record(
        "\(file.lastPathComponent): \(example.text.debugDescription): \(built.encode(example.text, .piece)) not \(example.ids)"
      )
    }
    var lossy = 0
    for example in fixture.cases where built.decode(built.encode(example.text)) != example.text { lossy += 1 }
    print(
      file.lastPathComponent, "cases", fixture.cases.count, "failed", failures, "not restored", lossy, "built in",
      buildTime, "unencodable", built.unencodableBytes)
  }
}
