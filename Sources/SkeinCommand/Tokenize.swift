import ArgumentParser
import Skein
import SkeinText

/// `skein tokenize`
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Text to token ids, or back.",
    discussion: """
      Examples:
        skein tokenize model.gguf "Hello, world!"
        skein tokenize model.gguf --file book.txt --no-special --json
        skein tokenize model.gguf --decode 1,15043,29892
        skein tokenize llama-3-8b/ "<|begin_of_text|>Hello"

      In a folder and in a tokenizer.json the text of special tokens stands for those tokens, as it does in
      Hugging Face's libraries; in a .gguf file it is text.
      """)

  @Argument(
    help: """
      A .gguf file, a folder as Hugging Face tools save it, a tokenizer.json, a SentencePiece .model, or the \
      name of a bundled model.
      """)
  var model: String
  @Argument(help: "The text.")
  var text: String?
  @Option(help: "Take the text from a file; - is standard input.")
  var file: String?
  @Option(help: ArgumentHelp("Turn token ids back into text.", valueName: "1,2,3"))
  var decode: String?
  @Flag(name: .customLong("no-special"), help: "Leave out the tokens that begin and end a text.")
  var noSpecial = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if [text, file, decode].compactMap({ $0 }).count != 1 {
      throw ValidationError("give one of TEXT, --file and --decode")
    }
    if let decode { _ = try parseTokens(decode) }
  }

  func run() throws {
    let tokenizer = try Tokenizer.load(path: BundledModels.resolve(model))
    if let decode {
      let text = tokenizer.decode(try parseTokens(decode))
      return output.json ? try Terminal.print(json: ["text": text]) : Terminal.write(text + "\n")
    }
    let text = try text ?? readText(file ?? "-")
    let options = EncodingOptions(addSpecial: !noSpecial, parseSpecial: tokenizer.format != .gguf)
    let tokens = tokenizer.encode(text, options)
    if output.json { return try Terminal.print(json: ["tokens": tokens]) }
    Terminal.write(tokens.map(String.init).joined(separator: " ") + "\n")
  }
}
