import ArgumentParser
import Skein

/// `skein perplexity`
struct Perplexity: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "How well a model predicts a text: lower is better.",
    discussion: """
      The text is cut into windows of --context tokens, each computed on its own; all tokens of a window but
      the first are predicted.

      Example:
        skein perplexity model.gguf --file book.txt --context 512
      """)

  @Argument(help: "A .gguf file, a folder as Hugging Face tools save it, or the name of a bundled model.")
  var model: String
  @Option(help: "The text; - is standard input.")
  var file: String
  @OptionGroup(title: "Devices") var devices: DeviceOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let text = try readText(file)
    var options = try devices.choice.scoringOptions(outputsPerPass: 64)
    // The window that perplexities are mostly given for.
    if options.planning.contextTokens == nil { options.planning.contextTokens = 512 }
    let model = try await Model.loadWithProgress(model, options)
    let bar = ProgressBar("scoring")
    defer { bar.end() }
    let report = try await model.perplexity(try model.tokenizer.encode(text), progress: bar.update)
    bar.end()
    if output.json {
      return try Terminal.print(json: Result(perplexity: report.perplexity, tokens: report.tokenCount))
    }
    Terminal.write(
      "perplexity \(Format.number(report.perplexity, decimals: 4)) over \(report.tokenCount) tokens\n")
  }

  private struct Result: Encodable {
    var perplexity: Double
    var tokens: Int
  }
}
