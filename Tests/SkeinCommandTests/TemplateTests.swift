import Foundation
import SkeinTestSupport
import Testing

/// `skein template` and `skein run --chat`.
@Suite(.serialized) struct TemplateTests {
  /// The bundled model with chat templates.
  private func model(_ body: (String) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString).gguf")
    defer { try? FileManager.default.removeItem(at: file) }
    let template =
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}"
      + "{% if tools %}{{ tools|length }} tools\n{% endif %}{% if word %}{{ word|tojson }}{% endif %}"
      + "{% if add_generation_prompt %}Once upon a time{% endif %}"
    let bytes = addingMetadata(
      [
        ("tokenizer.chat_template", template), ("tokenizer.chat_template.plain", "{{ messages[0].content }}"),
        ("tokenizer.chat_template.strict", "{{ raise_exception('not today') }}"),
      ], lists: [("tokenizer.chat_templates", ["plain", "strict"])],
      to: Array(try Data(contentsOf: URL(filePath: Command.stories))))
    try Data(bytes).write(to: file)
    try body(file.path)
  }

  private let messages = #"[{"role": "user", "content": "Hi"}]"#

  @Test func templateWritesTextAndTokens() throws {
    try model { (model: String) throws in
      let text = try Command.skein("template", model, "--messages", "-", input: messages)
      #expect(text.status == 0 && text.output == "<s><user> Hi\nOnce upon a time")
      let bare = try Command.skein(
        "template", model, "--messages", "-", "--no-generation-prompt", "--variable", "word=[1, \"a\"]",
        "--variable", "bos_token=B", input: #"{"messages": \#(messages), "tools": [{}, {}]}"#)
      #expect(bare.output == "B<user> Hi\n2 tools\n[1, \"a\"]")
      let json = try Command.skein("template", model, "--messages", "-", "--json", input: messages).object()
      #expect(json["text"] as? String == text.output)
      let tokens = try #require(json["tokens"] as? [Int])
      // The template writes the token that begins a text, so it is there once.
      #expect(tokens.first == 0 && tokens.count { $0 == 0 } == 1)
      let line = try Command.skein("template", model, "--messages", "-", "--tokens", input: messages)
      #expect(line.output == tokens.map(String.init).joined(separator: " ") + "\n")
      let named = try Command.skein(
        "template", model, "--messages", "-", "--name", "plain", "--json", input: messages
      ).object()
      #expect(named["text"] as? String == "Hi" && (named["tokens"] as? [Int])?.first == 0)
    }
  }

  @Test func templateSaysWhatIsWrong() throws {
    try model { (model: String) throws in
      func errors(_ arguments: String..., input: String) throws -> String {
        let run = try Command.skein(["template"] + arguments, input: input)
        #expect(run.status == 1 && run.output.isEmpty)
        return run.errors
      }
      #expect(
        try errors(model, "--messages", "-", "--name", "strict", input: messages).contains(
          "line 1: not today"))
      #expect(try errors(model, "--messages", "-", "--name", "x", input: messages).contains("plain, strict"))
      #expect(try errors(model, "--messages", "-", input: "[1]").contains("message 1 is an integer"))
      #expect(try errors(model, "--messages", "-", input: "{}").contains("array of messages"))
      #expect(try errors(model, "--messages", "-", input: "[").contains("Line 1"))
      #expect(
        try errors(Command.stories, "--messages", "-", input: messages).contains("has no chat template"))
    }
  }

  @Test func chatAnswersOneTurnOrMany() throws {
    try model { (model: String) throws in
      let turn = try Command.skein(
        "run", model, "--chat", "-p", "Hi", "--system", "Be nice", "-n", "6", "--temperature", "0", "--json")
      let result = try turn.object()
      let rendered = try Command.skein(
        "template", model, "--messages", "-", "--json",
        input: #"[{"role": "system", "content": "Be nice"}, {"role": "user", "content": "Hi"}]"#
      ).object()
      #expect(result["prompt_tokens"] as? Int == (rendered["tokens"] as? [Int])?.count)
      #expect((result["tokens"] as? [Int])?.count == 6)
      let streamed = try Command.skein(
        "run", model, "--chat", "-p", "Hi", "--system", "Be nice", "-n", "6", "--temperature", "0")
      #expect(streamed.output == (result["text"] as? String ?? "") + "\n")
      let talk = try Command.skein(
        "run", model, "--chat", "-n", "6", "--temperature", "0", input: "one\n\ntwo\n")
      #expect(talk.status == 0 && talk.output.split(separator: "\n").count == 2)
      // What was said before is in the cache: the second turn reads less than all.
      #expect(talk.errors.components(separatedBy: "tokens/s, wrote").count == 3)
    }
    let bare = try Command.skein("run", Command.stories, "--chat", "-p", "Hi")
    #expect(bare.status == 1 && bare.errors.contains("has no chat template"))
    #expect(try Command.skein("run", Command.stories, "--system", "x", "-p", "Hi").status == 64)
    #expect(try Command.skein("run", Command.stories, "--chat", "--json").status == 64)
  }
}
