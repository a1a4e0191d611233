@testable import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

/// Experts of one layer on several devices, in a plan.
@Suite struct ExpertSplitTests {
  let graph = TinyGraph.mixture(expertWidth: 96)
  let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 2, contextTokens: 200, cachePageTokens: 8)

  private func placement(_ shares: [Share], devices: Int = 2) -> Placement {
    Placement(
      devices: (0..<devices).map { DeviceID("d\($0)") },
      shares: graph.nodes.map { $0.name.role == .experts ? shares : [Share(device: 0, fraction: 1)] })
  }

  private func plan(
    _ placement: Placement, type: ElementType = .f32
  ) throws -> Plan {
    try lower(graph, placement, limits: limits, layouts: placement.devices.map { Layout(id: $0) }) {
      graph[$0].name.node.role == .expertDown ? type : .f32
    }
  }

  private func slices(_ shares: [Share], devices: Int = 2, type: ElementType = .f32) throws -> [ExpertSlice] {
    let plan = try plan(placement(shares, devices: devices), type: type)
    let node = graph.nodes.first { $0.name.role == .experts }!.id
    return try #require(plan.splits[node]).compactMap(\.slice.experts)
  }

  @Test func fractionsCutEveryExpertAtBlocks() throws {
    let all = ExpertSet(0..<8)
    #expect(
      try slices([Share(device: 0, fraction: 0.6), Share(device: 1, fraction: 0.4)]) == [
        ExpertSlice(experts: all, inner: 0..<64), ExpertSlice(experts: all, inner: 64..<96),
      ])
    // Blocks of 256 cannot be cut: experts are dealt, by largest remainder.
    let dealt = try slices(
      [0.5, 0.3, 0.2].enumerated().map { Share(device: $0, fraction: $1) }, devices: 3, type: .q4_K)
    #expect(
      dealt.map(\.experts) == [ExpertSet(0..<4), ExpertSet(4..<6), ExpertSet(6..<8)]
        && dealt.allSatisfy { $0.inner == 0..<96 })
  }

  @Test func runsAreNearTheFractionsAndNeverEmpty() {
    func counts(_ count: Int, _ fractions: [Double]) -> [Int]? {
      ExpertSet.runs(count: count, fractions: fractions)?.map(\.count)
    }
    #expect(counts(8, [0.6, 0.4]) == [5, 3])
    #expect(counts(10, [1 / 3, 1 / 3, 1 / 3]) == [4, 3, 3])
    #expect(counts(4, [0.97, 0.01, 0.01, 0.01]) == [1, 1, 1, 1])
    #expect(counts(64, [0.99, 0.005, 0.005]) == [62, 1, 1])
    #expect(counts(2, [0.5, 0.25, 0.25]) == nil)
    var generator = SplitMix64(state: 3)
    for _ in 0..<200 {
      let fractions = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
        Double.random(in: 0.01...1, using: &generator)
      }
      let total = fractions.reduce(0, +)
      let count = Int.random(in: 9...300, using: &generator)
      let sizes = counts(count, fractions.map { $0 / total })!
      #expect(sizes.reduce(0, +) == count && sizes.allSatisfy { $0 > 0 })
      let sets = ExpertSet.runs(count: count, fractions: fractions)!
      #expect(sets.flatMap(\.numbers) == Array(0..<count))
    }
  }

  /// Each device holds its part of the weights and no more.
  @Test func weightsAreHeldOnce() throws {
    let whole = try plan(placement([Share(device: 0, fraction: 1)], devices: 1))
    func expertBytes(_ plan: Plan, _ device: Int) -> Int {
      plan.devices[device].weights.reduce(0) {
        let role = graph[$1.weight].name.node.role
        return [.expertGate, .expertUp, .expertDown].contains(role) ? $0 + $1.buffer.byteCount : $0
      }
    }
    for (shares, part) in [
      ([Share(device: 0, fraction: 1.0 / 3), Share(device: 1, fraction: 2.0 / 3)], 1.0 / 3),
      (
        [
          Share(device: 0, fraction: 0, experts: ExpertSet([1, 6])),
          Share(device: 1, fraction: 0, experts: ExpertSet([0, 2, 3, 4, 5, 7])),
        ], 0.25
      ),
    ] {
      let plan = try plan(placement(shares))
      let all = expertBytes(whole, 0)
      #expect(expertBytes(plan, 0) == Int(Double(all) * part))
      #expect(expertBytes(plan, 0) + expertBytes(plan, 1) == all)
    }
  }

  /// Nothing waits for the other device's experts that could be done before.
  @Test func theSharedNetworkComesBeforeTheWait() throws {
    let halves = [Share(device: 0, fraction: 1.0 / 3), Share(device: 1, fraction: 2.0 / 3)]
    for shares in [[Share(device: 1, fraction: 1)], halves] {
      let steps = try plan(placement(shares)).devices[0].steps
      for layer in 0..<graph.layerCount {
        func place(_ role: Role, _ matches: (Step) -> Bool = { _ in true }) -> Int? {
          steps.firstIndex { graph[$0.node].name == NodeName(layer: layer, role) && matches($0) }
        }
        let wait = try #require(place(.experts) { $0.waits })
        let sent = try #require(place(.router) { $0.isAwaited })
        for role in [Role.sharedDown, .sharedRouter, .sharedWeighted] {
          let shared = try #require(place(role))
          #expect(sent < shared && shared < wait)
        }
        if shares.count > 1 {
          let sum = try #require(place(.experts) { $0.kind == .reduce })
          #expect(try sum == wait + 1 && #require(place(.mixture)) > sum)
        }
      }
    }
  }

  @Test func wrongSharesAreRefused() {
    func problem(_ shares: [Share], devices: Int = 2) -> String {
      do {
        _ = try plan(placement(shares, devices: devices))
        return ""
      } catch { return "\(error)" }
    }
    func named(_ sets: [[Int]]) -> [Share] {
      sets.enumerated().map { Share(device: $0, fraction: 0.5, experts: ExpertSet($1)) }
    }
    #expect(problem(named([[0, 1, 2], [3, 4, 5, 6]])).contains("no share has expert 7"))
    #expect(problem(named([[0, 1, 2, 3], [3, 4, 5, 6, 7]])).contains("expert 3 is in two shares"))
    #expect(problem(named([[0, 1, 2, 3], [4, 5, 6, 7, 8]])).contains("there is no expert 8"))
    #expect(
      problem([Share(device: 0, fraction: 0.5), Share(device: 1, fraction: 0.5, experts: ExpertSet([1]))])
        .contains("all must"))
    #expect(
      problem([Share(device: 0, fraction: 0.5), Share(device: 0, fraction: 0.5)]).contains(
        "two shares on one"))
    #expect(
      problem([Share(device: 0, fraction: 0.9), Share(device: 1, fraction: 0.4)]).contains("sum to 1"))
    #expect(
      problem((0..<9).map { Share(device: $0, fraction: 1.0 / 9) }, devices: 9).contains(
        "9 devices cannot share 8"))
  }

  /// A validator that accepts anything proves nothing.
  @Test func damagedPlansAreFound() throws {
    let good = try plan(
      placement([Share(device: 0, fraction: 2.0 / 3), Share(device: 1, fraction: 1.0 / 3)]))
    let node = graph.nodes.first { $0.name.role == .experts }!.id
    func expectFound(_ what: Comment, _ damage: (inout Plan) -> Void) {
      var plan = good
      damage(&plan)
      #expect(what) { try plan.validate() } throws: { ($0 as? GraphError)?.code == .invalidPlan }
    }
    expectFound("a part is missing") { plan in
      plan.devices[0].steps.removeAll { $0.node == node && $0.kind == .compute }
    }
    expectFound("the sum is missing") { plan in
      plan.devices[0].steps.removeAll { $0.node == node && $0.kind == .reduce }
    }
    expectFound("the sum lacks a part") { plan in
      let sum = plan.devices[0].steps.firstIndex { $0.kind == .reduce }!
      plan.devices[0].steps[sum].inputs.removeLast()
    }
    expectFound("a sum of nothing") { plan in
      let step = plan.devices[0].steps.firstIndex { graph[$0.node].name.role == .tokenEmbedding }!
      plan.devices[0].steps[step].kind = .reduce
    }
    expectFound("parts in another order") { plan in
      let sum = plan.devices[0].steps.firstIndex { $0.kind == .reduce }!
      plan.devices[0].steps[sum].inputs.swapAt(0, 1)
    }
    expectFound("a part is no part") { plan in
      let step = plan.devices[1].steps.firstIndex { $0.kind == .compute }!
      plan.devices[1].steps[step].part = 7
    }
    expectFound("a gap between the parts") { plan in
      plan.splits[node]![1].slice = .experts(ExpertSlice(experts: ExpertSet(0..<8), inner: 80..<96))
    }
    expectFound("parts overlap") { plan in
      plan.splits[node]![0].slice = .experts(ExpertSlice(experts: ExpertSet(0..<8), inner: 0..<48))
      plan.splits[node]![1].slice = .experts(ExpertSlice(experts: ExpertSet(0..<8), inner: 16..<96))
    }
    expectFound("a weight is of another part") { plan in
      let weight = graph[node].weights[0]
      let slot = plan.devices[0].weights.firstIndex { $0.weight == weight }!
      plan.devices[0].weights[slot].slice = nil
    }
  }

  @Test func slicesAreTheRightBytes() {
    // Three matrices of three rows of four values, in F16: a row has 8 bytes.
    let shape = Shape([3, 3, 4])
    func bytes(_ slice: WeightSlice) -> [Int] {
      let rows = SlicedRows(slice, of: shape, type: .f16)
      var places: [Int: Int] = [:]
      for row in 0..<9 {
        guard let place = rows.destination(ofRow: row) else { continue }
        for byte in 0..<rows.columnBytes {
          places[place + byte] = row * rows.rowBytes + rows.columnOffset + byte
        }
      }
      return places.sorted { $0.key < $1.key }.map(\.value)
    }
    for (matrices, rows, columns) in [
      ([0, 2], 0..<3, 0..<4), ([1], 1..<3, 0..<4), ([0, 1], 0..<3, 2..<3), ([0, 1, 2], 0..<3, 0..<4),
    ] {
      var expected: [Int] = []
      for matrix in matrices {
        for row in rows {
          for column in columns {
            let start = ((matrix * 3 + row) * 4 + column) * 2
            expected += [start, start + 1]
          }
        }
      }
      #expect(bytes(WeightSlice(matrices: ExpertSet(matrices), rows: rows, columns: columns)) == expected)
    }
  }

  /// A vector an expert, such as a bias, is cut as whole experts are.
  @Test func stacksOfVectorsAreSliced() {
    let slice = WeightSlice(matrices: ExpertSet([0, 2]), rows: 0..<1, columns: 0..<4)
    let rows = SlicedRows(slice, of: Shape([3, 4]), type: .f32)
    #expect((0..<3).map { rows.destination(ofRow: $0) } == [0, nil, 16] && rows.columnBytes == 16)
    let weight = Weight(name: WeightName(NodeName(layer: 0, .expertUp), .bias), shape: Shape([3, 4]))
    #expect(weight.sliced(slice).shape == Shape([2, 4]))
  }
}

private struct Layout: DeviceLayout {
  var id: DeviceID
  var memoryBytes: Int { 1 << 40 }
  var memoryPool: String { id.name }

  func byteCount(of weight: Weight, type: ElementType) -> Int {
    let elements = weight.shape.columns.dividedUp(by: type.blockElementCount)
    return elements * type.blockBytes * weight.shape.rows
  }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { 0 }
}
