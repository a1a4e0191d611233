import Skein
import SkeinTemplate
import SkeinText

/// `skein run --chat`
extension Run {
  func runChat() async throws {
    // Said before the model is loaded, which may take minutes.
    let path = try BundledModels.resolve(model)
    _ = try ChatTemplate(Tokenizer.load(path: path), path: path)
    let model = try await Model.loadWithProgress(model, try loadOptions())
    for line in remarks(model) where !output.json { Terminal.note(line) }
    let template = try model.chatTemplate()
    var messages = system.map { [ChatTemplate.Message(.system, $0)] } ?? []
    guard let prompt else {
      try await converse(model, template, &messages)
      for line in try await model.expertUsage().map(expertStats.write) ?? [] { Terminal.note(line) }
      return try await trace.write(model, command: "run")
    }
    messages.append(ChatTemplate.Message(.user, prompt))
    let tokens = try model.tokenizer.encode(chat: template.render(messages))
    try finish(model, try await write(model, tokens, prompt: ""), try await model.expertUsage())
    try await trace.write(model, command: "run")
  }

  /// A line a turn. The cache holds the tokens of the turns before, which are not computed again.
  private func converse(
    _ model: Model, _ template: ChatTemplate, _ messages: inout [ChatTemplate.Message]
  ) async throws {
    if Terminal.isInputTerminal {
      Terminal.note("Say something. Ctrl-C ends an answer, Ctrl-D the conversation.")
    }
    while true {
      if Terminal.isInputTerminal { Terminal.write("> ") }
      guard let line = readLine(), !Task.isCancelled else { break }
      if line.isEmpty { continue }
      let turn = messages + [ChatTemplate.Message(.user, line)]
      do {
        let tokens = try model.tokenizer.encode(chat: template.render(turn))
        let answer = try await write(model, tokens, prompt: "")
        messages = turn + [ChatTemplate.Message(.assistant, answer.text)]
        Terminal.note(speeds(answer.report))
      } catch let error as SkeinError where error.code == .cancelled {
        Terminal.note("stopped")
      } catch let error as TemplateError {
        // The turn is taken back; the next may be one that the template accepts.
        Terminal.note(error.description)
        guard Terminal.isInputTerminal else { throw error }
      }
    }
    if Terminal.isInputTerminal { Terminal.write("\n") }
  }
}
