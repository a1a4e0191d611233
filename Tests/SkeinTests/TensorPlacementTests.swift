import Skein
import SkeinDevices
import SkeinGraph
import SkeinModels
import SkeinTestSupport
import Testing

/// Layers shared by devices, as placement files say, in every family.
@Suite struct TensorPlacementTests {
  /// Families by what refuses them: one head of keys and values cannot be shared.
  static let names = Reference.names

  private func load(_ path: String, rules: String?) async throws -> Model {
    var options = LoadOptions.devices(rules == nil ? "cpu@\(try CPUTopology().cores[0])" : "cpu/2")
    if let rules {
      options.planning.placing = .rules(
        text: "devices: ['cpu:0', 'cpu:1']\nrules:\n\(rules)  - {match: '.', device: 'cpu:0'}\n",
        path: "rules.yaml")
    }
    return try await Model.load(path, options: options)
  }

  static let rules = [
    "everything": "  - {match: '.', device: {'cpu:0': 0.5, 'cpu:1': 0.5}}\n",
    "layers and head": "  - {match: '^(model\\.layers\\.|lm_head)', device: {'cpu:0': 0.3, 'cpu:1': 0.7}}\n",
    "attention": "  - {match: 'self_attn', device: {'cpu:0': 0.5, 'cpu:1': 0.5}}\n",
    "networks of odd layers":
      "  - {match: '^model\\.layers\\.\\d*[13579]\\.mlp', device: {'cpu:1': 0.6, 'cpu:0': 0.4}}\n",
  ]

  @Test(arguments: names) func logitsAreThoseOfOneDevice(name: String) async throws {
    guard try CPUTopology().cores.count > 1 else { return }
    let reference = try Reference(name)
    let tokens = reference.prompt + (0..<40).map { Int32($0 * 5 % 250) + 3 }
    let expected = try await load(Reference.modelPath(name), rules: nil).logits(tokens)
    for (what, rules) in Self.rules {
      let model: Model
      do { model = try await load(Reference.modelPath(name), rules: rules) } catch {
        // One head of keys and values is not to be shared.
        let graph = try ModelDefinition(path: Reference.modelPath(name)).graph
        let heads = graph.caches.map(\.keyValueHeadCount).min()!
        #expect("\(error)".contains("heads of keys and values") && heads < 2, "\(name), \(what): \(error)")
        continue
      }
      let logits = try await model.logits(tokens)
      #expect(relativeDifference(logits, expected) < 1e-5, "\(name), \(what)")
      #expect(try await model.logits(tokens) == logits, "\(name), \(what)")
      for (index, device) in model.plan.devices.enumerated() {
        #expect(model.reservedBytes[device.device] == model.plan.byteCount(device: index))
      }
    }
  }
}
