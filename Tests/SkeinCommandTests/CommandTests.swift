import Foundation
import SkeinTestSupport
import Testing

/// Names, JSON keys and exit statuses are a contract that scripts rely on.
@Suite(.serialized) struct CommandTests {
  @Test func runGeneratesText() throws {
    let run = try Command.skein(
      "run", Command.stories, "-p", "Once upon a time", "-n", "12", "--temperature", "0", "--json")
    #expect(run.status == 0 && run.errors.isEmpty)
    let result = try run.object()
    #expect((result["tokens"] as? [Int])?.count == 12)
    #expect((result["text"] as? String)?.isEmpty == false)
    #expect((result["prompt_tokens"] as? Int ?? 0) > 1)
    #expect((result["prefill_tokens_per_second"] as? Double ?? 0) > 0)
    #expect((result["decode_tokens_per_second"] as? Double ?? 0) > 0)
  }

  @Test func runTakesTheBundledModelAndStandardInput() throws {
    let run = try Command.skein(
      "run", "-n", "8", "--seed", "4", input: "The little fox\n",
      environment: ["SKEIN_MODELS": Command.root.appending(path: "Models").path])
    #expect(run.status == 0 && run.output.hasPrefix("The little fox") && run.output.count > 25)
    #expect(run.errors.contains("tokens/s") && run.errors.contains("cpu: embedding, layers"))
  }

  @Test func theSameSeedGivesTheSameTextOnAnyDevices() throws {
    let one = try Command.skein("run", Command.stories, "-p", "One day", "-n", "40", "--seed", "11")
    let two = try Command.skein(
      "run", Command.stories, "-p", "One day", "-n", "40", "--seed", "11", "--devices", "cpu@0")
    let other = try Command.skein("run", Command.stories, "-p", "One day", "-n", "40", "--seed", "12")
    #expect(one.output == two.output && one.output != other.output)
  }

  @Test func tokenizeGoesThereAndBack() throws {
    let text = "The fox, the \u{1F98A} and\n\ttwo na\u{EF}ve caf\u{E9}s"
    let there = try Command.skein("tokenize", Command.stories, text, "--no-special", "--json").object()
    let tokens = try #require(there["tokens"] as? [Int])
    let back = try Command.skein(
      "tokenize", Command.stories, "--decode", tokens.map(String.init).joined(separator: ","), "--json")
    #expect(try back.object()["text"] as? String == text)
    let special = try Command.skein("tokenize", Command.stories, text, "--json").object()["tokens"] as? [Int]
    #expect(special?.count == tokens.count + 1)
  }

  @Test func logitsWritesNumPyFiles() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString).npy")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Command.skein("logits", Command.fixture, "--tokens", "1,5,9", "-o", file.path, "--json")
    #expect(run.status == 0)
    #expect(try run.object()["shape"] as? [Int] == [3, 280])
    let data = try Data(contentsOf: file)
    #expect(Array(data.prefix(8)) == [0x93] + Array("NUMPY".utf8) + [1, 0])
    let headerBytes = Int(data[8]) + Int(data[9]) << 8
    #expect((10 + headerBytes) % 64 == 0 && data.count == 10 + headerBytes + 3 * 280 * 4)
    let header = String(decoding: data[10..<10 + headerBytes], as: UTF8.self)
    #expect(header.contains("'<f4'") && header.contains("(3, 280)") && header.hasSuffix("\n"))
  }

  @Test func perplexityOfRealTextIsLowAndOfNoiseHigh() throws {
    let story = try Command.skein(
      "run", Command.stories, "-p", "Once upon a time", "-n", "60", "--temperature", "0"
    ).output
    let real = try Command.skein("perplexity", Command.stories, "--file", "-", "--json", input: story)
    let noise = try Command.skein(
      "perplexity", Command.stories, "--file", "-", "--json", input: "zq xv 93 kjw qqp vvx lkj 77 xz")
    let (low, high) = (
      try real.object()["perplexity"] as? Double, try noise.object()["perplexity"] as? Double
    )
    #expect(try #require(low) < 30)
    #expect(try #require(high) > 10 * #require(low))
    #expect((try real.object()["tokens"] as? Int ?? 0) > 10)
  }

  @Test func benchMeasuresEveryChoice() throws {
    let run = try Command.skein(
      "bench", Command.fixture, "--prompt-tokens", "20", "--gen-tokens", "5", "--repeat", "2", "--devices",
      "cpu",
      "--devices", "cpu@0", "--json")
    let rows = try run.objects()
    #expect(rows.map { $0["devices"] as? String } == ["cpu", "cpu@0"])
    for row in rows {
      #expect(row["prompt_tokens"] as? Int == 20 && row["gen_tokens"] as? Int == 5)
      #expect((row["prefill_tokens_per_second"] as? Double ?? 0) > 0)
      #expect((row["decode_tokens_per_second"] as? Double ?? 0) > 0)
      #expect((row["peak_bytes"] as? [String: Int])?.count == 1)
    }
  }

  @Test(arguments: [["--context-tokens", "40"], ["--sequences", "4"]])
  func benchMeasuresBehindAContextAndSeveralTexts(more: [String]) throws {
    let run = try Command.skein(
      ["bench", Command.stories, "--prompt-tokens", "8", "--gen-tokens", "4", "--repeat", "1", "--json"]
        + more)
    let row = try #require(try run.objects().first)
    let (context, texts) = more[0] == "--sequences" ? (0, 4) : (40, 1)
    #expect(row["context_tokens"] as? Int == context && row["sequences"] as? Int == texts)
    #expect((row["prefill_tokens_per_second"] as? Double ?? 0) > 0)
    #expect((row["decode_tokens_per_second"] as? Double ?? 0) > 0)
    // 4.5 million parameters, some in the embedding: a byte and a sixteenth each in Q8_0.
    let operations = try #require(row["matrix_operations_per_token"] as? Double)
    let bytes = try #require(row["weight_bytes_per_step"] as? Double)
    #expect((5e6...9e6).contains(operations) && (operations / 2...4.9e6).contains(bytes))
    // A position of a text is read in every layer: here 42 or 4 * 10 of them.
    let cache = try #require(row["cache_bytes_per_step"] as? Double)
    #expect(cache > 0 && Int(cache) % (context + 10 * texts) == 0)
  }

  @Test func everyCommandTakesACacheType() throws {
    func bytes(_ type: String) throws -> Int {
      let run = try Command.skein(
        "bench", Command.stories, "--prompt-tokens", "8", "--gen-tokens", "2", "--repeat", "1", "--context",
        "512",
        "--devices", "cpu@0", "--cache-type", type, "--json")
      return try #require((run.objects().first?["peak_bytes"] as? [String: Int])?.values.first)
    }
    #expect(try bytes("q8_0") < bytes("f16") && bytes("f16") < bytes("f32"))
    #expect(try bytes("automatic") == bytes("f16"))
    let written = try Command.skein(
      "run", Command.stories, "-p", "One day", "-n", "8", "--cache-type", "q8_0", "--json")
    #expect(written.status == 0)
    let compared = try Command.skein(
      "verify", Command.stories, "--devices", "cpu", "cpu@0", "--cache-type", "q8_0", "--json")
    #expect(try compared.objects().allSatisfy { $0["bit_equal"] as? Bool == true })
  }

  @Test func aPlanSaysWhatTheCacheIs() throws {
    func plan(_ model: String, _ rest: String...) throws -> Command {
      try Command.skein(["plan", model, "--devices", "cpu@0"] + rest)
    }
    #expect(try plan(Command.fixture, "--json").object()["cache_type"] as? String == "F32")
    #expect(try plan(Command.stories, "--json").object()["cache_type"] as? String == "F16")
    #expect(
      try plan(Command.fixture, "--cache-type", "q8_0", "--json").object()["cache_type"] as? String == "Q8_0")
    #expect(try plan(Command.fixture).output.contains("key-value cache F32"))
  }

  @Test func verifyComparesPlacements() throws {
    let run = try Command.skein("verify", Command.stories, "--devices", "cpu", "cpu@0", "--json")
    #expect(run.status == 0)
    #expect(try run.objects().allSatisfy { $0["bit_equal"] as? Bool == true })
  }

  @Test func verifySaysWhereDevicesShareNodes() throws {
    let folder = TemporaryFolder()
    let rules = folder.write(
      "shares.yaml", Array("rules: [{match: '.', device: {'cpu:0': 0.5, 'cpu:1': 0.5}}]".utf8))
    guard ProcessInfo.processInfo.activeProcessorCount > 1 else { return }
    let run = try Command.skein(
      "verify", Command.fixture, "--devices", "cpu@0", "cpu/2", "--placement", rules, "--json")
    #expect(run.status == 0, "\(run.errors)")
    let rows = try run.objects()
    #expect(rows.map { $0["shares_nodes"] as? Bool } == [false, true])
    #expect(try #require(rows[1]["largest_relative_difference"] as? Double) < 1e-5)
    let plan = try Command.skein("plan", Command.fixture, "--devices", "cpu/2", "--placement", rules)
    // Of few heads and few rows a half is not always to be had.
    #expect(
      plan.output.contains("% of layers 0-1") && plan.output.contains("% of the head"), "\(plan.output)")
  }

  @Test func inspectShowsWhatIsThere() throws {
    let report = try Command.skein("inspect", Command.fixture, "--json").object()
    #expect(report["version"] as? Int == 3)
    let modules = try #require(report["modules"] as? [[String: Any]])
    #expect(modules.contains { $0["module"] as? String == "model.layers.1.self_attn.q_proj.weight" })
    let graph = try Command.skein("inspect", Command.fixture, "--graph")
    #expect(graph.output.contains("layers.1.query = linear(layers.1.attentionNorm; [32, 32], [32])"))
  }

  @Test func aMixtureRunsAndIsShown() throws {
    let run = try Command.skein(
      "run", "stories-moe", "-p", "Once upon a time", "-n", "12", "--temperature", "0", "--json",
      "--devices", "cpu")
    #expect(run.status == 0)
    #expect((try run.object()["text"] as? String)?.contains(" ") == true)
    let report = try Command.skein("inspect", "stories-moe", "--json").object()
    #expect(report["problem"] == nil)
    let modules = try #require(report["modules"] as? [[String: Any]])
    #expect(modules.contains { $0["module"] as? String == "model.layers.1.mlp.experts.*.up_proj.weight" })
  }

  @Test func aFamilyThatCannotRunIsStillShown() throws {
    var bytes = try Data(contentsOf: Command.root.appending(path: "Models/stories-moe.gguf"))
    let name = try #require(bytes.firstRange(of: Data("deepseek2".utf8)))
    bytes.replaceSubrange(name, with: Data("deepseek0".utf8))
    let file = FileManager.default.temporaryDirectory.appending(path: "deepseek0-\(UUID()).gguf")
    try bytes.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let report = try Command.skein("inspect", file.path, "--json").object()
    #expect((report["problem"] as? String)?.contains("deepseek0") == true)
    let run = try Command.skein("run", file.path, "-p", "x")
    #expect(run.status == 1 && run.errors.contains("deepseek0") && run.errors.contains("deepseek2"))
  }

  @Test func devicesAreListed() throws {
    let report = try Command.skein("devices", "--json").object()
    let devices = try #require(report["devices"] as? [[String: Any]])
    #expect(devices.count == 1 && devices[0]["name"] as? String == "cpu")
    #expect((devices[0]["bytes_per_second"] as? Double ?? 0) > 1e8)
    #expect((report["limits"] as? [Any])?.isEmpty == true)
  }

  @Test func limitsOfCoresAreMeasured() throws {
    let report = try Command.skein("devices", "--limits", "--devices", "cpu@0", "--json").object()
    let limits = try #require(report["limits"] as? [[String: Any]])
    #expect(limits.count == 1 && limits[0]["cores"] as? [Int] == [0] && limits[0]["threads"] as? Int == 1)
    for key in ["int8_operations_per_second", "f32_operations_per_second", "read_bytes_per_second"] {
      #expect((limits[0][key] as? Double ?? 0) > 1e8, "\(key)")
    }
  }

  @Test(
    arguments: [
      (["run", "/nonexistent.gguf", "-p", "x"], 1, "/nonexistent.gguf"),
      (["run", "nosuch", "-p", "x"], 1, "nosuch"),
      (["run", Command.fixture, "-p", "x", "--devices", "cuda:0"], 1, "cuda:0"),
      (["run", Command.fixture, "-p", "x", "--context", "0"], 1, "context"),
      (["run", Command.fixture, "-p", "x", "-n", "0"], 64, "-n is 0"),
      (["run", Command.fixture, "-p", "x", "--top-p=2"], 64, "top-p"),
      (["run", Command.fixture, "--bogus"], 64, "--bogus"),
      (["bogus"], 64, "bogus"),
      (["logits", Command.fixture, "--tokens", "1,x", "-o", "f"], 64, "\"x\""),
      (["logits", Command.fixture, "--tokens", "280", "-o", "f"], 1, "280"),
      (["logits", Command.fixture, "--tokens", "1", "-o", "/nonexistent/f.npy"], 1, "/nonexistent/f.npy"),
      (["tokenize", Command.fixture], 64, "TEXT"),
      (["perplexity", Command.fixture, "--file", "/nonexistent.txt"], 1, "/nonexistent.txt"),
      (["verify", Command.fixture, "--devices", "cpu"], 64, "two"),
      (["devices", "--limits", "--measure"], 64, "--measure"),
      (["bench", Command.fixture, "--sequences", "0"], 64, "--sequences is 0"),
      (["bench", Command.fixture, "--sequences", "2", "--context-tokens", "9"], 64, "--context-tokens"),
      (["run", Command.fixture, "-p", "x", "--cache-type", "q4_0"], 64, "'f16', 'bf16', 'q8_0' or 'f32'"),
    ] as [([String], Int32, String)])
  func whatIsWrongIsSaidInOneLine(arguments: [String], status: Int32, words: String) throws {
    let run = try Command.skein(arguments)
    #expect(run.status == status, "\(run.errors)")
    #expect(run.output.isEmpty && run.errors.contains(words), "\(run.errors)")
    if status == 1 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)") }
  }
}
