import ArgumentParser
import Skein

/// `skein`: runs one model across every device there is.
@main
struct SkeinCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skein",
    abstract: "Runs one large model across every device you have.",
    discussion: """
      Examples:
        skein run -p "Once upon a time"              the bundled model writes a story
        skein run llama-3-8b.gguf --devices cpu/2    a model of yours over two devices
        skein inspect llama-3-8b.gguf                what is in a file
        skein plan llama-3-8b.gguf                   what goes where, and how fast it would be
        skein simulate config.json --weights q8_0 --fleet four-p40.yaml -o timeline.svg
        skein bench llama-3-8b.gguf --devices cpu --devices cpu/2
      MODEL is a .gguf file (of a model in parts, any of them), or the name of a bundled model.
      """,
    version: "0.1.0",
    subcommands: [
      Run.self, PlanCommand.self, Simulate.self, Devices.self, Inspect.self, Tokenize.self,
      TemplateCommand.self,
      Logits.self, Perplexity.self, Bench.self, Verify.self, Quantize.self,
    ])
}
