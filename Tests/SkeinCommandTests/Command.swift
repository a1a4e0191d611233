import Foundation

/// The `skein` program as a person runs it.
struct Command {
  var status: Int32
  var output: String
  var errors: String

  /// The root of the sources, where the bundled models are.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let stories = root.appending(path: "Models/stories.gguf").path
  static let fixture = root.appending(path: "Tests/SkeinTests/Fixtures/llama.gguf").path

  /// Runs `skein` with these arguments and waits for its end.
  static func skein(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Command {
    let process = Process()
    // The program lies beside the test program.
    process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appending(path: "skein")
    process.arguments = arguments
    // Profiles of devices are measured once for all tests, and are not the user's.
    let cache = [
      "SKEIN_CACHE": NSTemporaryDirectory() + "/skein-tests-\(ProcessInfo.processInfo.processIdentifier)"
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(cache) { $1 }.merging(environment) {
      $1
    }
    let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = standardInput
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    // What a test makes the program print fits a pipe, so one may be read after the other.
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    let complained = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Command(
      status: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
      errors: String(decoding: complained, as: UTF8.self))
  }

  /// Runs `skein` with these arguments and waits for its end.
  static func skein(
    _ arguments: String..., input: String = "", environment: [String: String] = [:]
  ) throws -> Command {
    try skein(arguments, input: input, environment: environment)
  }

  /// The output as one JSON object.
  func object() throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
  }

  /// The output as a list of JSON objects.
  func objects() throws -> [[String: Any]] {
    try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
  }
}
