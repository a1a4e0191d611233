import Foundation
import SkeinText
import Testing

/// A megabyte of anything is encoded in seconds and comes back whole.
@Suite(.serialized)
struct SpeedTests {
  #if DEBUG
    static let byteCount = 1 << 16
  #else
    static let byteCount = 1 << 20
  #endif

  /// Texts that are easy to make quadratic, and an ordinary one.
  static let texts: [(name: String, text: String)] = {
    func fill(_ unit: String) -> String {
      String(repeating: unit, count: byteCount / unit.utf8.count)
    }
    // An ordinary text: words of a skewed frequency, from a fixed generator.
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let syllables = ["an", "tor", "is", "the", "q", "ou", "ing", "er", "kal", "Mé", "ß", "ши", "文", "s"]
    let lexicon = (0..<20_000).map { _ in (0...random(4)).map { _ in syllables[random(14)] }.joined() }
    var prose = ""
    while prose.utf8.count < byteCount {
      prose += lexicon[random(random(20_000) + 1)]
      prose += random(12) == 0 ? ",\n" : random(30) == 0 ? " \(random(5000)) " : " "
    }
    var word = ""
    while word.utf8.count < byteCount { word += syllables[random(14)] }
    return [
      ("prose", prose), ("a", fill("a")), ("spaces", fill(" ")), ("spaces then a letter", fill(" ") + "a"),
      ("one word", word), ("emoji", fill("😶‍🌫️")), ("digits", fill("7")), ("line feeds", fill("\n")),
      ("tabs and line feeds", fill("\t\n")), ("apostrophes", fill("'")), ("punctuation", fill("!?")),
      ("carriage returns", fill(" \r")), ("Han", fill("漢")), ("marks", fill("e\u{301}")),
      ("half a special token", fill("<|im_")), ("mixed case", fill("aB")),
      ("letters and spaces", fill("a b ")), ("zero bytes", fill("\0")),
    ]
  }()

  @Test(arguments: [
    "bpe-gpt-2", "bpe-llama-bpe", "bpe-deepseek-llm", "bpe-gpt-4o", "bpe-tekken", "bpe-kimi-k2",
    "bpe-exaone-moe", "bpe-jais-2", "bpe-bloom", "spm", "gemma4", "wpm",
  ])
  func aMegabyteTakesSeconds(_ name: String) throws {
    try Self.run(Tokenizer(Fixture.named(name).vocabulary()), name)
  }

  @Test(.enabled(if: !RealVocabularyTests.files.isEmpty), arguments: RealVocabularyTests.files)
  func aMegabyteWithRealVocabularies(_ file: URL) throws {
    try Self.run(Tokenizer(Fixture.load(file).vocabulary()), file.lastPathComponent)
  }

  private static func run(_ tokenizer: Tokenizer, _ name: String) throws {
    var report = name + ":"
    for (kind, text) in texts {
      var ids: [Int32] = []
      let time = ContinuousClock().measure { ids = tokenizer.encode(text) }
      report += " \(kind) \((time / .milliseconds(1)).rounded())ms;"
      if tokenizer.vocabulary?.model != .wpm, tokenizer.unencodableBytes.isEmpty {
        #expect(tokenizer.decode(ids) == text, "\(name): \(kind) does not come back")
      }
      // On a free machine every one takes less than a second; this is to find what is quadratic.
      #expect(time < .seconds(30), "\(name): \(kind)")
    }
    print(report)
  }
}
