import ArgumentParser
import Skein
import SkeinFiles
import SkeinGraph
import SkeinModels

/// `skein inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What is in a file: metadata, modules and their bytes, the graph.",
    discussion: """
      Reads no weights. A file of an architecture that cannot run is still shown, by its tensors.

      Examples:
        skein inspect model.gguf
        skein inspect model.gguf --graph
      """)

  @Argument(help: "A .gguf file, a folder of safetensors files, or the name of a bundled model.")
  var model: String
  @Flag(help: "Print the graph, a line an operation.")
  var graph = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let path = try BundledModels.resolve(model)
    if graph {
      let definition = try ModelDefinition(path: path)
      if output.json {
        return try Terminal.print(json: definition.graph.nodes.map { NodeRow($0, in: definition) })
      }
      return Terminal.write(definition.graph.description + "\n")
    }
    let report =
      try MappedFile.isFolder(path)
      ? InspectReport(SafetensorsCheckpoint(folder: path)) : InspectReport(GGUFFile(path: path))
    if output.json { return try Terminal.print(json: report) }
    Terminal.write(report.text)
  }
}

/// A node of the graph as JSON.
private struct NodeRow: Encodable {
  var id: Int
  var name: String
  var module: String
  var op: String
  var inputs: [String]
  var weights: [String]
  var rows: String
  var width: Int

  init(_ node: Node, in definition: ModelDefinition) {
    let graph = definition.graph
    id = node.id.index
    name = node.name.description
    module = definition.moduleName(of: node.name)
    op = node.op.kernelName
    inputs = node.inputs.map { graph[$0].name.description }
    weights = node.weights.map { graph[$0].name.ggufName }
    rows = node.rows == .tokens ? "tokens" : "outputs"
    width = node.width
  }
}
