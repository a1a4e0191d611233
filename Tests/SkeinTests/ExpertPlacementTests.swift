import Skein
import SkeinDevices
import SkeinGraph
import SkeinPlanner
import SkeinTestSupport
import Testing

/// Experts on other devices, as placement files say, in every family that has experts.
@Suite struct ExpertPlacementTests {
  static let names = ["mixtral", "qwen2-moe", "qwen3-moe", "deepseek-v2", "deepseek-v2-old", "deepseek-v3"]

  /// What says where experts are; everything else is on `cpu:0`.
  static let rules = [
    "odd layers": #"{match: '^model\.layers\.\d*[13579]\..*\.experts$', device: 'cpu:1'}"#,
    "shares": #"{match: '\.experts$', device: {'cpu:0': 0.6, 'cpu:1': 0.4}}"#,
    "whole experts": #"{match: '\.experts$', device: {'cpu:0': 0.3, 'cpu:1': 0.7}, cut: experts}"#,
    "streamed": #"{match: '\.experts$', device: {'cpu:0': 0.5, 'cpu:1': 0.5}, weights: streamed}"#,
    "named": #"{match: '\.experts$', device: {'cpu:1': [0, 2-3], 'cpu:0': rest}}"#,
  ]

  private func load(_ name: String, rule: String?, devices: String = "cpu/2") async throws -> Model {
    var options = LoadOptions.devices(rule == nil ? "cpu@\(try CPUTopology().cores[0])" : devices)
    if let rule {
      options.planning.placing = .rules(
        text: "devices: ['cpu:0', 'cpu:1']\nrules:\n  - \(rule)\n  - {match: '.', device: 'cpu:0'}\n",
        path: "rules.yaml")
    }
    return try await Model.load(Reference.modelPath(name), options: options)
  }

  @Test(arguments: names) func logitsAreThoseOfOneDevice(name: String) async throws {
    guard try CPUTopology().cores.count > 1 else { return }
    let reference = try Reference(name)
    let tokens = reference.prompt + (0..<40).map { Int32($0 * 5 % 270) + 3 }
    let expected = try await load(name, rule: nil).logits(tokens)
    for (what, rule) in Self.rules {
      let model = try await load(name, rule: rule)
      let logits = try await model.logits(tokens)
      #expect(relativeDifference(logits, expected) < 1e-5, "\(what)")
      #expect(try await model.logits(tokens) == logits, "\(what)")
      let width = model.definition.graph.vocabularySize
      for (row, expected) in zip(reference.rows, reference.logits) {
        #expect(relativeDifference(logits[row * width..<(row + 1) * width], expected) < 1e-3, "\(what)")
      }
      for (index, device) in model.plan.devices.enumerated() {
        #expect(model.reservedBytes[device.device] == model.plan.byteCount(device: index))
      }
    }
  }

  /// What is counted is what the router chose, and a plan by it can be made of it.
  @Test(arguments: ["mixtral", "qwen3-moe", "deepseek-v3"])
  func choicesAreCounted(name: String) async throws {
    let reference = try Reference(name)
    var options = LoadOptions.devices("cpu@\(try CPUTopology().cores[0])")
    options.executor.expertCounting = .on
    let model = try await Model.load(Reference.modelPath(name), options: options)
    _ = try await model.logits(reference.prompt)
    let usage = try #require(try await model.expertUsage())
    let routers = model.definition.graph.nodes.compactMap { node -> (Int, ExpertRouter)? in
      if case .expertRouter(let router) = node.op { (node.name.layer!, router) } else { nil }
    }
    #expect(usage.layers.map(\.layer) == routers.map(\.0))
    for (layer, router) in zip(usage.layers, routers) {
      #expect(layer.counts.count == router.1.expertCount)
      #expect(layer.counts.reduce(0, +) == reference.prompt.count * router.1.chosenCount)
    }
    let file = try PlanningOptions.ExpertUsageFile(parsing: usage.text, path: "usage.json")
    #expect(file.usage == usage)
    options.planning.expertUsage = file
    _ = try await Model.load(Reference.modelPath(name), options: options)
    // The counts of another model are refused.
    await #expect {
      _ = try await Model.load(Reference.modelPath("llama"), options: options)
    } throws: {
      "\($0)".contains("usage.json: is of another model")
    }
  }

  @Test func aTraceOfARunNamesItsSteps() async throws {
    var options = LoadOptions.devices("cpu/2")
    options.executor.tracing = .steps(most: 1000)
    let model = try await Model.load(Reference.modelPath("qwen3-moe"), options: options)
    _ = try await model.logits([1, 2, 3])
    let trace = try #require(try await model.trace(title: "a \"test\""))
    #expect(trace.contains(#""name":"layers.1.experts 1""#) && trace.contains(#""name":"a \"test\"""#))
    for device in model.plan.devices { #expect(trace.contains("\"name\":\"\(device.device)\"")) }
    #expect(try await model.lostTraceSteps() == 0)
    let silent = try await Model.load(Reference.modelPath("qwen3-moe"), options: .devices("cpu"))
    #expect(try await silent.trace(title: "") == nil)
  }
}
