import CAllocationCounter
import SkeinDevices
import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinExecutor

@Suite(.serialized) struct ExecutorTests {
  let graph = TinyGraph.decoder(layerCount: 4, window: 9)
  let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 4, contextTokens: 200, sequenceCount: 3,
    cachePageTokens: 8)

  private func layerSplit(_ devices: [any Device]) -> Placement {
    .layerSplit(of: graph, over: devices.map(\.id)) { graph[$0].shape.elementCount! }
  }

  private func runner(_ devices: [any Device], _ placement: Placement? = nil, _ limits: PlanLimits? = nil)
    throws -> Runner
  {
    try Runner(graph, placement ?? layerSplit(devices), devices, limits ?? self.limits)
  }

  @Test func everyPlacementGivesTheSameBits() throws {
    let expected = try runner(oneCoreDevices(1)).logits(tokens(75))
    #expect(!expected.contains { $0.isNaN })
    for count in 2...4 {
      #expect(try runner(oneCoreDevices(count)).logits(tokens(75)) == expected, "\(count)")
    }
    var generator = SplitMix64(state: 3)
    for _ in 0..<12 {
      let devices = try oneCoreDevices(Int.random(in: 2...4, using: &generator))
      let placement = Placement.random(of: graph, over: devices.map(\.id), using: &generator)
      #expect(try runner(devices, placement).logits(tokens(75)) == expected)
    }
  }

  @Test func streamedWeightsGiveTheSameBits() throws {
    let expected = try runner(oneCoreDevices(1)).logits(tokens(75))
    var generator = SplitMix64(state: 4)
    for _ in 0..<8 {
      let devices = try oneCoreDevices(Int.random(in: 1...3, using: &generator))
      var placement = Placement.random(of: graph, over: devices.map(\.id), using: &generator)
      placement.streamed = Set(graph.nodes.map(\.id).filter { _ in Bool.random(using: &generator) })
      let runner = try runner(devices, placement)
      #expect(runner.executor.plan.devices.contains { !$0.streamed.isEmpty })
      #expect(try runner.logits(tokens(75)) == expected)
    }
  }

  @Test func everyPlacementGivesTheSameBitsWithACacheOf8Bits() throws {
    var small = limits
    small.cacheType = .q8_0
    func logits(_ count: Int) throws -> [Float] {
      try runner(oneCoreDevices(count), nil, small).logits(tokens(75))
    }
    let expected = try logits(1)
    let exact = try runner(oneCoreDevices(1)).logits(tokens(75))
    // 8 bits are there, and they are not far off.
    #expect(expected != exact && relativeDifference(expected, exact) < 0.1)
    for count in 2...4 { #expect(try logits(count) == expected, "\(count)") }
  }

  @Test func theTeamsSizeDoesNotMatter() throws {
    let expected = try runner(oneCoreDevices(1)).logits(tokens(60))
    #expect(try runner(cpuDevices("cpu")).logits(tokens(60)) == expected)
  }

  @Test func tokenByTokenIsTheSameAsAllAtOnce() throws {
    let runner = try runner(oneCoreDevices(2))
    let text = tokens(40)
    let whole = try runner.logits(text)
    runner.executor.truncate(sequence: 0, to: 0)
    var single: [Float] = []
    for (position, token) in text.enumerated() {
      var batch = Batch()
      batch.append(token, position: position, wantsLogits: true)
      single += try runner.logits(batch)
    }
    // One token takes the matrix-vector kernels, many the matrix-matrix kernels; where their float32 sums
    // differ in the last bit, a key or value may be rounded to the next F16.
    #expect(relativeDifference(single, whole) < 3e-4)
  }

  @Test func sequencesInOneBatchDoNotSeeEachOther() throws {
    let runner = try runner(oneCoreDevices(2))
    let texts = [tokens(21), Array(tokens(30).reversed()), Array(tokens(25).dropFirst(6))]
    let alone = try texts.map { text in
      defer { runner.executor.truncate(sequence: 0, to: 0) }
      return try runner.logits(text)
    }
    var batch = Batch()
    var rows: [(sequence: Int, position: Int)] = []
    // Interleaved: one token of each sequence in turn, as long as it has some.
    for position in 0..<30 {
      for (sequence, text) in texts.enumerated() where position < text.count {
        batch.append(text[position], position: position, sequence: sequence, wantsLogits: true)
        rows.append((sequence, position))
      }
    }
    let together = try runner.logits(batch)
    let width = runner.vocabulary
    for (row, place) in rows.enumerated() {
      let mine = Array(together[row * width..<(row + 1) * width])
      let theirs = Array(alone[place.sequence][place.position * width..<(place.position + 1) * width])
      #expect(relativeDifference(mine, theirs) < 3e-4)
    }
  }

  @Test func onlyWantedLogitsAreGiven() throws {
    let runner = try runner(oneCoreDevices(2))
    let all = try runner.logits(tokens(50))
    runner.executor.truncate(sequence: 0, to: 0)
    var batch = Batch()
    let wanted = [3, 17, 18, 49]
    for (position, token) in tokens(50).enumerated() {
      batch.append(token, position: position, wantsLogits: wanted.contains(position))
    }
    let some = try runner.logits(batch)
    let expected = wanted.flatMap { all[$0 * 64..<($0 + 1) * 64] }
    #expect(relativeDifference(some, expected) < 3e-4)
  }

  @Test func aSequenceCanBeCutAndContinued() throws {
    let runner = try runner(oneCoreDevices(2))
    let whole = try runner.logits(tokens(40))
    // Other tokens from position 20 on, then the right ones again.
    runner.executor.truncate(sequence: 0, to: 20)
    var batch = Batch()
    for position in 20..<33 { batch.append(1, position: position, wantsLogits: false) }
    _ = try runner.logits(batch)
    runner.executor.truncate(sequence: 0, to: 20)
    batch.removeAll()
    for (position, token) in tokens(40).enumerated().dropFirst(20) {
      batch.append(token, position: position, wantsLogits: true)
    }
    #expect(relativeDifference(try runner.logits(batch), Array(whole[(20 * 64)...])) < 3e-4)
  }

  @Test func aCancelledBatchStopsBetweenPassesAndLeavesNoTrace() throws {
    let runner = try runner(oneCoreDevices(2))
    let whole = try runner.logits(tokens(150))
    runner.executor.truncate(sequence: 0, to: 0)
    var batch = Batch()
    for (position, token) in tokens(150).enumerated() {
      batch.append(token, position: position, wantsLogits: false)
    }
    var asked = 0
    let isWhole = try runner.executor.execute(batch, logits: UnsafeMutableBufferPointer(start: nil, count: 0))
    {
      asked += 1
      return asked > 4
    }
    #expect(!isWhole && asked == 5)
    runner.executor.truncate(sequence: 0, to: 0)
    #expect(try runner.logits(tokens(150)) == whole)
  }

  @Test func whatIsPredictedIsReserved() throws {
    let runner = try runner(oneCoreDevices(3))
    let plan = runner.executor.plan
    #expect(runner.executor.reservedBytes == plan.devices.indices.map { plan.byteCount(device: $0) })
  }

  @Test func badBatchesAreRefused() throws {
    let runner = try runner(oneCoreDevices(2))
    func expectRefused(_ code: ExecutorError.Code, _ token: Int32, _ position: Int, _ sequence: Int) {
      var batch = Batch()
      batch.append(token, position: position, sequence: sequence, wantsLogits: true)
      #expect { try runner.logits(batch) } throws: { ($0 as? ExecutorError)?.code == code }
    }
    expectRefused(.invalidBatch, 64, 0, 0)
    expectRefused(.invalidBatch, -1, 0, 0)
    expectRefused(.invalidBatch, 1, 1, 0)
    expectRefused(.invalidBatch, 1, -1, 0)
    expectRefused(.invalidBatch, 1, 0, 3)
    expectRefused(.invalidBatch, 1, 0, -1)
    expectRefused(.contextFull, 1, 200, 0)
    #expect { try runner.logits(tokens(201)) } throws: { ($0 as? ExecutorError)?.code == .contextFull }
    // It works as before after all that.
    runner.executor.truncate(sequence: 0, to: 0)
    #expect(try runner.logits(tokens(200)).count == 200 * 64)
  }

  /// In a process of its own, where no other test allocates meanwhile.
  @Test func theDecodeLoopAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      guard skein_counts_allocations() else { return }
      let test = ExecutorTests()
      for devices in [try cpuDevices("cpu"), try oneCoreDevices(2)] {
        let runner = try test.runner(devices)
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
        let count = skein_allocation_count() - before
        precondition(count == 0, "160 tokens made \(count) allocations")
        // The counter does count.
        skein_allocation_counting_start()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 100_000, alignment: 16)
        skein_allocation_counting_stop()
        memory.deallocate()
        precondition(skein_allocation_count() > before)
      }
    }
  }
}
