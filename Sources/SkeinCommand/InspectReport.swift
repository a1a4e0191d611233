import SkeinFiles
import SkeinModels
import SkeinTensor

/// Metadata and modules of a file.
struct InspectReport: Encodable {
  var path: String
  var format: String
  /// The version of a GGUF file.
  var version: Int?
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
    format = "GGUF version \(checkpoint.version)"
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
        moduleNames[definition.tensorName(of: weight.name)] = definition.moduleName(of: weight.name)
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

  /// Metadata in the words of GGUF, and modules as the files name them.
  init(_ checkpoint: SafetensorsCheckpoint) {
    path = checkpoint.path
    format = "safetensors"
    files = checkpoint.files.count
    bytes = checkpoint.files.reduce(0) { $0 + $1.byteCount }
    parameters = checkpoint.tensors.reduce(0) { $0 + $1.rowCount * $1.columnCount }
    metadata = [:]
    do {
      let definition = try ModelDefinition(checkpoint)
      let said = definition.metadata
      metadata = Dictionary(uniqueKeysWithValues: said.keys.map { ($0, said[$0]!.description) })
    } catch {
      problem = "\(error)"
    }
    modules = checkpoint.tensors.map {
      Module(
        module: $0.name, tensor: $0.name, shape: $0.extents, type: $0.type.rawValue, bytes: $0.byteRange.count
      )
    }
    formats = Dictionary(
      checkpoint.tensors.map { ($0.type.rawValue, $0.byteRange.count) }, uniquingKeysWith: +)
  }

  var text: String {
    var lines = [
      "\(path): \(format), \(files) file\(files == 1 ? "" : "s"), \(Format.bytes(bytes)),"
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
