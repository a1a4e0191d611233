@testable import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

/// A layout with round numbers.
struct TestLayout: DeviceLayout {
  var id: DeviceID
  var memoryBytes = Int.max / 64
  var memoryPool: String { pool ?? id.name }
  var pool: String?

  func byteCount(of weight: Weight, type: ElementType) -> Int { weight.shape.elementCount! * 4 }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { node.op == .linear ? 1000 : 0 }
}

@Suite struct LowerTests {
  let graph = TinyGraph.decoder(layerCount: 4)
  let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 4, passesInFlight: 3, contextTokens: 100, sequenceCount: 2,
    cachePageTokens: 32)

  private func devices(_ count: Int) -> [DeviceID] { (0..<count).map { DeviceID("d\($0)") } }

  private func plan(_ placement: Placement, _ limits: PlanLimits? = nil) throws -> Plan {
    try lower(
      graph, placement, limits: limits ?? self.limits, layouts: placement.devices.map { TestLayout(id: $0) }
    ) { _ in .f32 }
  }

  private func layerSplit(_ count: Int) -> Placement {
    .layerSplit(of: graph, over: devices(count)) { graph[$0].shape.elementCount! * 4 }
  }

  @Test func oneDeviceDoesEverythingWithoutCopies() throws {
    let plan = try plan(layerSplit(1))
    #expect(plan.devices[0].steps.filter { $0.kind == .compute }.map(\.node) == graph.nodes.map(\.id))
    #expect(!plan.devices[0].steps.contains { $0.waits || $0.isAwaited })
    #expect(plan.devices[0].steps.last?.kind == .output)
  }

  @Test func aLayerSplitCopiesOnlyTheResidualStream() throws {
    let plan = try plan(layerSplit(4))
    for (index, device) in plan.devices.enumerated() {
      let copied = device.steps.filter(\.waits).map { graph[$0.node].name }
      #expect(copied == (index == 0 ? [] : [NodeName(layer: index - 1, .feedForwardResidual)]))
    }
  }

  @Test func theEmbeddingAndTheHeadDoNotCountInTheSplit() throws {
    let plan = try plan(layerSplit(2))
    let layers = plan.devices.map { device in
      Set(device.steps.filter { $0.kind == .compute }.compactMap { graph[$0.node].name.layer }).sorted()
    }
    #expect(layers == [[0, 1], [2, 3]])
  }

  @Test func fasterDevicesGetMoreLayers() {
    let placement = Placement.layerSplit(of: graph, over: devices(2), speeds: [3, 1]) { _ in 1 }
    let layers = graph.nodes.filter { $0.name.role == .query }.map { placement.device(of: $0.id) }
    #expect(layers == [0, 0, 0, 1])
  }

  @Test func whatIsSentGivesItsMemoryBackOnceItWasFetched() throws {
    let deep = TinyGraph.decoder(layerCount: 24)
    func passBytes(_ rounds: Int) throws -> [Int] {
      let placement = Placement.layerSplit(of: deep, over: devices(3), mostRounds: rounds) { _ in 1 }
      let layouts = placement.devices.map { TestLayout(id: $0) }
      let large = PlanLimits(tokensPerPass: 512, passesInFlight: 3, contextTokens: 512)
      let plan = try lower(deep, placement, limits: large, layouts: layouts) { _ in .f32 }
      return plan.devices.map { $0.regionBytes[.pass]! }
    }
    // Eight runs of layers a device need no more room for what is sent than two.
    #expect(try passBytes(8) == passBytes(2))
  }

  @Test func passesOfABatchAreAboutTheSame() throws {
    let one = try plan(layerSplit(1))
    let two = try plan(layerSplit(2))
    #expect(one.passTokens(for: 17) == 9 && one.passTokens(for: 16) == 16 && one.passTokens(for: 1) == 1)
    var fine = limits
    fine.leastPassTokens = 4
    // Sixteen passes for two devices, none much below four tokens, and an even number of them.
    #expect(try plan(layerSplit(2), fine).passTokens(for: 128) == 8)
    #expect(try plan(layerSplit(2), fine).passTokens(for: 20) == 4)
    #expect(two.passTokens(for: 33) == 11)
  }

  @Test func devicesWithoutALayerAreLeftOut() {
    #expect(layerSplit(7).devices == devices(4))
  }

  /// Lowering validates what it makes, so it is enough that it throws nothing.
  @Test func anyPlacementGivesAValidPlan() throws {
    var generator = SplitMix64(state: 1)
    for _ in 0..<300 {
      let count = Int.random(in: 1...5, using: &generator)
      let plan = try plan(.random(of: graph, over: devices(count), using: &generator))
      #expect(plan.devices.flatMap(\.steps).filter { $0.kind == .compute }.count == graph.nodes.count)
    }
  }

  @Test func theMemoryOfADeviceIsTheSumOfItsRegions() throws {
    let plan = try plan(layerSplit(2))
    for (index, device) in plan.devices.enumerated() {
      let page = device.regionBytes[.pass]!
      let others = device.regionBytes.filter { $0.key != .pass }.values.reduce(0, +)
      #expect(plan.byteCount(device: index) == others + 3 * page)
      #expect(device.regionBytes.values.allSatisfy { $0 % Plan.regionAlignment == 0 })
      #expect(
        device.offset(of: .scratch, limits: limits) == device.offset(of: .pass, limits: limits) + 3 * page)
    }
    // 100 positions are 4 pages of 32, for two sequences; two heads of 8 values; F16.
    let keyBytes: Int = 4 * 2 * 32 * (2 * 8) * 2
    #expect(plan.devices[0].caches.map(\.keys.byteCount) == [keyBytes, keyBytes])
    #expect(plan.devices[0].regionBytes[.workspace] == 4096)
  }

  @Test func theBytesOfACacheFollowFromItsType() throws {
    func keyBytes(headWidth: Int, _ type: ElementType) throws -> [Int] {
      let graph = TinyGraph.decoder(layerCount: 1, width: 4 * headWidth)
      var limits = limits
      limits.cacheType = type
      let layouts = devices(1).map { TestLayout(id: $0) }
      let placement = Placement.layerSplit(of: graph, over: devices(1)) { _ in 1 }
      let plan = try lower(graph, placement, limits: limits, layouts: layouts) { _ in .f32 }
      let cache = plan.devices[0].caches[0]
      #expect(plan.devices[0].regionBytes[.cache]! >= cache.keys.byteCount + cache.values.byteCount)
      return [cache.keys.byteCount, cache.values.byteCount]
    }
    // 8 pages of 32 tokens, two heads; the last block of 32 values is padded.
    let rows = 8 * 2 * 32
    #expect(try keyBytes(headWidth: 64, .f32) == [rows * 256, rows * 256])
    #expect(try keyBytes(headWidth: 18, .f32) == [rows * 72, rows * 72])
    #expect(try keyBytes(headWidth: 64, .f16) == [rows * 128, rows * 128])
    #expect(try keyBytes(headWidth: 64, .q8_0) == [rows * 68, rows * 68])
    #expect(try keyBytes(headWidth: 80, .q8_0) == [rows * 3 * 34, rows * 3 * 34])
    #expect(try keyBytes(headWidth: 16, .q8_0) == [rows * 34, rows * 34])
    #expect {
      try keyBytes(headWidth: 64, .q4_0)
    } throws: {
      ($0 as? GraphError)?.code == .unsupported && "\($0)".contains("Q4_0")
    }
  }

  @Test func decodingMemoryDoesNotGrowWithPassesButForWhatIsSent() throws {
    var wide = limits
    wide.passesInFlight = 9
    let few = try plan(layerSplit(2))
    let many = try plan(layerSplit(2), wide)
    #expect(few.devices[0].regionBytes == many.devices[0].regionBytes)
    // The last device sends nothing: its passes hold only their inputs.
    #expect(few.devices[1].regionBytes[.pass]! == 4096)
  }

  @Test func aPlanThatDoesNotFitSaysByHowMuch() throws {
    let placement = layerSplit(2)
    let needed = try plan(placement)
    let total = needed.byteCount(device: 0) + needed.byteCount(device: 1)
    let layouts = placement.devices.map { TestLayout(id: $0, memoryBytes: total - 7, pool: "host") }
    #expect {
      try needed.requireFit(layouts)
    } throws: { error in
      guard let error = error as? GraphError else { return false }
      return error.code == .doesNotFit && error.description.contains("it lacks 7")
        && error.description.contains("d0") && error.description.contains("d1")
    }
    // One byte more than needed is enough, and pools of their own do not add up.
    let exact = placement.devices.map { TestLayout(id: $0, memoryBytes: total, pool: "host") }
    try needed.requireFit(exact)
    #expect(needed.shortages(exact).isEmpty)
    #expect(needed.shortages(layouts).map(\.neededBytes) == [total])
  }

  @Test func streamedWeightsTakeTheBytesOfOneStep() throws {
    var placement = layerSplit(1)
    let whole = try plan(placement)
    let streamed = graph.nodes.filter { $0.name.role == .down || $0.name.role == .gate }
    placement.streamed = Set(streamed.map(\.id))
    let plan = try plan(placement)
    let device = plan.devices[0]
    let bytes = streamed.map { graph[$0.weights[0]].shape.elementCount! * 4 }
    #expect(device.streamed.map(\.buffer.byteCount) == bytes)
    #expect(device.regionBytes[.stream]! == bytes.max()!.roundedUp(to: Plan.regionAlignment))
    let rest = whole.devices[0].weights.map(\.weight).filter { !device.streamed.map(\.weight).contains($0) }
    #expect(device.weights.map(\.weight) == rest)
    // A weight that must be fetched and is not is found.
    var broken = plan
    broken.devices[0].steps.removeAll { if case .fetch = $0.kind { true } else { false } }
    #expect(throws: GraphError.self) { try broken.validate() }
  }

  @Test func aPlacementThatCoversTooLittleIsRefused() {
    var placement = layerSplit(2)
    placement.shares[3] = []
    #expect { try plan(placement) } throws: { ($0 as? GraphError)?.code == .invalidPlacement }
    placement.shares.removeLast()
    #expect { try plan(placement) } throws: { ($0 as? GraphError)?.code == .invalidPlacement }
  }

  @Test func absurdLimitsAreRefused() {
    let absurd: [(WritableKeyPath<PlanLimits, Int>, Int)] = [
      (\.tokensPerPass, 0), (\.passesInFlight, 1_000_000), (\.contextTokens, -1), (\.sequenceCount, 1 << 40),
      (\.cachePageTokens, 0),
    ]
    for (field, value) in absurd {
      var limits = limits
      limits[keyPath: field] = value
      #expect { try plan(layerSplit(1), limits) } throws: { ($0 as? GraphError)?.code == .invalidPlan }
    }
  }

  /// A validator that accepts anything proves nothing: each kind of damage must be found.
  @Test func damagedPlansAreFound() throws {
    let good = try plan(layerSplit(2))
    func expectFound(_ what: Comment, _ damage: (inout Plan) -> Void) {
      var plan = good
      damage(&plan)
      #expect(what) { try plan.validate() } throws: { ($0 as? GraphError)?.code == .invalidPlan }
    }
    expectFound("a step is missing") { $0.devices[0].steps.remove(at: 3) }
    expectFound("a step is there twice") { $0.devices[0].steps.insert($0.devices[0].steps[3], at: 3) }
    expectFound("a result lies outside") { $0.devices[0].steps[4].result.offset = 1 << 40 }
    expectFound("an input is read from elsewhere") { $0.devices[0].steps[4].inputs[0].offset += 64 }
    expectFound("a weight lies outside") { $0.devices[1].weights[0].buffer.offset = 1 << 40 }
    expectFound("a copy's source is not awaited") { plan in
      let step = plan.devices[0].steps.firstIndex { $0.isAwaited }!
      plan.devices[0].steps[step].isAwaited = false
    }
    expectFound("a result overwrites one that is still needed") { plan in
      // The residual stream is read again after the norm and the three projections.
      let target = plan.devices[0].steps[0].result
      let index = plan.devices[0].steps.firstIndex { graph[$0.node].name == NodeName(layer: 0, .key) }!
      plan.devices[0].steps[index].result.region = target.region
      plan.devices[0].steps[index].result.offset = target.offset
    }
    expectFound("scratch memory is used across a wait") { plan in
      // The first copy's result and what came before it would not survive another pass.
      let device = plan.devices[1]
      let copy = device.steps.firstIndex { $0.waits }!
      plan.devices[1].steps.swapAt(copy, copy + 1)
    }
    expectFound("weights overlap") {
      $0.devices[0].weights[1].buffer.offset = $0.devices[0].weights[0].buffer.offset
    }
    expectFound("a result overwrites the inputs of its pass") { plan in
      let step = plan.devices[0].steps.firstIndex { $0.isAwaited }!
      plan.devices[0].steps[step].result.offset = 0
    }
    expectFound("an input is missing") { $0.devices[0].steps[4].inputs.removeLast() }
    expectFound("two devices wait for each other") { plan in
      let step = plan.devices[1].steps.firstIndex { $0.waits }!
      guard case .copy(_, let source) = plan.devices[1].steps[step].kind else { return }
      plan.devices[1].steps[step].kind = .copy(
        from: StepReference(device: 1, step: plan.devices[1].steps.count - 2), source: source)
    }
  }
}
