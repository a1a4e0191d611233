import CAllocationCounter
import SkeinDevices
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@testable import SkeinExecutor

/// Experts of one layer on several devices.
@Suite(.serialized) struct ExpertShareTests {
  /// 8 experts of 96 values: three units of 32 that can be cut.
  static let graph = TinyGraph.mixture(expertWidth: 96)
  static let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 3, contextTokens: 200, sequenceCount: 2,
    cachePageTokens: 8)

  /// Experts as `shares` say, all else on the first device.
  static func placement(
    _ devices: [any Device], _ shares: [Share], streamed: Bool = false
  ) -> Placement {
    let experts = graph.nodes.filter { $0.name.role == .experts }.map(\.id)
    return Placement(
      devices: devices.map(\.id),
      shares: graph.nodes.map { $0.name.role == .experts ? shares : [Share(device: 0, fraction: 1)] },
      streamed: streamed ? Set(experts) : [])
  }

  private func shares(_ fractions: [Double]) -> [Share] {
    fractions.enumerated().map { Share(device: $0, fraction: $1) }
  }

  private func named(_ sets: [[Int]]) -> [Share] {
    sets.enumerated().map {
      Share(device: $0, fraction: Double($1.count) / 8, experts: ExpertSet($1))
    }
  }

  private func whole() throws -> [Float] {
    let devices = try oneCoreDevices(1)
    let placement = Self.placement(devices, [Share(device: 0, fraction: 1)])
    return try Runner(Self.graph, placement, devices, Self.limits).logits(tokens(75))
  }

  /// Cut inside every expert, at whole experts, by name; two to four devices, the home device among them or not.
  @Test func sharedExpertsGiveTheSameLogits() throws {
    let expected = try whole()
    let cases: [(count: Int, shares: [Share])] = [
      (2, shares([0.6, 0.4])), (2, shares([0.34, 0.66])), (3, shares([0.2, 0.3, 0.5])),
      // Four devices do not find four units of 32: experts are dealt.
      (4, shares([0.1, 0.4, 0.25, 0.25])),
      (2, named([[0, 3, 4, 5], [1, 2, 6, 7]])), (3, named([[7], [0, 1, 2, 3, 4, 6], [5]])),
      (3, [Share(device: 1, fraction: 0.5), Share(device: 2, fraction: 0.5)]),
    ]
    for (count, shares) in cases {
      let devices = try oneCoreDevices(count)
      for streamed in [false, true] {
        let placement = Self.placement(devices, shares, streamed: streamed)
        let runner = try Runner(Self.graph, placement, devices, Self.limits)
        let logits = try runner.logits(tokens(75))
        #expect(relativeDifference(logits, expected) < 1e-5, "\(shares)")
        // The order of sums is fixed: not a bit differs between runs.
        for _ in 0..<3 {
          #expect(try runner.logits(tokens(75), sequence: 1) == logits)
          runner.executor.truncate(sequence: 1, to: 0)
        }
        let plan = runner.executor.plan
        #expect(runner.executor.reservedBytes == plan.devices.indices.map { plan.byteCount(device: $0) })
      }
    }
  }

  /// One token: some devices have none of the experts that it chose.
  @Test func decodingGivesTheSameLogits() throws {
    func decoded(_ placement: Placement, _ devices: [any Device]) throws -> [Float] {
      let runner = try Runner(Self.graph, placement, devices, Self.limits)
      return try tokens(30).enumerated().flatMap { position, token in
        var batch = Batch()
        batch.append(token, position: position, wantsLogits: true)
        return try runner.logits(batch)
      }
    }
    let one = try oneCoreDevices(1)
    let expected = try decoded(Self.placement(one, [Share(device: 0, fraction: 1)]), one)
    let devices = try oneCoreDevices(3)
    for shares in [named([[0, 2], [1, 3, 4, 5, 7], [6]]), shares([0.4, 0.3, 0.3])] {
      let logits = try decoded(Self.placement(devices, shares), devices)
      #expect(relativeDifference(logits, expected) < 1e-5)
    }
  }

  /// Quantized experts are cut at whole blocks. In one layer nothing is rounded again after the sum of the parts.
  @Test func quantizedExpertsGiveTheSameLogits() throws {
    let graph = TinyGraph.mixture(layerCount: 1, expertWidth: 96)
    func logits(_ count: Int, _ shares: [Share]) throws -> [Float] {
      let devices = try oneCoreDevices(count)
      let placement = Placement(
        devices: devices.map(\.id),
        shares: graph.nodes.map { $0.name.role == .experts ? shares : [Share(device: 0, fraction: 1)] })
      let weights = BlockWeights(graph)
      let plan = try lower(
        graph, placement, limits: Self.limits, layouts: devices.map(\.layout), type: weights.type)
      let executor = try Executor(plan: plan, devices: devices, weights: weights)
      var batch = Batch()
      for (position, token) in tokens(40).enumerated() {
        batch.append(token, position: position, wantsLogits: true)
      }
      var values = [Float](repeating: .nan, count: batch.outputs.count * graph.vocabularySize)
      _ = try values.withUnsafeMutableBufferPointer { try executor.execute(batch, logits: $0) }
      return values
    }
    let expected = try logits(1, [Share(device: 0, fraction: 1)])
    #expect(!expected.contains { $0.isNaN } && Set(expected).count > 1000)
    for (count, shares) in [
      (2, shares([0.6, 0.4])), (3, shares([0.3, 0.3, 0.4])), (2, named([[0, 3, 4, 5], [1, 2, 6, 7]])),
    ] {
      #expect(relativeDifference(try logits(count, shares), expected) < 1e-5, "\(shares)")
    }
  }

  /// In a process of its own, where no other test allocates meanwhile.
  @Test func theDecodeLoopAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      guard skein_counts_allocations() else { return }
      let devices = try oneCoreDevices(2)
      let sets = [ExpertSet([0, 2, 5]), ExpertSet([1, 3, 4, 6, 7])]
      for streamed in [false, true] {
        let shares = sets.enumerated().map { Share(device: $0, fraction: 0.5, experts: $1) }
        let placement = ExpertShareTests.placement(devices, shares, streamed: streamed)
        let plan = try lower(
          ExpertShareTests.graph, placement, limits: ExpertShareTests.limits, layouts: devices.map(\.layout)
        ) { _ in .f32 }
        let executor = try Executor(
          plan: plan, devices: devices, weights: FixedWeights(ExpertShareTests.graph))
        var batch = Batch(capacity: 16)
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64)
        func decode(_ positions: Range<Int>) throws {
          for position in positions {
            batch.removeAll()
            batch.append(7, position: position, wantsLogits: true)
            try executor.execute(batch, logits: logits)
          }
        }
        try decode(0..<20)
        let before = skein_allocation_count()
        skein_allocation_counting_start()
        try decode(20..<180)
        skein_allocation_counting_stop()
        precondition(skein_allocation_count() == before, "decoding allocates")
      }
    }
  }
}

/// Weights made once, as those of a mapped file are there.
final class FixedWeights: WeightSource, WeightReader, @unchecked Sendable {
  private let weights: [[Float]]

  init(_ graph: Graph) {
    let source = RandomWeights(graph: graph)
    weights = graph.weights.indices.map { source.values(of: WeightID($0)) }
  }

  func makeReader() -> any WeightReader { self }

  func read(
    _ weight: WeightID, parallel: any ParallelWork, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    try weights[weight.index].withUnsafeBytes { try body($0, 0) }
  }

  func willNeed(_ weight: WeightID) {}
}

/// Experts in Q8_0, all else as `RandomWeights` has it.
final class BlockWeights: WeightSource, WeightReader, @unchecked Sendable {
  private let graph: Graph
  private let weights: [[UInt8]]

  init(_ graph: Graph) {
    self.graph = graph
    let plain = RandomWeights(graph: graph)
    weights = graph.weights.indices.map { index in
      let shape = graph.weights[index].shape
      guard shape.extents.count == 3,
        [.expertGate, .expertUp, .expertDown].contains(graph.weights[index].name.node.role)
      else { return plain.values(of: WeightID(index)).withUnsafeBytes { Array($0) } }
      var generator = SplitMix64(state: UInt64(index) + 99)
      let blocks = shape.elementCount! / 32
      var bytes: [UInt8] = []
      for _ in 0..<blocks {
        // A scale of 2^-8, and quants of 7 bits.
        bytes += [0x00, 0x1C]
        bytes += (0..<32).map { _ in UInt8(bitPattern: Int8.random(in: -64...63, using: &generator)) }
      }
      return bytes
    }
  }

  func type(_ weight: WeightID) -> ElementType {
    let role = graph[weight].name.node.role
    return [.expertGate, .expertUp, .expertDown].contains(role) ? .q8_0 : .f32
  }

  func makeReader() -> any WeightReader { self }

  func read(
    _ weight: WeightID, parallel: any ParallelWork, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    try weights[weight.index].withUnsafeBytes { try body($0, 0) }
  }

  func willNeed(_ weight: WeightID) {}
}
