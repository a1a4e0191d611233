import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Device maps of accelerate")
struct DeviceMapTests {
  private func resolve(
    _ text: String, _ model: RuleModel = .llama, devices: [String]? = nil, default device: String? = nil
  ) throws -> (device: (String) -> String, streamed: Set<String>, findings: [Finding]) {
    let context = try model.context(devices: devices, default: device)
    let evaluation = try readPlacement(text, path: "map.json").evaluate(context)
    let (placement, graph) = (evaluation.placement, context.modules.graph)
    return (
      { placement.deviceName($0, in: graph) }, Set(placement.streamed.map { graph[$0].name.description }),
      evaluation.findings
    )
  }

  @Test("The longest name wins, part by part")
  func longest() throws {
    let (device, streamed, findings) = try resolve(
      """
      {
        "model.layers.1": 1,
        "": 0,
        "model.layers.10": "cpu",
        "model.layers.1.mlp": "cuda:2",
        "model.layers.12.self_attn.q_proj.weight": "cpu",
        "model.layers.11": "disk",
        "model.rotary_emb": 0
      }
      """)
    #expect(device("layers.1.query") == "cuda:1" && device("layers.1.up") == "cuda:2")
    #expect(device("layers.10.query") == "cpu" && device("layers.12.query") == "cpu")
    #expect(device("layers.12.key") == "cuda:0" && device("layers.11.key") == "cpu")
    #expect(streamed.contains("layers.11.key") && streamed.count == 9, "\(streamed)")
    #expect(device("layers.1.activation") == "cuda:2" && device("layers.1.attentionResidual") == "cuda:1")
    #expect(findings.isEmpty)
  }

  @Test("Experts may be named one by one, and are one operation")
  func experts() throws {
    let (device, _, findings) = try resolve(
      #"{"": 0, "model.layers.3.mlp.experts.7": 1, "model.layers.4.mlp.experts": "cpu"}"#, .qwen3Moe)
    #expect(device("layers.3.experts") == "cuda:0" && device("layers.4.experts") == "cpu")
    #expect(device("layers.4.router") == "cuda:0")
    #expect(findings.count == 1 && findings[0].message.contains("model.layers.3.mlp.experts are on several"))
  }

  @Test("What nothing names is an error, or goes to the default device")
  func uncovered() throws {
    let text = #"{"device_map": {"model": 0, "model.layer.3": 1, "model.layers": 0, "model.layers.0": 1}}"#
    let (_, _, findings) = try resolve(text)
    #expect(findings.contains { $0.severity == .error && $0.message.contains("lm_head") })
    #expect(findings.contains { $0.message.contains("\"model.layer.3\" matches nothing") })
    let (device, _, again) = try resolve(text, devices: ["cuda:0", "cuda:1", "cpu"], default: "cpu")
    #expect(device("head") == "cpu" && !again.contains { $0.severity == .error })
  }

  @Test("A name whose weights are all named more closely does nothing")
  func shadowed() throws {
    let layers = (0..<16).map { "\"model.layers.\($0)\": 0" }.joined(separator: ",\n")
    let (_, _, findings) = try resolve(
      "{\"model.layers\": 1,\n\(layers), \"model.embed_tokens\": 0, \"model.norm\": 0, \"lm_head\": 0}")
    #expect(findings.count == 1 && findings[0].line == 1)
    #expect(
      findings[0].message.contains("does nothing: all it matches is taken by \"model.layers.0\" (line 2)"))
  }

  @Test(
    "What is no map is refused",
    arguments: [
      #"{"device_map": "auto"}"#, #"{"a": -1}"#, #"{"a": [1]}"#, #"{"a": "auto"}"#, #"{"a": null}"#,
      #"{"a": 1, "a": 2}"#, #"{"a": 1"#,
    ])
  func refused(text: String) throws {
    #expect(throws: PlannerError.self) { try DeviceMap(parsing: text, path: "m") }
  }
}
