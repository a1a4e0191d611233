import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

@Suite("Rules of KTransformers")
struct KTransformersTests {
  /// Two GPUs with experts in host memory, in the shape that people write.
  static let twoGPUs = #"""
    - match:
        name: "^model.embed_tokens"
      replace:
        class: "default"
        kwargs: {generate_device: "cpu", prefill_device: "cpu"}
    - match:
        name: "^model\\.layers\\.([0-9]|1[0-2])\\."
        class: ktransformers.models.modeling_deepseek.DeepseekV2YarnRotaryEmbedding
      replace:
        class: ktransformers.operators.RoPE.YarnRotaryEmbedding
        kwargs: {generate_device: "cuda", prefill_device: "cuda"}
    - match:
        name: "^model\\.layers\\.([0-9]|1[0-2])\\.(?!self_attn\\.kv_b_proj).*$"
        class: torch.nn.Linear
      replace:
        class: ktransformers.operators.linear.KTransformersLinear
        kwargs: {generate_device: "cuda:0", prefill_device: "cuda:0", generate_op: "KLinearMarlin"}
    - match:
        name: "^model\\.layers\\.(1[3-9]|2[0-9])\\.(?!self_attn\\.kv_b_proj).*$"
        class: torch.nn.Linear
      replace:
        class: ktransformers.operators.linear.KTransformersLinear
        kwargs: {generate_device: "cuda:1", prefill_device: "cuda:1"}
    - match:
        name: "^model\\.layers\\..*\\.mlp$"
        class: ktransformers.models.modeling_deepseek.DeepseekV2MoE
      replace:
        class: ktransformers.operators.experts.KDeepseekV2MoE
        kwargs: {generate_device: "cuda:0", prefill_device: "cuda:0"}
    - match:
        name: "^model\\.layers\\..*\\.mlp\\.gate$"
        class: ktransformers.models.modeling_deepseek_v3.MoEGate
      replace:
        class: ktransformers.operators.gate.KMoEGate
        kwargs: {generate_device: "cuda:1", prefill_device: "cuda:1"}
    - match:
        name: "^model\\.layers\\.([0-9]|1[0-2])\\.mlp\\.experts$"
      replace:
        class: ktransformers.operators.experts.KTransformersExperts
        kwargs:
          prefill_device: "cuda:0"
          generate_device: "cpu"
          out_device: "cuda:0"
      recursive: False # the experts are one module there
    - match:
        name: "^model\\.layers\\..*\\.mlp\\.experts$"
      replace:
        class: ktransformers.operators.experts.KTransformersExperts
        kwargs: {prefill_device: "cuda:1", out_device: "cuda:1"}
      recursive: False
    - match:
        name: "^model$"
      replace:
        class: "ktransformers.operators.models.KDeepseekV2Model"
        kwargs:
          transfer_map:
            13: "cuda:1"
    - match:
        name: "^model\\.layers\\.([0-9]|1[0-2])\\."
      replace:
        class: "default"
        kwargs: {generate_device: "cuda:0", prefill_device: "cuda:0"}
    - match:
        name: "(^model\\.layers\\.(1[3-9]|2[0-9])\\.)|(^model.norm)|(^lm_head)"
      replace:
        class: "default"
        kwargs: {generate_device: "cuda:1", prefill_device: "cuda:1"}
    - match:
        name: "^model\\.layers\\.5\\.mlp\\.experts\\.3"
      replace:
        class: "default"
        kwargs: {generate_device: "cuda:1"}
    - match:
        name: "^model\\.layers\\.7\\.self_attn\\.o_proj$"
      replace:
        class: "default"
        kwargs: {generate_device: "cuda:1"}
    """#

  private func evaluate(
    _ model: RuleModel, devices: [String]? = nil
  ) throws -> (PlacementEvaluation, ModuleTree) {
    let context = try model.context(devices: devices)
    return (try readPlacement(Self.twoGPUs, path: "k.yaml").evaluate(context), context.modules)
  }

  @Test("Modules get the devices that KTransformers would give them")
  func devices() throws {
    let (evaluation, modules) = try evaluate(.deepSeekV2Lite)
    func devices(_ name: String) -> [String] {
      let devices = evaluation.moduleDevices[modules.place(of: name)!]
      return [devices.generate, devices.prefill, devices.output].map(\.name)
    }
    #expect(devices("model.embed_tokens") == ["cpu", "cpu", "cpu"])
    #expect(devices("model.layers.3.self_attn.rotary_emb") == ["cuda:0", "cuda:0", "cuda:0"])
    #expect(devices("model.layers.3.mlp.experts") == ["cpu", "cuda:0", "cuda:0"])
    // Experts run on the processor where the rule does not say.
    #expect(devices("model.layers.20.mlp.experts") == ["cpu", "cuda:1", "cuda:1"])
    // Below `recursive: False`, modules are a part of what replaced theirs.
    #expect(devices("model.layers.20.mlp.experts.63.up_proj") == ["cpu", "cuda:1", "cuda:1"])
    // The rule for gates names the class of another file, so a later rule takes them.
    #expect(devices("model.layers.3.mlp.gate") == ["cuda:0", "cuda:0", "cuda:0"])
    // The expression skips this one.
    #expect(devices("model.layers.20.self_attn.kv_b_proj") == ["cuda:1", "cuda:1", "cuda:1"])
    // No rule: their default.
    #expect(devices("model.layers.20") == ["cuda:0", "cuda:0", "cuda:0"])
  }

  @Test("Nodes run where their modules generate; sums go where the hidden state is")
  func placement() throws {
    let (evaluation, modules) = try evaluate(.deepSeekV2Lite)
    let placement = evaluation.placement
    func device(_ node: String) -> String { placement.deviceName(node, in: modules.graph) }
    #expect(device("layers.12.experts") == "cpu" && device("layers.13.router") == "cuda:1")
    #expect(device("layers.13.queryRope") == "cuda:1" && device("layers.12.keyRope") == "cuda:0")
    #expect(device("layers.12.feedForwardResidual") == "cuda:0")
    #expect(device("layers.13.attentionResidual") == "cuda:1")
    #expect(device("outputNorm") == "cuda:1" && device("head") == "cuda:1")
    #expect(placement.shares.allSatisfy { $0.count == 1 })
    #expect(Set(placement.devices.map(\.name)) == ["cpu", "cuda:0", "cuda:1"])
  }

  @Test("Rules that do nothing are told, with their lines")
  func lint() throws {
    let (evaluation, _) = try evaluate(.deepSeekV2Lite)
    let found = evaluation.findings.map(\.description)
    func expect(_ line: Int, _ text: String, isThere: Bool = true) {
      let has = found.contains { $0.hasPrefix("\(line): ") && $0.contains(text) }
      #expect(has == isThere, "\(line) \(text): \(found)")
    }
    expect(30, "matches nothing")
    expect(30, "modeling_deepseek.MoEGate")
    expect(68, "recursive: False")
    expect(73, "does nothing: all it matches is taken by")
    expect(73, "(line 12)")
    expect(63, "layers 27 to 29; the model has 27, 0 to 26")
    expect(36, "reads prompts on cuda:0 and generates on cpu")
    expect(45, "matches nothing", isThere: false)
    #expect(!evaluation.findings.contains { $0.severity == .error })
  }

  @Test("Devices that do not exist are errors, with the nearest that does")
  func missingDevice() throws {
    let (evaluation, _) = try evaluate(.deepSeekV2Lite, devices: ["cpu", "cuda:0"])
    let error = try #require(evaluation.findings.first { $0.severity == .error })
    #expect(error.line == 18 && error.message.contains("\"cuda:1\"") && error.message.contains("cuda:0"))
    let context = try RuleModel.deepSeekV2Lite.context(devices: ["cpu", "cuda:0"])
    #expect(throws: PlannerError.self) {
      try readPlacement(Self.twoGPUs, path: "k.yaml").resolve(context)
    }
  }

  @Test("Rules for another model match little, and say so")
  func otherModel() throws {
    let (evaluation, _) = try evaluate(.mixtral)
    #expect(evaluation.findings.count { $0.message.contains("matches nothing") } >= 5)
    #expect(evaluation.shares.allSatisfy { !$0.isEmpty })
    let beyond = try readPlacement(
      "- match: {name: 'layers\\.4[0-3]\\.'}\n  replace: {kwargs: {generate_device: cpu}}", path: "k"
    ).lint(try RuleModel.mixtral.context())
    #expect(beyond.contains { $0.message.contains("it names layers 40 to 43; the model has 32, 0 to 31") })
  }

  @Test(
    "What is no rule is refused with its line",
    arguments: [
      ("- match: {name: x}", "`replace`", 1),
      ("- replace: {class: default}", "`match`", 1),
      ("- match: {}\n  replace: {}", "name, a class", 1),
      ("- match: {name: x}\n  replace: {}\n- match: {name: '('}\n  replace: {}", "expression", 3),
      ("- match: {nam: x}\n  replace: {}", "nearest is name", 1),
      ("- match: {name: x}\n  replace: {kwargs: 3}", "mapping", 2),
      ("- match: {name: x}\n  replace:\n    kwargs:\n      transfer_map: {a: cpu}", "number of a layer", 4),
      ("- 3", "mapping", 1),
    ])
  func refused(text: String, message: String, line: Int) throws {
    let error = #expect(throws: PlannerError.self) { try KTransformersRules(parsing: text, path: "f.yaml") }
    #expect(error?.message.contains(message) == true && error?.line == line, "\(error as Any)")
  }
}
