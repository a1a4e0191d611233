import Foundation
import Testing

/// `skein simulate` on machines that are not here.
@Suite struct SimulateTests {
  private static let fleet = """
    devices:
      - {name: "cuda:0", hardware: tesla-p40}
      - {name: "cuda:1", hardware: rtx-3090}
    default_link: pcie3-x16
    """

  /// Runs `skein simulate` on the bundled model with a fleet of two devices; `body` gets the folder.
  private func simulate(_ arguments: [String], _ body: (Command, URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "fleet.yaml")
    try Data(Self.fleet.utf8).write(to: file)
    let all = ["simulate", Command.stories, "--fleet", file.path, "--use-all-devices", "--context", "512"]
    let sizes = ["--prompt-tokens", "200", "--gen-tokens", "20"]
    let run = try Command.skein(
      all + sizes + arguments.map { $0.replacingOccurrences(of: "FOLDER", with: folder.path) })
    try body(run, folder)
  }

  @Test func aPictureATraceAndFiguresAreWritten() throws {
    try simulate(["-o", "FOLDER/t.svg", "--trace", "FOLDER/t.json", "--json"]) { run, folder in
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      let report = try run.object()
      #expect(report["send_masks"] as? Bool == false && report["passes_in_flight"] as? Int == 2)
      #expect((report["prefill_tokens_per_second"] as? Double ?? 0) > 0)
      for name in ["prefill", "decode"] {
        let phase = try #require(report[name] as? [String: Any])
        let seconds = try #require(phase["seconds"] as? Double)
        let devices = try #require(phase["devices"] as? [[String: Any]])
        #expect(devices.map { $0["device"] as? String } == ["cuda:0", "cuda:1"])
        for device in devices {
          let parts = ["compute", "copy", "wait"].map { device["\($0)_seconds"] as? Double ?? -1 }
          #expect(parts.allSatisfy { $0 >= 0 } && abs(parts.reduce(0, +) - seconds) < 1e-9)
        }
      }
      let picture = try String(contentsOf: folder.appending(path: "t.svg"), encoding: .utf8)
      #expect(
        picture.hasPrefix("<svg") && picture.contains(">stories.gguf<") && picture.contains("Tesla P40"))
      let trace = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: "t.json")))
      #expect((trace as? [[String: Any]])?.contains { $0["ph"] as? String == "X" } == true)
    }
  }

  @Test func masksTakeTime() throws {
    func speed(_ arguments: [String]) throws -> Double {
      var speed: Double?
      try simulate(arguments + ["--json"]) { run, _ in
        speed = try run.object()["prefill_tokens_per_second"] as? Double
      }
      return try #require(speed)
    }
    #expect(try speed(["--send-masks"]) < speed([]))
    try simulate(["--send-masks"]) { run, _ in
      #expect(run.status == 0)
      #expect(run.output.contains("without them it reads") && run.output.contains("writing a token: "))
    }
  }

  @Test(arguments: [["-o", "/nonexistent/t.svg"], ["--trace", "/nonexistent/t.json"]])
  func aPathThatCannotBeWrittenIsSaidInOneLine(arguments: [String]) throws {
    try simulate(arguments) { run, _ in
      #expect(run.status == 1 && run.output.isEmpty && run.errors.contains(arguments[1]), "\(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1)
    }
  }
}
