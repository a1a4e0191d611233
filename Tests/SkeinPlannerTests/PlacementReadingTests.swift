import SkeinGraph
import SkeinModels
import SkeinTestSupport
import Testing

@testable import SkeinPlanner

@Suite("Reading placements of all kinds")
struct PlacementReadingTests {
  @Test("The content tells which kind a file is")
  func recognition() throws {
    #expect(try readPlacement("# c\nrules: []", path: "p") is PlacementFile)
    #expect(
      try readPlacement("- match: {name: x}\n  replace: {class: default}", path: "p") is KTransformersRules)
    #expect(try readPlacement("---\n- match: {name: x}\n  replace: {}", path: "p") is KTransformersRules)
    #expect(try readPlacement("{\"model\": 0}", path: "p") is DeviceMap)
    #expect(try readPlacement("{\n\t\"model\": 0\n}", path: "p") is DeviceMap)
    #expect(try readPlacement("exps=CPU", path: "p") is LlamaCppOptions)
    #expect(try readPlacement("llama-cli -m x -ot exps=CPU", path: "p") is LlamaCppOptions)
    #expect(try readPlacement("--cpu-moe\n-ngl 12", path: "p") is LlamaCppOptions)
    for text in ["", "  \n# nothing\n", "word", "3"] {
      #expect(throws: PlannerError.self) { try readPlacement(text, path: "p") }
    }
  }

  @Test(
    "What is wrong with a placement file is told with line and remedy",
    arguments: [
      ("rules: 3", "must be a list", 1), ("rules:\n- match: x", "without `device`", 2),
      ("rules:\n- device: cpu", "without `match`", 2), ("devices: []", "no `rules:`", 1),
      ("rules:\n- match: x\n  devise: cpu", "nearest is device", 3),
      ("rules:\n- match: '(a'\n  device: cpu", "closing parenthesis", 2),
      ("rules:\n- {match: x, device: cpu, weights: there}", "resident or streamed", 2),
      ("rules:\n- {match: x, device: {cpu: much}}", "must be a number", 2),
      ("rules:\n- {match: x, node: y, device: cpu}", "two rules", 2),
      ("devices: [cpu, cpu]\nrules: []", "listed twice", 1),
      ("passes_in_flight: 0\nrules: []", "within 1...256", 1),
      ("rules: []\nrules: []", "twice", 1), ("rules: [\n", "not YAML", 2),
      ("rules: &a [*a]", "anchors", 1), ("rules: []\n--- \nrules: []", "not YAML", nil),
    ] as [(String, String, Int?)])
  func refused(text: String, message: String, line: Int?) throws {
    let error = #expect(throws: PlannerError.self) { try PlacementFile(parsing: text, path: "f.yaml") }
    #expect(error?.message.contains(message) == true, "\(error as Any)")
    if let line { #expect(error?.line == line, "\(error as Any)") }
  }

  @Test("What is wrong with rules is found against model and devices")
  func lint() throws {
    let text = #"""
      devices: [cuda:0, cpu, gpu]
      rules:
        - {match: 'layers\.0\.', device: cuda:0}
        - {match: 'layers\.0\.self_attn', device: cuda:0}
        - {match: 'self_atn', device: cuda:0}
        - {match: 'q_proj', device: {cuda:0: 0.5, cpu: 0.6}}
        - {match: 'k_proj', device: cuda:9}
        - {match: 'v_proj', device: {cpu: 0, cuda:0: 1}}
        - {match: 'o_proj', device: {cpu: 0.3334, cuda:0: 0.6667}}
        - {node: 'layers\.99\.', device: cpu}
        - {match: 'blk\.1[4-9]\.', device: cpu}
      """#
    let findings = try PlacementFile(parsing: text, path: "p").lint(
      try RuleModel.llama.context(devices: ["cuda:0", "cpu"]))
    func has(_ line: Int?, _ severity: Finding.Severity, _ text: String) -> Bool {
      findings.contains { $0.line == line && $0.severity == severity && $0.message.contains(text) }
    }
    #expect(has(4, .warning, "all it matches is taken by \"layers\\.0\\.\" (line 3)"))
    #expect(has(5, .warning, "the nearest name is model.layers.0.self_attn"))
    #expect(has(6, .error, "sum to 1.1") && has(7, .error, "no device \"cuda:9\""))
    #expect(has(7, .error, "not in the list of devices") && has(8, .error, "share of cpu is 0"))
    #expect(has(10, .warning, "nodes are called as in"))
    #expect(has(11, .warning, "also names layers 16 to 19; the model has 16, 0 to 15"))
    #expect(has(nil, .error, "no device \"gpu\"") && has(nil, .error, "modules run"))
    #expect(!findings.contains { $0.line == 9 }, "\(findings)")
    #expect(
      Finding.overfullDevices(
        bytes: [DeviceID("a"): 9_000_000_000, DeviceID("b"): 5], limits: [DeviceID("a"): 8_000_000_000]
      ).map(\.message)
        == ["a has to hold 9.0 GB and has room for 8.0 GB: move 1.0 GB to other devices, or stream weights"])
  }

  @Test("No expression hangs")
  func hostileExpressions() throws {
    let context = try RuleModel.llama.context(default: "cpu")
    for pattern in [#"(a+)+$"#, #"^(([a-z])+.)+[A-Z]([a-z])+$"#, #"(?:(?:.*)*)*x"#, #"(.+)\1\1\1\1\1(?R)?y"#]
    {
      let start = ContinuousClock.now
      let file = PlacementFile(rules: [.init(.match, pattern, [DeviceShare(DeviceID("cpu"))])])
      _ = try? file.lint(context)
      #expect(ContinuousClock.now - start < .seconds(5))
    }
    for pattern in [
      String(repeating: "a", count: 9000), "((a{1,1000}){1,1000}){1,1000}",
      String(repeating: "(", count: 400), #"\C"#, "(*NO_SUCH)",
    ] {
      #expect(throws: PatternError.self) { try RulePattern(pattern) }
    }
    #expect(try RulePattern("").matches("") && RulePattern("é").matches("née"))
  }

  @Test("Deep and wide values are refused or read, in bounded time")
  func hostileShapes() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: PlannerError.self) { try readPlacement(deep, path: "p") }
    let blocks = (0..<3000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    #expect(throws: PlannerError.self) { try readPlacement(blocks, path: "p") }
    let bomb =
      "a: &a [x,x]\n" + (1..<40).map { "a\($0): &a\($0) [*a\($0 - 1),*a\($0 - 1)]\n" }.joined()
    #expect(throws: PlannerError.self) { try readPlacement(bomb, path: "p") }
    let hidden = "- \"x\n  # \", &a [1]\n- \u{2028}&b [*a,*a]\n"
    #expect(throws: PlannerError.self) { try readPlacement(hidden, path: "p") }
    #expect(throws: PlannerError.self) {
      try readPlacement(String(repeating: "x", count: 9 << 20), path: "p")
    }
  }

  @Test("Damaged files give an error each, or another file, and never more")
  func mutations() throws {
    let seeds = [
      PlacementFileTests.text, KTransformersTests.twoGPUs,
      #"{"model.embed_tokens": 0, "model.layers.0": "cpu", "model.layers.1": "disk", "": 1}"#,
      #"llama -ot "blk\.(1|2)\.=CUDA1,exps=CPU" -ngl 12 -ts 3,1 --n-cpu-moe 3"#,
    ]
    let context = try RuleModel.llama.context(devices: ["cpu", "cuda:0"], default: "cpu")
    var random = SplitMix64(state: 11)
    let spice = Array("{}[]:,-&*!|>'\"%@`#?\\\n\t ()+.$^0159ax\0é\u{2028}".utf8)
    for round in 0..<1200 {
      var bytes = Array(seeds[round % seeds.count].utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = spice.randomElement(using: &random)!
        case 1: bytes.insert(spice.randomElement(using: &random)!, at: place)
        case 2: bytes.removeSubrange(place..<min(place + Int.random(in: 1...9, using: &random), bytes.count))
        default: bytes = Array(bytes.prefix(max(place, 1)))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do {
        let source = try readPlacement(String(decoding: bytes, as: UTF8.self), path: "damaged")
        _ = try source.lint(context)
        _ = try source.resolve(context)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }
}
