import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinPlanner

/// Shares of experts in placement files.
@Suite struct ExpertShareRuleTests {
  private func text(_ device: String, _ more: String = "") -> String {
    """
    rules:
      - match: '\\.mlp\\.experts$'
        device: \(device)
    \(more)
      - {match: '.', device: a}
    """
  }

  private func shares(_ text: String) throws -> [Share] {
    let context = try RuleModel.qwen3Moe.context()
    let (placement, _) = try PlacementFile(parsing: text, path: "p").resolve(context)
    let node = context.modules.graph.nodes.first { $0.name == NodeName(layer: 5, .experts) }!
    #expect(placement.devices == [DeviceID("a"), DeviceID("b")] || placement.devices.count == 2)
    return placement.shares[node.id.index]
  }

  @Test("Fractions, whole experts, numbers and the rest")
  func reading() throws {
    #expect(
      try shares(text("{a: 0.25, b: 0.75}")) == [
        Share(device: 0, fraction: 0.25), Share(device: 1, fraction: 0.75),
      ])
    #expect(
      try shares(text("{a: 0.25, b: 0.75}", "    cut: experts")) == [
        Share(device: 0, fraction: 0.25, experts: ExpertSet(0..<32)),
        Share(device: 1, fraction: 0.75, experts: ExpertSet(32..<128)),
      ])
    #expect(
      try shares(text("{a: [0, 5-7], b: rest}")) == [
        Share(device: 0, fraction: 4.0 / 128, experts: ExpertSet([0, 5, 6, 7])),
        Share(
          device: 1, fraction: 124.0 / 128,
          experts: ExpertSet((0..<128).filter { ![0, 5, 6, 7].contains($0) })),
      ])
  }

  @Test("What is wrong is said with the line")
  func mistakes() throws {
    let context = try RuleModel.qwen3Moe.context()
    func problem(_ text: String) -> String {
      do {
        _ = try PlacementFile(parsing: text, path: "p").resolve(context)
        return ""
      } catch { return "\(error)" }
    }
    for (device, expected) in [
      ("{a: [0-63], b: [63-127]}", "has expert 63 on two devices"),
      ("{a: [0-63], b: [65-127]}", "has expert 64 on no device"),
      ("{a: [0-63], b: [64-128]}", "has no expert 128; the last is 127"),
      ("{a: [0-127], b: rest}", "has no rest for b"),
      ("{a: rest, b: rest}", "has no rest for b"),
      ("{a: 0.5, b: [64-127]}", "write all in one way"),
      ("{a: [3-1], b: rest}", "must be numbers of experts"),
      ("{a: [x], b: rest}", "must be numbers of experts"),
      ("{a: [], b: rest}", "given no expert"),
      ("{a: [1, 1], b: rest}", "given expert 1 twice"),
      ("{a: some, b: rest}", "must be a number such as 0.5, a list of experts"),
    ] {
      #expect(problem(text(device)).contains(expected), "\(problem(text(device)))")
      #expect(problem(text(device)).contains("p:"))
    }
    #expect(problem(text("{a: 0.5, b: 0.5}", "    cut: heads")).contains("must be width or experts"))
    let other = "rules:\n  - {match: '.', device: {a: [0-63], b: rest}}\n"
    #expect(problem(other).contains("has no experts"))
  }

  @Test("What is written is read as the same placement")
  func describing() throws {
    let context = try RuleModel.qwen3Moe.context()
    for device in ["{a: [0, 5-7], b: rest}", "{a: 0.25, b: 0.75}"] {
      var (placement, _) = try PlacementFile(parsing: text(device), path: "p").resolve(context)
      // Layers differ.
      let node = context.modules.graph.nodes.first { $0.name == NodeName(layer: 7, .experts) }!.id
      placement.shares[node.index] = [
        Share(device: 0, fraction: 0.5, experts: ExpertSet(0..<64)),
        Share(device: 1, fraction: 0.5, experts: ExpertSet(64..<128)),
      ]
      let file = try PlacementFile(describing: placement, of: context.modules)
      let again = try PlacementFile(parsing: file.text, path: "p").resolve(context).0
      #expect(again == placement, "\(file.text)")
    }
  }

  @Test("Sums with the result of experts stay with what they are added to")
  func sums() throws {
    let rules = #"""
      rules:
        - {match: '\.mlp\.experts$', device: b}
        - {match: '(proj|norm|embed|head|gate)', device: a}
      """#
    let context = try RuleModel.deepSeekV2Lite.context()
    let (placement, _) = try PlacementFile(parsing: rules, path: "p").resolve(context)
    #expect(placement.deviceName("layers.3.mixture", in: context.modules.graph) == "a")
    #expect(placement.deviceName("layers.3.experts", in: context.modules.graph) == "b")
  }
}
