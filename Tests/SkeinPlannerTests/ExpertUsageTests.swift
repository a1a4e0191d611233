import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinPlanner

/// Plans by how often each expert is chosen.
@Suite struct ExpertUsageTests {
  private let graph = TinyGraph.mixture(
    layerCount: 6, width: 256, expertWidth: 512, router: ExpertRouter(expertCount: 16, chosenCount: 2))

  /// Expert e of layer l has been chosen `weight(l, e)` times.
  private func usage(_ weight: (Int, Int) -> Int) -> ExpertUsage {
    ExpertUsage((0..<6).map { layer in .init(layer: layer, counts: (0..<16).map { weight(layer, $0) }) })
  }

  /// Half of the experts take nearly all tokens, other ones in every layer.
  private var skewed: ExpertUsage { usage { ($1 + $0) % 2 == 0 ? 1000 + $1 : 3 } }

  private func fleet(_ fastBytes: Int, hostBytes: Int) -> Fleet {
    Fleet(
      devices: [
        DeviceProfile(
          id: DeviceID("cpu"), kind: .cpu, hardware: "host", memoryBytes: hostBytes,
          rates: .simple(bytesPerSecond: 40e9, operationsPerSecond: 1e12)),
        DeviceProfile(
          id: DeviceID("gpu:0"), kind: .gpu, hardware: "fast", memoryBytes: fastBytes,
          rates: .simple(bytesPerSecond: 800e9, operationsPerSecond: 40e12)),
      ],
      links: ["cpu", "gpu:0"].flatMap { source in
        ["cpu", "gpu:0"].filter { $0 != source }.map {
          Fleet.Link(
            source: source, destination: $0,
            rate: .init(bytesPerSecond: 20e9, latencySeconds: 2e-6))
        }
      })
  }

  @Test("The most used experts stay on the fast device, as far as its memory goes")
  func hotExpertsStay() throws {
    var model = PricedModel.f16(graph)
    let expertBytes = graph.nodes.filter { $0.name.role == .experts }.reduce(0) {
      $0 + $1.weights.reduce(0) { $0 + model.weightBytes[$1.index] }
    }
    let fleet = fleet(model.totalBytes - expertBytes * 45 / 100 + 3_000_000, hostBytes: 4 * model.totalBytes)
    let without = try Planner(problem(model, fleet)).best()
    #expect(without.chosen.strategy == HostExperts().name)
    #expect(without.chosen.plan.splits.isEmpty)

    model.usage = skewed
    let byUse = problem(model, fleet)
    let found = try Planner(byUse).best()
    let plan = found.chosen.plan
    #expect(!plan.splits.isEmpty)
    let fast = plan.devices.firstIndex { $0.device.name == "gpu:0" }!
    for (node, parts) in plan.splits {
      let layer = graph[node].name.layer!
      let kept = try #require(parts.first { $0.device == fast }?.slice.experts).experts
      let away = try #require(parts.first { $0.device != fast }?.slice.experts).experts
      let counts = skewed.layers[layer].counts
      // None that stays is used less than one that goes.
      #expect(kept.numbers.map { counts[$0] }.min()! >= away.numbers.map { counts[$0] }.max()!)
    }
    // It fits, and it is faster than whole layers would be with the same use.
    #expect(plan.byteCount(device: fast) <= fleet.devices[1].memoryBytes)
    let whole = try byUse.price(without.chosen.placement).price
    #expect(found.chosen.seconds < whole.requestSeconds)
    // What one writes down another reads.
    #expect(found.chosen.placement.shares.contains { $0.count == 2 && $0[0].experts != nil })
  }

  @Test("Even use gives no more than even use")
  func evenUseChangesNoPrice() throws {
    var model = PricedModel.f16(graph)
    let node = graph.nodes.first { $0.name.role == .experts }!
    guard case .experts(let experts) = node.op else { return }
    let rates = DeviceRates.simple(bytesPerSecond: 40e9, operationsPerSecond: 1e12)
    func seconds(_ slice: ExpertSlice?, _ tokens: Int) -> Double {
      model.price(
        of: node, slice.map(NodeSlice.experts), tokens: tokens, outputs: tokens, sequences: 1, on: rates
      ).fixedSeconds
        - rates.stepSeconds
    }
    let even = [1, 7, 100].map { seconds(nil, $0) }
    model.usage = usage { _, _ in 50 }
    for (tokens, expected) in zip([1, 7, 100], even) {
      #expect(abs(seconds(nil, tokens) / expected - 1) < 1e-9)
    }
    model.usage = skewed
    let hot = ExpertSlice(
      experts: ExpertSet((0..<16).filter { $0 % 2 == 0 }), inner: 0..<experts.expertWidth)
    let cold = ExpertSlice(
      experts: ExpertSet((0..<16).filter { $0 % 2 == 1 }), inner: 0..<experts.expertWidth)
    #expect(seconds(hot, 1) > 50 * seconds(cold, 1))
    #expect(abs((seconds(hot, 1) + seconds(cold, 1)) / even[0] - 1) < 1e-9)
    // Half of the inner values of all is half of the work.
    let half = ExpertSlice(experts: experts.whole.experts, inner: 0..<256)
    #expect(abs(seconds(half, 1) * 2 / seconds(nil, 1) - 1) < 1e-9)
  }

  @Test("A file says what was counted, and is refused where it does not")
  func files() throws {
    let usage = skewed
    #expect(try ExpertUsage(parsing: usage.text, path: "u.json") == usage)
    try usage.check(of: graph, path: "u.json")
    #expect(usage.byUse(layer: 0)?.first == 14 && usage.byUse(layer: 9) == nil)
    func problem(_ text: String) -> String {
      do {
        try ExpertUsage(parsing: text, path: "u.json").check(of: graph, path: "u.json")
        return ""
      } catch { return error.description }
    }
    for (text, expected) in [
      ("", "holds nothing"), ("[]", "no list `layers`"), ("{\"layers\": [{}]}", "no `layer`"),
      ("{\"layers\": [{\"layer\": 0}]}", "no list `counts`"),
      ("{\"layers\": [{\"layer\": 0, \"counts\": [-1]}]}", "a count is \"-1\""),
      ("{\"layers\": [{\"layer\": 0, \"counts\": []}, {\"layer\": 0, \"counts\": []}]}", "twice"),
      ("{\"layers\": []}", "no counts of layer 0"),
      ("{\"layers\": [{\"layer\": 0, \"counts\": [1, 2]}]}", "2 experts in layer 0, here there are 16"),
    ] {
      #expect(problem(text).contains("u.json") && problem(text).contains(expected), "\(problem(text))")
    }
    let more = ExpertUsage(usage.layers + [.init(layer: 6, counts: [1])])
    #expect(problem(more.text).contains("layer 6, which has no experts here"))
  }

  @Test("A plan with shared experts is walked: both devices work, copies and sums are priced")
  func sharesArePriced() throws {
    let model = PricedModel.f16(graph)
    let fleet = fleet(4 * model.totalBytes, hostBytes: 4 * model.totalBytes)
    let problem = problem(model, fleet)
    func price(_ shares: [Share]) throws -> PlanPrice {
      let placement = Placement(
        devices: fleet.devices.map(\.id),
        shares: graph.nodes.map { $0.name.role == .experts ? shares : [Share(device: 0, fraction: 1)] })
      return try problem.price(placement).price
    }
    let alone = try price([Share(device: 0, fraction: 1)])
    let shared = try price([Share(device: 0, fraction: 0.1), Share(device: 1, fraction: 0.9)])
    #expect(shared.prefill.devices[1].computeSeconds > 0 && shared.decode.devices[1].computeSeconds > 0)
    #expect(shared.decode.links.contains { $0.source == 1 && $0.destination == 0 })
    #expect(shared.decode.devices[0].computeSeconds < alone.decode.devices[0].computeSeconds)
    #expect(shared.requestSeconds < alone.requestSeconds)
  }
}
