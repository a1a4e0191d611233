import Skein
import SkeinFiles
import SkeinTemplate

/// `skein run --chat`
extension Run {
  func runChat() async throws {
    // Said before the model is loaded, which may take minutes.
    _ = try ChatTemplate.source(in: GGUFFile(path: BundledModels.resolve(model)).metadata)
    let model = try await Model.loadWithProgress(model, try devices.choice.loadOptions())
    for line in remarks(model) where !output.json { Terminal.note(line) }
    let template = try model.chatTemplate()
    var messages = system.map { [ChatTemplate.Message(.system, $0)] } ?? []
    guard let prompt else { return try await converse(model, template, &messages) }
    messages.append(ChatTemplate.Message(.user, prompt))
    let tokens = try model.tokenizer.encode(chat: template.render(messages))
    try finish(model, try await write(model, tokens, prompt: ""))
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
