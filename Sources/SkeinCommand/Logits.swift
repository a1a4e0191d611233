import ArgumentParser
import FoundationEssentials
import Skein

/// `skein logits`
struct Logits: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the logits of every token, for checking against any other engine.",
    discussion: """
      The file is NumPy's format: float32, shape (tokens, vocabulary). Unless --cache-type is given, keys and values
      are not rounded.

      Example:
        skein logits model.gguf --tokens 1,15043,29892 -o logits.npy
      """)

  @Argument(help: "A .gguf file, or the name of a bundled model.")
  var model: String
  @Option(help: ArgumentHelp("Token ids.", valueName: "1,2,3"))
  var tokens: String
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The file to write.", valueName: "file"))
  var file: String
  @OptionGroup(title: "Devices") var devices: DeviceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if try parseTokens(tokens).isEmpty { throw ValidationError("--tokens names no token") }
  }

  func run() async throws {
    let ids = try parseTokens(tokens)
    var choice = devices.choice
    // Other engines' logits are compared with these: F16 keys would move them by up to a thousandth.
    choice.cacheType = devices.cache.cacheType ?? .f32
    // The length decides how some models rotate.
    choice.context = devices.context ?? ids.count
    let model = try await Model.loadWithProgress(model, try choice.scoringOptions(outputsPerPass: 64))
    let logits = try await model.logits(ids)
    try NumPyFile.write(logits, shape: [ids.count, logits.count / ids.count], to: file)
    let shape = [ids.count, logits.count / ids.count]
    if output.json { return try Terminal.print(json: LogitsResult(file: file, shape: shape)) }
    Terminal.note("\(file): \(shape[0]) x \(shape[1])")
  }
}

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
