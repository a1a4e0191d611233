import Foundation
import SkeinTestSupport
import Testing

@Suite(.serialized) struct QuantizeCommandTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "skein-quantize-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func aModelIsQuantizedAndRuns() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let out = folder.appending(path: "small.gguf").path
    let run = try Command.skein("quantize", Command.stories, "-o", out, "--weights", "Q4_K_M", "--json")
    #expect(run.status == 0 && run.errors.isEmpty)
    let report = try run.object()
    #expect(report["weights"] as? String == "q4_k_m" && report["path"] as? String == out)
    #expect(try report["bytes"] as? Int == Data(contentsOf: URL(filePath: out)).count)
    #expect((report["source_bytes"] as? Int ?? 0) > (report["bytes"] as? Int ?? .max))
    #expect(
      (report["warnings"] as? [String])?.first?.contains("36 tensors are quantized already (Q8_0)") == true)
    let error = try #require(report["relative_error"] as? Double)
    #expect(error > 0.01 && error < 0.08)
    let tensors = try #require(report["tensors"] as? [[String: Any]])
    #expect(tensors.count == 47)
    #expect(tensors[0]["tensor"] as? String == "token_embd.weight" && tensors[0]["to"] as? String == "Q6_K")
    let text = try Command.skein(
      "run", out, "-p", "Once upon a time", "-n", "12", "--temperature", "0", "--json")
    #expect(text.status == 0)
    #expect((try text.object()["text"] as? String)?.contains("there was") == true)
  }

  @Test func peopleAreToldWhatHappened() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let out = folder.appending(path: "small.gguf").path
    let arguments = ["quantize", Command.fixture, "-o", out, "--weights", "q8_0"]
    let run = try Command.skein(arguments)
    #expect(run.status == 0 && run.output.contains("relative error") && run.output.contains("Q8_0"))
    let again = try Command.skein(arguments)
    #expect(again.status == 1 && again.errors.contains("small.gguf") && again.errors.contains("replaced"))
    let forced = try Command.skein(arguments + ["--force"])
    #expect(forced.status == 0)
    #expect(try names() == ["small.gguf"])
  }

  @Test func wrongAndDamagedInputIsRefused() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let out = folder.appending(path: "out.gguf").path
    let wrong = try Command.skein("quantize", Command.stories, "-o", out, "--weights", "q4_k_x")
    #expect(
      wrong.status == 1 && wrong.errors.contains("--weights") && wrong.errors.contains("nearest is q4_k_s)"))
    let nowhere = try Command.skein(
      "quantize", Command.stories, "-o", folder.path + "/no/out.gguf", "--weights", "q4_0")
    #expect(nowhere.status == 1 && nowhere.errors.contains("folder does not exist"))
    let whole = try Data(contentsOf: URL(filePath: Command.stories))
    for count in [0, 3, 20, 5_000, 40_000, whole.count - 1] {
      let cut = folder.appending(path: "cut.gguf")
      try whole.prefix(count).write(to: cut)
      let run = try Command.skein("quantize", cut.path, "-o", out, "--weights", "q4_0")
      #expect(run.status == 1 && run.errors.contains("cut.gguf"), "\(count) bytes: \(run.errors)")
      #expect(run.errors.split(separator: "\n").count <= 2)
    }
    #expect(try names() == ["cut.gguf"])
  }

  /// Folders become files of the same model.
  @Test(arguments: [FolderFixture.llama, .phi3, .deepSeek])
  func aFolderBecomesTheSameModel(_ fixture: FolderFixture) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = TemporaryFolder()
    fixture.write(to: model)
    let out = folder.appending(path: "out.gguf").path
    let run = try Command.skein("quantize", model.path, "-o", out, "--weights", "f32", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let report = try run.object()
    #expect(report["relative_error"] as? Double == 0)
    let size = try Data(contentsOf: URL(filePath: model.path + "/model.safetensors")).count
    #expect(report["source_bytes"] as? Int == size)
    #expect((report["warnings"] as? [String])?.contains { $0.contains("no tokenizer") } == true)
    func logits(_ path: String) throws -> [Float] {
      let file = folder.appending(path: "logits.npy").path
      let run = try Command.skein("logits", path, "--tokens", "1,7,3,39,0,12,12,5", "-o", file)
      #expect(run.status == 0, "\(run.errors)")
      let bytes = try Data(contentsOf: URL(filePath: file)).suffix(8 * 40 * 4)
      return stride(from: 0, to: 8 * 40 * 4, by: 4).map { offset in
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Float.self) }
      }
    }
    let (mine, theirs) = (try logits(out), try logits(model.path))
    let largest = theirs.map(abs).max() ?? 0
    #expect(largest > 0.01)
    #expect(zip(mine, theirs).allSatisfy { abs($0 - $1) <= largest * 1e-5 })
  }
}
