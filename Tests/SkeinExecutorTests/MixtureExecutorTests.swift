import CAllocationCounter
import SkeinDevices
import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinExecutor

/// Mixtures of experts and latent attention on devices.
@Suite(.serialized) struct MixtureExecutorTests {
  let graph = TinyGraph.mixture()
  let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 3, contextTokens: 200, sequenceCount: 2,
    cachePageTokens: 8)

  private func whole(_ graph: Graph) throws -> [Float] {
    let devices = try oneCoreDevices(1)
    let placement = Placement(
      devices: devices.map(\.id), shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    return try Runner(graph, placement, devices, limits).logits(tokens(75))
  }

  @Test func expertsOnAnotherDeviceGiveTheSameBits() throws {
    let expected = try whole(graph)
    #expect(!expected.contains { $0.isNaN } && Set(expected).count > 1000)
    let devices = try oneCoreDevices(2)
    let placement = Placement(
      devices: devices.map(\.id),
      shares: graph.nodes.map { [Share(device: $0.name.role == .experts ? 1 : 0, fraction: 1)] })
    let runner = try Runner(graph, placement, devices, limits)
    #expect(try runner.logits(tokens(75)) == expected)
    // Only they are there.
    let steps = runner.executor.plan.devices[1].steps.filter { $0.kind == .compute }
    #expect(steps.allSatisfy { graph[$0.node].op.kernelName == "experts" } && steps.count == 3)
  }

  @Test func everyPlacementGivesTheSameBits() throws {
    var generator = SplitMix64(state: 5)
    for cache in [GraphOptions.LatentCache.compressed, .expanded] {
      for isSplit in [true, false] {
        let graph = TinyGraph.mixture(isSplit: isSplit, latentCache: cache)
        let expected = try whole(graph)
        for count in 2...4 {
          let devices = try oneCoreDevices(count)
          let placement = Placement.random(of: graph, over: devices.map(\.id), using: &generator)
          #expect(try Runner(graph, placement, devices, limits).logits(tokens(75)) == expected)
        }
        let team = try cpuDevices("cpu")
        let shares = graph.nodes.map { _ in [Share(device: 0, fraction: 1)] }
        let placement = Placement(devices: team.map(\.id), shares: shares)
        #expect(try Runner(graph, placement, team, limits).logits(tokens(75)) == expected)
      }
    }
  }

  /// Rows and keys are rounded to F16 in other places: no more than that. All experts are chosen, or near ties of
  /// the choice would fall the other way.
  @Test func whatIsCachedDoesNotMatter() throws {
    let all = ExpertRouter(expertCount: 4, chosenCount: 4)
    for isSplit in [true, false] {
      let compressed = try whole(TinyGraph.mixture(isSplit: isSplit, router: all))
      let expanded = try whole(TinyGraph.mixture(isSplit: isSplit, latentCache: .expanded, router: all))
      let difference = relativeDifference(compressed, expanded)
      #expect(difference > 0 && difference < 1e-3)
    }
  }

  /// Passes of 15 tokens go by compressed rows, those of 38 and 75 make keys and values. Forms differ by rounding, in
  /// products and of F16 rows behind them; within a form neither passes nor threads change a bit.
  @Test(arguments: [true, false])
  func largePassesMakeKeysAndValues(isSplit: Bool) throws {
    let all = ExpertRouter(expertCount: 4, chosenCount: 4)
    let graph = TinyGraph.mixture(isSplit: isSplit, router: all)
    #expect(TinyGraph.latentHeads.leastExpandedTokens == 16)
    func logits(_ tokensPerPass: Int, _ devices: [any Device]) throws -> [Float] {
      var limits = limits
      (limits.tokensPerPass, limits.outputsPerPass, limits.passesInFlight) = (tokensPerPass, 100, 1)
      let placement = Placement(
        devices: devices.map(\.id), shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
      let runner = try Runner(graph, placement, devices, limits)
      // Another sequence's short part in the same batch, before and after.
      var batch = Batch()
      for position in 0..<3 { batch.append(7, position: position, sequence: 1, wantsLogits: true) }
      for (position, token) in tokens(70).enumerated() {
        batch.append(token, position: position, wantsLogits: true)
      }
      for position in 3..<5 { batch.append(9, position: position, sequence: 1, wantsLogits: true) }
      return try runner.logits(batch)
    }
    let few = try logits(15, oneCoreDevices(1))
    let many = try logits(75, oneCoreDevices(1))
    #expect(!many.contains { $0.isNaN })
    let difference = relativeDifference(few, many)
    #expect(difference > 0 && difference < 1e-3)
    #expect(try logits(40, oneCoreDevices(1)) == many)
    #expect(try logits(75, cpuDevices("cpu")) == many)
  }

  @Test func tokenByTokenIsTheSameAsAllAtOnce() throws {
    let devices = try oneCoreDevices(1)
    let placement = Placement(
      devices: devices.map(\.id), shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    let runner = try Runner(graph, placement, devices, limits)
    let whole = try runner.logits(tokens(40))
    runner.executor.truncate(sequence: 0, to: 0)
    var single: [Float] = []
    for (position, token) in tokens(40).enumerated() {
      var batch = Batch()
      batch.append(token, position: position, wantsLogits: true)
      single += try runner.logits(batch)
    }
    #expect(relativeDifference(single, whole) < 3e-4)
  }

  /// In a process of its own, where no other test allocates meanwhile.
  @Test func theDecodeLoopAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      guard skein_counts_allocations() else { return }
      let test = MixtureExecutorTests()
      let devices = try cpuDevices("cpu")
      let shares = test.graph.nodes.map { _ in [Share(device: 0, fraction: 1)] }
      let runner = try Runner(
        test.graph, Placement(devices: devices.map(\.id), shares: shares), devices, test.limits)
      var batch = Batch(capacity: 16)
      let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64)
      func decode(_ positions: Range<Int>) throws {
        for position in positions {
          batch.removeAll()
          batch.append(7, position: position, wantsLogits: true)
          try runner.executor.execute(batch, logits: logits)
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
