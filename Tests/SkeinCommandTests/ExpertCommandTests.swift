import Foundation
import Testing

/// Traces, counts of experts, and plans by them.
@Suite struct ExpertCommandTests {
  private static let mixture = Command.root.appending(path: "Models/stories-moe.gguf").path

  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test func aRunIsTracedAndItsExpertsCounted() throws {
    try inFolder { folder in
      let (trace, stats) = (folder.appending(path: "t.json"), folder.appending(path: "usage.json"))
      let run = try Command.skein(
        "run", Self.mixture, "-p", "Once upon a time", "-n", "8", "--temperature", "0", "--json", "--trace",
        trace.path, "--expert-stats", stats.path)
      #expect(run.status == 0, "\(run.errors)")
      let counted = try #require(try run.object()["expert_stats"] as? [String: Any])
      let written = try JSONSerialization.jsonObject(with: Data(contentsOf: stats)) as? [String: Any]
      #expect(NSDictionary(dictionary: counted) == NSDictionary(dictionary: written ?? [:]))
      let layers = try #require(counted["layers"] as? [[String: Any]])
      #expect(!layers.isEmpty && layers.allSatisfy { ($0["counts"] as? [Int] ?? []).reduce(0, +) > 0 })
      let events = try JSONSerialization.jsonObject(with: Data(contentsOf: trace)) as? [[String: Any]] ?? []
      let names = events.compactMap { $0["name"] as? String }
      #expect(names.contains("layers.1.experts 1") && names.contains { $0.hasPrefix("output") })
      #expect(events.filter { $0["ph"] as? String == "X" }.allSatisfy { ($0["dur"] as? Double ?? -1) >= 0 })

      let plan = try Command.skein("plan", Self.mixture, "--experts-by-usage", stats.path)
      #expect(plan.status == 0, "\(plan.errors)")
      let other = try Command.skein("plan", Command.stories, "--experts-by-usage", stats.path)
      #expect(other.status == 1 && other.errors.contains("is of another model"))
      #expect(other.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func withoutAFileATableIsPrinted() throws {
    let run = try Command.skein("run", Self.mixture, "-p", "Once", "-n", "4", "--expert-stats")
    #expect(run.status == 0 && run.errors.contains("most chosen"), "\(run.errors)")
    let plain = try Command.skein("run", Self.mixture, "-p", "Once", "-n", "4")
    #expect(plain.status == 0 && !plain.errors.contains("most chosen"))
    let dense = try Command.skein("run", Command.stories, "-p", "Once", "-n", "4", "--expert-stats")
    #expect(dense.status == 0 && dense.errors.contains("no experts"))
  }

  /// A model after the flag is taken for its file, and must survive that.
  @Test func aModelIsNotOverwritten() throws {
    try inFolder { folder in
      let model = folder.appending(path: "model.gguf")
      let bytes = try Data(contentsOf: URL(filePath: Command.fixture))
      try bytes.write(to: model)
      let run = try Command.skein("run", "--expert-stats", model.path, "-p", "Once", "-n", "2")
      #expect(run.status == 64 && run.errors.contains("give the model before it"), "\(run.errors)")
      #expect(try Data(contentsOf: model) == bytes)
      // Its own file it may replace.
      let stats = folder.appending(path: "usage.json")
      for _ in 0..<2 {
        let run = try Command.skein(
          "run", Self.mixture, "-p", "Once", "-n", "2", "--expert-stats", stats.path)
        #expect(run.status == 0, "\(run.errors)")
      }
    }
  }

  @Test func logitsAndBenchAreTraced() throws {
    try inFolder { folder in
      let trace = folder.appending(path: "t.json").path
      for arguments in [
        ["logits", Command.fixture, "--tokens", "1,2,3", "-o", folder.appending(path: "l.npy").path],
        ["bench", Command.fixture, "--prompt-tokens", "8", "--gen-tokens", "4", "--repeat", "1"],
      ] {
        let run = try Command.skein(arguments + ["--trace", trace])
        #expect(run.status == 0, "\(run.errors)")
        let events = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: trace)))
        #expect((events as? [[String: Any]])?.contains { $0["ph"] as? String == "X" } == true)
        try FileManager.default.removeItem(atPath: trace)
      }
      let two = try Command.skein(
        "bench", Command.fixture, "--devices", "cpu", "--devices", "cpu", "--trace", trace)
      #expect(two.status == 64 && two.errors.contains("one choice of devices"))
    }
  }
}
