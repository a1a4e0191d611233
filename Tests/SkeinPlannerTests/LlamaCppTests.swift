import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Options of llama.cpp")
struct LlamaCppTests {
  /// Runs of layers by GPU, -1 for the host, the output last: from a program that computes as llama.cpp does
  /// (`std::upper_bound` over sums of float32).
  @Test(
    "Layers are dealt as llama.cpp deals them",
    arguments: [
      (32, 99, "3,1", "0:25 1:8"), (32, 20, "3,1", "-1:13 0:15 1:5"), (80, 81, "1,1,1", "0:27 1:27 2:27"),
      (27, 27, "0.5,0.3,0.2", "-1:1 0:14 1:8 2:5"), (61, 40, "24,24,12,12", "-1:22 0:14 1:13 2:7 3:6"),
      (10, 0, "1,1", "-1:11"), (7, 8, "0,1,3", "1:2 2:6"),
      (126, 127, "1,1,1,1,1,1,1", "0:19 1:18 2:18 3:18 4:18 5:18 6:18"),
    ])
  func layers(count: Int, gpuLayers: Int, split: String, expected: String) throws {
    let options = try LlamaCppOptions(parsing: "-ngl \(gpuLayers) -ts \(split)", path: "o")
    let gpus = (0..<options.tensorSplit.count).map { DeviceID("cuda:\($0)") }
    let devices = options.layerDevices(count, gpus: gpus, host: DeviceID("cpu"))
    var runs: [(Int, Int)] = []
    for device in devices {
      let number = gpus.firstIndex(of: device) ?? -1
      if runs.last?.0 == number { runs[runs.count - 1].1 += 1 } else { runs.append((number, 1)) }
    }
    #expect(runs.map { "\($0.0):\($0.1)" }.joined(separator: " ") == expected)
  }

  private func resolve(
    _ text: String, _ model: RuleModel = .mixtral, devices: [String]? = nil
  ) throws -> (device: (String) -> String, findings: [Finding]) {
    let context = try model.context(devices: devices)
    let evaluation = try readPlacement(text, path: "o").evaluate(context)
    let (placement, graph) = (evaluation.placement, context.modules.graph)
    return ({ placement.deviceName($0, in: graph) }, evaluation.findings)
  }

  @Test("Overrides win over layers, the first over the next, in the order of the command line")
  func overrides() throws {
    let text = #"""
      llama-server -m model.gguf -ngl 99 -ts 3,1 \
        -ot "blk\.(30|31)\.ffn_.*_exps=CUDA1,blk\.2\.=CUDA1" \
        --override-tensor 'attn_output=CPU' --cpu-moe
      """#
    let (device, findings) = try resolve(text, devices: ["cpu", "cuda:0", "cuda:1"])
    #expect(device("tokenEmbedding") == "cpu")
    #expect(device("layers.0.query") == "cuda:0" && device("layers.31.query") == "cuda:1")
    #expect(device("layers.31.experts") == "cuda:1" && device("layers.5.experts") == "cpu")
    #expect(device("layers.2.experts") == "cuda:1" && device("layers.2.query") == "cuda:1")
    // The cache stays with the layer; the rotation goes with the queries.
    #expect(device("layers.2.attention") == "cuda:0" && device("layers.2.queryRope") == "cuda:1")
    #expect(device("layers.2.attentionOutput") == "cuda:1" && device("layers.3.attentionOutput") == "cpu")
    #expect(device("layers.3.attentionResidual") == "cuda:0" && device("head") == "cuda:1")
    #expect(findings.map(\.message) == ["not about placement, and passed over: -m"])
  }

  @Test("Experts of the first layers stay with the host")
  func hostExperts() throws {
    let (device, findings) = try resolve("--n-cpu-moe 2", .deepSeekV2Lite, devices: ["cpu", "cuda:0"])
    #expect(device("layers.1.experts") == "cpu" && device("layers.2.experts") == "cuda:0")
    #expect(device("layers.1.sharedUp") == "cuda:0" && device("layers.1.feedForwardResidual") == "cuda:0")
    // Layer 0 is dense, which is no fault.
    #expect(findings.isEmpty, "\(findings)")
    #expect(
      try resolve("-ncmoe 99", .deepSeekV2Lite).findings[0].message.contains("the model has, which is 27"))
    #expect(try resolve("-ncmoe 9", .llama).findings[0].message.contains("no experts"))
  }

  @Test("A list of overrides alone is enough; one node goes to one device")
  func bareOverrides() throws {
    let (device, findings) = try resolve(#"ffn_gate_exps=CPU,blk\.1\.attn_q=CUDA_Host"#)
    #expect(device("layers.1.query") == "cpu" && device("layers.1.key") == "cuda:0")
    #expect(device("layers.4.experts") == "cuda:0")
    #expect(
      findings.contains { $0.message.contains("block_sparse_moe.experts has weights on cpu and cuda:0") })
  }

  @Test("Modes and devices")
  func modes() throws {
    #expect(try resolve("-ngl 0").device("head") == "cpu")
    #expect(try resolve("-sm none -mg 1 -ngl 99").device("layers.0.query") == "cuda:1")
    let (device, _) = try resolve("-dev CUDA1,CUDA0 -ts 1,3")
    #expect(device("layers.0.query") == "cuda:1" && device("head") == "cuda:0")
    #expect(LlamaCppOptions.device("ROCm0", host: DeviceID("cpu")).name == "rocm:0")
    #expect(LlamaCppOptions.device("CPU_REPACK", host: DeviceID("cpu")).name == "cpu")
  }

  @Test("In split mode row all GPUs share every layer")
  func rows() throws {
    let context = try RuleModel.llama.context(devices: ["cpu", "cuda:0", "cuda:1"])
    let evaluation = try readPlacement("-sm row -ts 3,1 -ngl 99 -ot attn_output=CPU", path: "o").evaluate(
      context)
    func shares(_ name: String) -> [DeviceShare] {
      evaluation.shares[context.modules.graph.nodes.firstIndex { $0.name.description == name }!]
    }
    let both = [
      DeviceShare(DeviceID("cuda:0"), fraction: 0.75), DeviceShare(DeviceID("cuda:1"), fraction: 0.25),
    ]
    for name in ["query", "queryRope", "attention", "attentionResidual", "activation", "down"] {
      #expect(shares("layers.3.\(name)") == both, "\(name)")
    }
    #expect(shares("head") == both && shares("tokenEmbedding") == [DeviceShare(DeviceID("cpu"))])
    #expect(shares("layers.3.attentionOutput") == [DeviceShare(DeviceID("cpu"))])
    #expect(evaluation.findings.contains { $0.message.contains("cache on the main GPU") })
  }

  @Test("Lint")
  func lint() throws {
    let (_, findings) = try resolve(
      "-ot exps=CPU -ot ffn_up_exps=CUDA0 -ot typo=CPU -ot attn=CUDA7 -ts 1,1",
      devices: ["cpu", "cuda:0"])
    func has(_ text: String) -> Bool { findings.contains { $0.message.contains(text) } }
    #expect(has("\"ffn_up_exps\" does nothing: all it matches is taken by \"exps\""))
    #expect(has("\"typo\" matches nothing") && has("no device \"cuda:7\"") && has("2 parts for 1 GPUs"))
  }

  @Test(
    "What is no option is refused",
    arguments: [
      "-ot", "-ot exps", "-ot =CPU", "-ot 'x=CPU", "-ot (=CPU", "-ngl many", "-ts a,b", "-ts ,", "-ncmoe -1",
      "-sm diagonal", "-mg x", "-ts nan", "-ncmoe 99999999999999999999",
    ])
  func refused(text: String) throws {
    #expect(throws: PlannerError.self) { try LlamaCppOptions(parsing: text, path: "o") }
  }
}
