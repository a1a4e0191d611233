import Foundation
import Skein
import SkeinText
import Testing

/// Folders and files that tokenizers are loaded from.
struct TokenizerFilesTests {
  private static let tokenizer = """
    {"version": "1.0", "added_tokens": [{"id": 2, "content": "<s>", "special": true}], "normalizer": null,
     "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
     "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "geese": 1, "<s>": 2}}}
    """

  private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appending(path: "additional_chat_templates"), withIntermediateDirectories: true)
    for (name, text) in files {
      try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
    }
    try body(folder.path)
  }

  @Test func aFolderIsReadWithWhatItsFilesSay() throws {
    let files = [
      "tokenizer.json": Self.tokenizer,
      "tokenizer_config.json": #"{"padding_side": "left"}"#,
      "special_tokens_map.json": #"{"bos_token": {"content": "<s>"}, "pad_token": "?"}"#,
      "generation_config.json": #"{"eos_token_id": [1, 2]}"#, "chat_template.jinja": "{{ a }}",
      "additional_chat_templates/tool_use.jinja": "{{ b }}",
    ]
    try withFolder(files) { folder in
      let tokenizer = try Tokenizer.load(path: folder)
      #expect(tokenizer.encode("<s>geese fly", .prompt) == [2, 1, 0])
      #expect(tokenizer.bos == 2)
      #expect(tokenizer.endOfGeneration == [1, 2])
      #expect(tokenizer.chatTemplates == ["default": "{{ a }}", "tool_use": "{{ b }}"])
      #expect(try tokenizer.pad([[1], []]).ids == [[1], [0]])
      // A file that is named by itself is read alone.
      #expect(try Tokenizer.load(path: folder + "/tokenizer.json").encode("geese fly") == [1, 0])
    }
  }

  @Test func whatIsMissingOrBrokenIsNamed() throws {
    try withFolder(["config.json": "{}"]) { folder in
      let error = #expect(throws: SkeinError.self) { try Tokenizer.load(path: folder) }
      #expect(error?.code == .notFound)
    }
    try withFolder(["tokenizer.json": "{", "tokenizer.model": "x"]) { folder in
      let error = #expect(throws: TokenizerError.self) { try Tokenizer.load(path: folder) }
      #expect(error?.message.contains("tokenizer.json") == true)
      #expect(throws: TokenizerError.self) { try Tokenizer.load(path: folder + "/tokenizer.model") }
    }
    try withFolder(["tokenizer.json": Self.tokenizer, "tokenizer_config.json": "[]"]) { folder in
      let error = #expect(throws: TokenizerError.self) { try Tokenizer.load(path: folder) }
      #expect(error?.message.contains("tokenizer_config.json") == true)
    }
  }
}
