import ArgumentParser
import Skein
import SkeinFiles
import SkeinModels
import SkeinQuantization
import Synchronization

/// `skein quantize`
struct Quantize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model with its weights in another format.",
    discussion: """
      --weights is a format for all matrices (q8_0, q4_k, iq4_xs, bf16...) or a mixture that gives those that matter
      most more bits (q4_k_m, q5_k_m...). Vectors and routers stay F32; rows that do not fit a format's blocks get the
      next finer one that they fit. Everything else in the file stays as it is.

      A folder of .safetensors files becomes one GGUF file with its tokenizer and chat template. What GGUF cannot say
      of a tokenizer is a warning.

      Examples:
        skein quantize model-f16.gguf -o model-q4_k_m.gguf --weights q4_k_m
        skein quantize ./Qwen3-0.6B -o qwen3-q4_k_m.gguf --weights q4_k_m
        skein quantize stories -o stories-q6_k.gguf --weights q6_k --json
      """)

  @Argument(help: "A .gguf file, a folder with .safetensors files, or the name of a bundled model.")
  var model: String
  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "out.gguf"))
  var output: String
  @Option(help: ArgumentHelp("\(WeightRecipe.names.joined(separator: ", "))", valueName: "format"))
  var weights: String
  @Flag(help: "Replace a file that exists.")
  var force = false
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let recipe = try WeightRecipe(weights)
    let input = try BundledModels.resolve(model)
    let source = try SourceFile(path: input)
    var options = QuantizationOptions(recipe: recipe)
    options.existing = force ? .replace : .refuse
    let quantizer = try ModelQuantizer(source.tensors, options)
    let requantized = quantizer.requantized.map { type, count in
      "\(count) tensor\(count == 1 ? " is" : "s are") quantized already (\(type.name)); what that lost stays lost."
        + " Start from F16 or BF16 where you can"
    }
    let warnings = source.warnings + requantized
    if !format.json { for warning in warnings { Terminal.note("warning: \(warning)") } }
    let bar = ProgressBar("quantizing")
    defer { bar.end() }
    let stop = StopFlag()
    let clock = ContinuousClock()
    let start = clock.now
    var result: QuantizationReport?
    try await Interrupt.stopping(stop.set) {
      result = try quantizer.write(to: output, isCancelled: { stop.isSet }, progress: bar.update)
    }
    bar.end()
    let report = QuantizeReport(
      result!, recipe: recipe, path: output, sourceBytes: source.byteCount, warnings: warnings,
      seconds: (clock.now - start) / .seconds(1))
    if format.json { return try Terminal.print(json: report) }
    Terminal.write(report.text)
  }
}

/// The model that is read: a GGUF file or a folder.
private struct SourceFile {
  var tensors: any TensorSource
  var byteCount: Int
  var warnings: [String] = []

  init(path: String) throws {
    if MappedFile.isFolder(path) {
      let folder = try FolderSource(folder: path)
      (tensors, byteCount, warnings) = (folder, folder.byteCount, folder.warnings)
    } else {
      let file = try GGUFFile(path: path)
      (tensors, byteCount) = (CheckpointSource(file), file.files.reduce(0) { $0 + $1.byteCount })
    }
  }
}

/// Set once, from anywhere.
private final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  @Sendable func set() { flag.store(true, ordering: .relaxed) }
}

/// What was written.
private struct QuantizeReport: Encodable {
  var path: String
  var weights: String
  var bytes: Int
  var sourceBytes: Int
  var relativeError: Double
  var seconds: Double
  var warnings: [String]
  var tensors: [Tensor]

  struct Tensor: Encodable {
    var tensor: String
    var shape: [Int]
    var from: String
    var to: String
    var bytes: Int
    var relativeError: Double

    enum CodingKeys: String, CodingKey {
      case tensor, shape, from, to, bytes
      case relativeError = "relative_error"
    }
  }

  enum CodingKeys: String, CodingKey {
    case path, weights, bytes, seconds, warnings, tensors
    case sourceBytes = "source_bytes"
    case relativeError = "relative_error"
  }

  init(
    _ report: QuantizationReport, recipe: WeightRecipe, path: String, sourceBytes: Int, warnings: [String],
    seconds: Double
  ) {
    self.path = path
    weights = recipe.description
    bytes = report.byteCount
    self.sourceBytes = sourceBytes
    relativeError = report.relativeError
    self.seconds = seconds
    self.warnings = warnings
    tensors = report.tensors.map { result in
      let tensor = result.tensor
      let rowBytes = tensor.type.rowBytes(elementCount: tensor.shape.columns) ?? 0
      return Tensor(
        tensor: tensor.name, shape: tensor.shape.extents, from: result.before.name, to: tensor.type.name,
        bytes: rowBytes * tensor.shape.rows, relativeError: result.relativeError)
    }
  }

  var text: String {
    let formats = Dictionary(tensors.map { ($0.to, (1, $0.bytes)) }) { ($0.0 + $1.0, $0.1 + $1.1) }
    let rows = formats.sorted { $0.value.1 > $1.value.1 }.map {
      ["  " + $0.key, "\($0.value.0) tensors", Format.bytes($0.value.1)]
    }
    return """
      \(path): \(Format.bytes(bytes)), was \(Format.bytes(sourceBytes)); \(Format.seconds(seconds))
      \(Format.table(rows))
      relative error \(Format.number(relativeError * 100, decimals: 3))% (root mean square)

      """
  }
}
