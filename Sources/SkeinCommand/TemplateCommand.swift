import ArgumentParser
import FoundationEssentials
import OrderedCollections
import Skein
import SkeinFiles
import SkeinJSON
import SkeinText

/// `skein template`
struct TemplateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template",
    abstract: "Messages as a model's chat template writes them.",
    discussion: """
      FILE is a JSON array of messages, or an object with "messages" and perhaps "tools"; - is standard input.

      Examples:
        skein template model.gguf --messages chat.json
        skein template model.gguf --messages chat.json --tools tools.json --variable enable_thinking=false
        echo '[{"role": "user", "content": "Hi"}]' | skein template model.gguf --messages - --tokens
      """)

  @Argument(help: "A .gguf file, or the name of a bundled model.")
  var model: String
  @Option(help: ArgumentHelp("The messages.", valueName: "file"))
  var messages: String
  @Option(help: ArgumentHelp("The tools that the model may call, as a JSON array.", valueName: "file"))
  var tools: String?
  @Flag(name: .customLong("no-generation-prompt"), help: "Leave out what makes the model answer.")
  var noGenerationPrompt = false
  @Option(
    help: ArgumentHelp("A variable of the template; the value is JSON, or else text.", valueName: "key=value")
  )
  var variable: [String] = []
  @Option(help: ArgumentHelp("One of the model's named templates.", valueName: "name"))
  var name: String?
  @Flag(help: "Print token ids instead of text.")
  var tokens = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for text in variable where !text.dropFirst().contains("=") {
      throw ValidationError("--variable \(text) must be key=value")
    }
    if messages == "-", tools == "-" { throw ValidationError("only one of --messages and --tools may be -") }
  }

  func run() throws {
    let input = try readMessages()
    let path = try BundledModels.resolve(model)
    let tokenizer = try Tokenizer.load(path: path)
    var options = ChatTemplate.Options()
    options.tools = input.tools
    options.addsGenerationPrompt = !noGenerationPrompt
    for text in variable {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      options.variables[String(parts[0])] = value(String(parts[1]))
    }
    let template = try ChatTemplate(tokenizer, name: name, tools: input.tools, path: path)
    let text = try template.render(input.messages, options: options)
    if output.json {
      return try Terminal.print(json: Result(text: text, tokens: tokenizer.encode(chat: text)))
    }
    guard tokens else { return Terminal.write(text) }
    Terminal.write(tokenizer.encode(chat: text).map(String.init).joined(separator: " ") + "\n")
  }

  /// Messages and tools from their files.
  private func readMessages() throws -> (messages: [ChatTemplate.Message], tools: [JSONValue]?) {
    let json = try readJSON(messages)
    var (list, tools) = (json, JSONValue.null)
    if case .object(let members) = json {
      list = members["messages"] ?? .null
      tools = members["tools"] ?? .null
    }
    if let path = self.tools { tools = try readJSON(path) }
    guard case .array(let values) = list else {
      throw SkeinError(
        .invalidInput, "\(messages): holds \(list.kind) where an array of messages is needed")
    }
    let toolList: [JSONValue]?
    switch tools {
    case .null: toolList = nil
    case .array(let values): toolList = values
    default:
      throw SkeinError(
        .invalidInput, "\(self.tools ?? messages): tools are \(tools.kind), and must be an array")
    }
    return (
      try values.enumerated().map { index, value in
        guard case .object(let fields) = value else {
          throw SkeinError(
            .invalidInput, "\(messages): message \(index + 1) is \(value.kind), and must be an object")
        }
        return ChatTemplate.Message(fields: fields)
      }, toolList
    )
  }

  private func readJSON(_ path: String) throws -> JSONValue {
    try parse(try readText(path), path: path == "-" ? "standard input" : path)
  }

  private func parse(_ text: String, path: String) throws -> JSONValue {
    try Array(text.utf8).withUnsafeBytes { bytes in
      try JSONValue(parsing: bytes, path: path, limits: JSONValue.Limits(bytes: 64 << 20, values: 1 << 20))
    }
  }

  /// A value on the command line: JSON where it is such, else text.
  private func value(_ text: String) -> JSONValue {
    (try? parse(text, path: "--variable")) ?? .string(text)
  }

  private struct Result: Encodable {
    var text: String
    var tokens: [Int32]
  }
}
