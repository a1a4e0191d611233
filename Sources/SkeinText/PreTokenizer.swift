/// How a BPE vocabulary wants its text cut into words: what `tokenizer.ggml.pre` names.
struct PreTokenizer: Sendable {
  enum Stage: Sendable {
    /// What matches is a word, and so is each stretch between matches.
    case pattern(String)
    /// Runs of digits, cut into threes from the right: 1 234 567.
    case digitGroups
  }

  /// The names in files.
  var names: [String]
  /// Cuts, each applied to the pieces of the one before.
  var stages: [Stage]
  /// A word that is a token is taken whole, even where merges would not have led there.
  var takesWholeWords = false
  /// Whether BOS goes in front where the file does not say.
  var addsBOS = false
  /// Spaces are U+2581 and tokens are spelt in UTF-8, not in the byte alphabet.
  var escapesSpaces = false

  init(_ names: [String], _ stages: [Stage]) {
    self.names = names
    self.stages = stages
  }

  /// The same with whole words taken.
  func takingWholeWords(addingBOS: Bool = false) -> PreTokenizer {
    var copy = self
    copy.takesWholeWords = true
    copy.addsBOS = addingBOS
    return copy
  }

  /// The same over characters, spaces escaped.
  func escapingSpaces() -> PreTokenizer {
    var copy = self
    copy.escapesSpaces = true
    return copy
  }

  /// The rules of `vocabulary`.
  static func resolve(_ vocabulary: Vocabulary) throws(TokenizerError) -> PreTokenizer {
    let known = catalog
    func list() -> String { known.flatMap(\.names).sorted().joined(separator: ", ") }
    var name = vocabulary.preTokenizer ?? ""
    if vocabulary.model == .gemma4 { name = "gemma4" }
    if name.isEmpty, let implied = vocabulary.architecture.flatMap({ impliedNames[$0] }) { name = implied }
    guard !name.isEmpty else {
      throw TokenizerError(
        .missingPreTokenizer,
        "the file does not say how text is cut into words (tokenizer.ggml.pre). Convert the model again with "
          + "a current converter, or set the name to one of: \(list()).")
    }
    guard let found = known.first(where: { $0.names.contains(name) }) else {
      throw TokenizerError(
        .unknownPreTokenizer,
        "the pre-tokenizer '\(name)' (tokenizer.ggml.pre) is not known. Known: \(list()).")
    }
    return found
  }

  /// Architectures whose files all have the same pre-tokenizer, for those from before the key was
  /// written. Architectures that several tokenizers go with (`llama`, `stablelm`) are not here.
  private static var impliedNames: [String: String] {
    [
      "gpt2": "gpt-2", "gptneox": "olmo", "falcon": "falcon", "mpt": "mpt", "starcoder": "starcoder",
      "starcoder2": "starcoder", "refact": "refact", "bloom": "bloom", "phi2": "phi-2",
      "codeshell": "codeshell", "command-r": "command-r", "dbrx": "dbrx", "olmo": "olmo",
      "qwen": "qwen2", "qwen2": "qwen2", "qwen2moe": "qwen2", "qwen3": "qwen2", "qwen3moe": "qwen2",
    ]
  }
}
