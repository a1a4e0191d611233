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

  @Argument(help: "A .gguf file, or the name of a bundled model.")
  var model: String
  @Flag(help: "Print the graph, a line an operation.")
  var graph = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let checkpoint = try GGUFFile(path: BundledModels.resolve(model))
    if graph {
      let definition = try ModelDefinition(checkpoint)
      if output.json {
        return try Terminal.print(json: definition.graph.nodes.map { NodeRow($0, in: definition) })
      }
      return Terminal.write(definition.graph.description + "\n")
    }
    let report = InspectReport(checkpoint)
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

/// Metadata and modules of a file.
private struct InspectReport: Encodable {
  var path: String
  var version: Int
  var files: Int
  var bytes: Int
  var parameters: Int
  /// Why the model cannot run here; nil where it can.
  var problem: String?
  var metadata: [String: String]
  var modules: [Module]
  var formats: [String: Int]

  struct Module: Encodable {
    var module: String
    var tensor: String
    var shape: [Int]
    var type: String
    var bytes: Int
  }

  init(_ checkpoint: GGUFFile) {
    path = checkpoint.metadata.path
    version = checkpoint.version
    files = checkpoint.files.count
    bytes = checkpoint.files.reduce(0) { $0 + $1.byteCount }
    parameters = checkpoint.tensors.reduce(0) { $0 + ($1.shape.elementCount ?? 0) }
    metadata = Dictionary(
      uniqueKeysWithValues: checkpoint.metadata.keys.map { ($0, checkpoint.metadata[$0]!.description) })
    // The names that the family gives, where there is one.
    var moduleNames: [String: String] = [:]
    do {
      let definition = try ModelDefinition(checkpoint)
      for weight in definition.graph.weights {
        moduleNames[weight.name.ggufName] = definition.moduleName(of: weight.name)
      }
    } catch {
      problem = "\(error)"
    }
    modules = checkpoint.tensors.map {
      Module(
        module: moduleNames[$0.name] ?? $0.name, tensor: $0.name, shape: $0.shape.extents, type: $0.type.name,
        bytes: $0.byteCount)
    }
    formats = Dictionary(checkpoint.tensors.map { ($0.type.name, $0.byteCount) }, uniquingKeysWith: +)
  }

  var text: String {
    var lines = [
      "\(path): GGUF version \(version), \(files) file\(files == 1 ? "" : "s"), \(Format.bytes(bytes)),"
        + " \(Format.number(Double(parameters) / 1e6)) million parameters",
      "", "metadata",
    ]
    lines += metadata.keys.sorted().map { "  \($0) = \(shortened(metadata[$0]!))" }
    lines += ["", "modules"]
    lines.append(
      Format.table(
        modules.map {
          [
            "  " + $0.module, $0.tensor, "\($0.shape.map(String.init).joined(separator: " x "))", $0.type,
            "\($0.bytes)",
          ]
        }))
    lines += ["", "bytes by format"]
    lines.append(Format.table(formats.sorted { $0.value > $1.value }.map { ["  " + $0.key, "\($0.value)"] }))
    if let problem { lines += ["", "cannot run here: \(problem)"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private func shortened(_ text: String) -> String { text.count > 100 ? text.prefix(100) + "..." : text }
}
