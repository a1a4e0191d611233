import CAllocationCounter
import SkeinDevices
import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinExecutor

/// What devices do at the same time, and the record of it.
@Suite(.serialized) struct OverlapTests {
  static let graph = TinyGraph.mixture()
  /// What 64 tokens are cut into.
  static let passCount = 8
  static let limits = PlanLimits(
    tokensPerPass: 16, leastPassTokens: 4, outputsPerPass: 16, passesInFlight: 2, contextTokens: 200,
    cachePageTokens: 8)

  /// Experts of odd layers on the second device.
  private static func placement(_ devices: [any Device]) -> Placement {
    Placement(
      devices: devices.map(\.id),
      shares: graph.nodes.map {
        [Share(device: $0.name.role == .experts && $0.name.layer! % 2 == 1 ? 1 : 0, fraction: 1)]
      })
  }

  private static func executor(
    _ devices: [any Device], _ options: ExecutorOptions
  ) throws -> Executor {
    let plan = try lower(graph, placement(devices), limits: limits, layouts: devices.map(\.layout)) { _ in
      .f32
    }
    return try Executor(plan: plan, devices: devices, weights: FixedWeights(graph), options: options)
  }

  private static func batch(_ count: Int) -> Batch {
    var batch = Batch()
    for (position, token) in tokens(count).enumerated() {
      batch.append(token, position: position, wantsLogits: true)
    }
    return batch
  }

  private static func execute(_ executor: Executor, _ batch: Batch) throws {
    let logits = UnsafeMutableBufferPointer<Float>.allocate(
      capacity: batch.outputs.count * graph.vocabularySize)
    defer { logits.deallocate() }
    try executor.execute(batch, logits: logits)
  }

  /// While the second device computes a layer's experts, the first computes its shared network: experts do not end
  /// before that, and that does not begin before experts. Were it otherwise ordered, both would wait for ever.
  @Test func theSharedNetworkRunsBesideTheExperts() throws {
    let meetings = Meetings { name, pass, moment in
      switch (name, moment) {
      case (NodeName(layer: 1, .experts), .ended):
        Meetings.Event(name: NodeName(layer: 1, .sharedWeighted), pass: pass, moment: .ended)
      case (NodeName(layer: 1, .sharedDown), .begun):
        Meetings.Event(name: NodeName(layer: 1, .experts), pass: pass, moment: .begun)
      default: nil
      }
    }
    let devices = try oneCoreDevices(2).map { MeetingDevice($0, meetings) }
    let executor = try Self.executor(devices, ExecutorOptions(tracing: .steps(most: 4096)))
    try Self.execute(executor, Self.batch(64))
    #expect(meetings.missedEvents.isEmpty)
    let trace = Trace(executor)
    #expect(trace.passes.count >= 4)
    for pass in trace.passes {
      let experts = try #require(trace.interval(1, NodeName(layer: 1, .experts), pass))
      for role in [Role.sharedDown, .sharedWeighted] {
        let shared = try #require(trace.interval(0, NodeName(layer: 1, role), pass))
        #expect(shared.upperBound > experts.lowerBound && shared.upperBound <= experts.upperBound)
      }
    }
  }

  /// And the attention of the next pass: experts do not end before that, and it does not begin before them.
  @Test func theNextPassesAttentionRunsBesideTheExperts() throws {
    let meetings = Meetings { name, pass, moment in
      switch (name, moment) {
      case (NodeName(layer: 1, .experts), .ended) where pass < Self.passCount:
        Meetings.Event(name: NodeName(layer: 0, .attention), pass: pass + 1, moment: .ended)
      case (NodeName(layer: 0, .attention), .begun) where pass > 1:
        Meetings.Event(name: NodeName(layer: 1, .experts), pass: pass - 1, moment: .begun)
      default: nil
      }
    }
    let devices = try oneCoreDevices(2).map { MeetingDevice($0, meetings) }
    let executor = try Self.executor(devices, ExecutorOptions(tracing: .steps(most: 4096)))
    try Self.execute(executor, Self.batch(64))
    #expect(meetings.missedEvents.isEmpty)
    let trace = Trace(executor)
    #expect(trace.passes == Array(1...Self.passCount))
    for pass in trace.passes.dropLast() {
      let experts = try #require(trace.interval(1, NodeName(layer: 1, .experts), pass))
      let attention = try #require(trace.interval(0, NodeName(layer: 0, .attention), pass + 1))
      #expect(attention.upperBound > experts.lowerBound && attention.upperBound <= experts.upperBound)
    }
  }

  /// Every step of every pass is there once, and a device does one thing at a time.
  @Test func aTraceHasEveryStep() throws {
    let executor = try Self.executor(try oneCoreDevices(2), ExecutorOptions(tracing: .steps(most: 4096)))
    try Self.execute(executor, Self.batch(64))
    let trace = Trace(executor)
    #expect(executor.lostStepCounts == [0, 0])
    for (device, records) in trace.records.enumerated() {
      let steps = executor.plan.devices[device].steps.indices
      for pass in trace.passes {
        #expect(records.filter { $0.pass == pass }.map(\.step) == Array(steps))
        #expect(records.filter { $0.pass == pass }.allSatisfy { $0.tokenCount == 64 / Self.passCount })
      }
      #expect(records.count == steps.count * trace.passes.count)
      #expect(records.allSatisfy { $0.start <= $0.end })
      #expect(zip(records, records.dropFirst()).allSatisfy { $0.end <= $1.start })
    }
  }

  @Test func aFullTraceKeepsTheLastSteps() throws {
    let executor = try Self.executor(try oneCoreDevices(2), ExecutorOptions(tracing: .steps(most: 10)))
    try Self.execute(executor, Self.batch(64))
    let steps = executor.plan.devices.map(\.steps.count)
    #expect(executor.lostStepCounts == steps.map { $0 * Self.passCount - 10 })
    #expect(executor.trace[0].map(\.step) == Array((steps[0] - 10)..<steps[0]))
    let silent = try Self.executor(try oneCoreDevices(2), ExecutorOptions())
    try Self.execute(silent, Self.batch(64))
    #expect(silent.trace.isEmpty && silent.expertUsage == nil)
  }

  /// Every choice is counted once, wherever routers run and however the prompt is cut.
  @Test func choicesOfExpertsAreCounted() throws {
    let options = ExecutorOptions(expertCounting: .on)
    let executor = try Self.executor(try oneCoreDevices(2), options)
    try Self.execute(executor, Self.batch(50))
    let usage = try #require(executor.expertUsage)
    #expect(usage.layers.map(\.layer) == [0, 1, 2])
    for layer in usage.layers {
      #expect(layer.counts.count == 8 && layer.counts.reduce(0, +) == 50 * 2)
      #expect(layer.counts.allSatisfy { $0 <= 50 } && Set(layer.counts).count > 1)
    }
    // The same tokens one by one choose the same, but for near ties.
    let single = try Self.executor(try oneCoreDevices(2), options)
    for (position, token) in tokens(50).enumerated() {
      var batch = Batch()
      batch.append(token, position: position, wantsLogits: position > 9)
      try Self.execute(single, batch)
    }
    let counted = try #require(single.expertUsage)
    for (a, b) in zip(usage.layers.prefix(2), counted.layers) {
      #expect(zip(a.counts, b.counts).map { abs($0 - $1) }.max()! <= 2)
    }
    // In the last layer only tokens whose logits are wanted get that far.
    #expect(counted.layers[2].counts.reduce(0, +) == 40 * 2)
  }

  /// In a process of its own, where no other test allocates meanwhile.
  @Test func tracingAndCountingAllocateNothing() async {
    await #expect(processExitsWith: .success) {
      guard skein_counts_allocations() else { return }
      let executor = try OverlapTests.executor(
        try oneCoreDevices(2), ExecutorOptions(tracing: .steps(most: 100), expertCounting: .on))
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

/// The trace of an executor, by node.
private struct Trace {
  let plan: Plan
  let records: [[StepRecord]]

  init(_ executor: Executor) {
    plan = executor.plan
    records = executor.trace
  }

  var passes: [Int] { Set(records[0].map(\.pass)).sorted() }

  /// When a device computed a node in a pass.
  func interval(_ device: Int, _ name: NodeName, _ pass: Int) -> Range<UInt64>? {
    records[device].first {
      let step = plan.devices[device].steps[$0.step]
      return $0.pass == pass && step.kind == .compute && plan.graph[step.node].name == name
    }.map { $0.start..<max($0.end, $0.start + 1) }
  }
}
