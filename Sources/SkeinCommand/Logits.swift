import ArgumentParser
import FoundationEssentials
import Skein
import SkeinGraph
import SkeinText

/// `skein logits`
struct Logits: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the logits of every token, for checking against any other engine.",
    discussion: """
      The file is NumPy's format: float32, shape (tokens, vocabulary). With --tokens several times, the texts are
      computed together and the shape is (texts, longest text, vocabulary), filled up with zeros. Unless --cache-type
      is given, keys and values are not rounded; unless --inputs automatic is, nor are the inputs of matrices in BF16.

      Examples:
        skein logits model.gguf --tokens 1,15043,29892 -o logits.npy
        skein logits model.gguf --tokens 1,15043,29892 --tokens 1,15043 --padding left -o logits.npy
      """)

  @Argument(help: "A .gguf file, a folder of safetensors files, or the name of a bundled model.")
  var model: String
  @Option(help: ArgumentHelp("Token ids of a text; once for each text.", valueName: "1,2,3"))
  var tokens: [String]
  @Option(help: "Where shorter texts are filled up.")
  var padding = PaddingSide.left
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The file to write.", valueName: "file"))
  var file: String
  @Option(
    help: ArgumentHelp(
      "Inputs of matrices in BF16: float32, or automatic for what run takes, BF16 where that is faster.",
      valueName: "precision"))
  var inputs = PlanLimits.Inputs.float32
  @OptionGroup(title: "Devices") var devices: DeviceOptions
  @OptionGroup var trace: TraceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for text in tokens where try parseTokens(text).isEmpty {
      throw ValidationError("--tokens names no token")
    }
  }

  func run() async throws {
    let texts = try tokens.map(parseTokens)
    let longest = texts.map(\.count).max() ?? 0
    var choice = devices.choice
    // Other engines' logits are compared with these: F16 keys would move them by up to a thousandth.
    if choice.cacheType == .automatic { choice.cacheType = .f32 }
    // The length decides how some models rotate.
    choice.context = devices.context ?? longest
    var options = try choice.scoringOptions(outputsPerPass: 64)
    options.planning.sequenceCount = texts.count
    options.planning.inputs = inputs
    options.executor.tracing = trace.tracing
    let model = try await Model.loadWithProgress(model, options)
    let vocabulary = model.definition.graph.vocabularySize
    let isBatch = texts.count > 1
    let logits =
      try await isBatch ? model.logits(batch: texts, padding: padding) : model.logits(texts[0])
    try await trace.write(model, command: "logits")
    let shape = (isBatch ? [texts.count] : []) + [longest, vocabulary]
    try NumPyFile.write(logits, shape: shape, to: file)
    if output.json { return try Terminal.print(json: LogitsResult(file: file, shape: shape)) }
    Terminal.note("\(file): \(shape.map(String.init).joined(separator: " x "))")
  }
}

extension PaddingSide: ExpressibleByArgument {}
extension PlanLimits.Inputs: ExpressibleByArgument {}

private struct LogitsResult: Encodable {
  var file: String
  var shape: [Int]
}

/// NumPy's format for one array.
enum NumPyFile {
  /// Writes float32 values in rows. The file appears whole or not at all.
  static func write(_ values: [Float], shape: [Int], to path: String) throws {
    let extents = shape.map(String.init).joined(separator: ", ")
    var header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)\(shape.count == 1 ? "," : "")), }"
    // Magic, version and length take 10 bytes; the data starts at a multiple of 64.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    data.append(contentsOf: [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)])
    data.append(contentsOf: header.utf8)
    values.withUnsafeBytes { data.append(contentsOf: $0) }
    do {
      try data.write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw SkeinError(
        .invalidOption, "\(path): cannot be written; check that its folder is there and writable")
    }
  }
}
