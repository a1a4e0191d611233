import CSystem
import SkeinDevices
import SkeinGraph

/// Runs a plan.
///
///     let executor = try Executor(plan: plan, devices: devices, weights: checkpoint)
///     try executor.execute(batch, logits: buffer)
///
/// It only follows the plan: one worker for each device walks that device's list for each pass in flight.
/// Pipelining, and overlap between devices, come from that alone. Not for use from several threads at once.
public final class Executor: @unchecked Sendable {
  /// What it runs.
  public let plan: Plan
  private let memories: [any DeviceMemory]
  private let passes: PassQueue
  private let statistics: [WorkerStatistics]
  private let recorders: [StepRecorder]
  private let expertCounters: [ExpertCounter]
  private var threads: [HostThread] = []
  private var pages: PageTable
  private var serial = 0

  /// Reserves all memory, then loads all weights, every device its own at the same time.
  ///
  /// - Parameters:
  ///   - devices: those of the plan, in its order.
  ///   - options: what to take note of.
  ///   - progress: told the bytes loaded so far, and all there are; called from several threads.
  /// - Throws: `ExecutorError` or `DeviceError`; nothing is left reserved then.
  public init(
    plan: Plan, devices: [any Device], weights: any WeightSource,
    options: ExecutorOptions = ExecutorOptions(),
    progress: @escaping @Sendable (_ loadedBytes: Int, _ totalBytes: Int) -> Void = { _, _ in }
  ) throws {
    guard devices.map(\.id) == plan.devices.map(\.device) else {
      throw ExecutorError(.device, "the devices given are not those of the plan")
    }
    self.plan = plan
    pages = PageTable(plan.limits)
    var memories: [any DeviceMemory] = []
    for (index, device) in devices.enumerated() {
      memories.append(try device.reserve(byteCount: plan.byteCount(device: index)))
    }
    var queues: [any DeviceQueue] = []
    for (index, device) in devices.enumerated() {
      queues.append(try device.makeQueue(plan: plan, device: index, memory: memories[index]))
    }
    let slots = (0..<plan.limits.passesInFlight).map { Pass(slot: $0, plan: plan, queues: queues) }
    let passes = PassQueue(plan: plan, passes: slots)
    self.memories = memories
    self.passes = passes
    statistics = devices.map { _ in WorkerStatistics() }
    if case .steps(let most) = options.tracing {
      recorders = devices.map { _ in StepRecorder(most: most) }
    } else {
      recorders = []
    }
    expertCounters =
      options.expertCounting == .on ? devices.indices.map { ExpertCounter(plan, device: $0) } : []

    let loading = Loading(deviceCount: devices.count, plan: plan, progress: progress)
    do {
      for index in devices.indices {
        let worker = DeviceWorker(
          plan: plan, device: index, queue: queues[index], memories: memories, weights: weights,
          statistics: statistics[index], recorder: recorders.isEmpty ? nil : recorders[index],
          experts: expertCounters.isEmpty ? nil : expertCounters[index])
        threads.append(
          try HostThread {
            guard loading.perform({ try worker.load(progress: loading.add) }) else { return }
            worker.run(passes)
          })
      }
      try loading.wait()
    } catch {
      loading.abandon()
      stop()
      throw error
    }
  }

  deinit { stop() }

  /// Lets the workers end, and waits for them.
  private func stop() {
    passes.stop()
    for thread in threads { thread.join() }
    threads = []
  }

  /// Computes a batch, cut into passes that follow each other through the devices.
  ///
  /// - Parameters:
  ///   - logits: `batch.outputs.count * vocabularySize` values, a row an output.
  ///   - isCancelled: asked before each pass; where it says yes, no further pass is begun.
  /// - Returns: whether the whole batch was computed. Where it was not, cut its sequences to the length they
  ///   had.
  /// - Throws: `ExecutorError`. After a batch that is refused, cut its sequences to the length they had; after
  ///   a device failed the executor is of no more use.
  @discardableResult
  public func execute(
    _ batch: Batch, logits: UnsafeMutableBufferPointer<Float>, isCancelled: () -> Bool = { false }
  ) throws(ExecutorError) -> Bool {
    try validate(batch, logits: logits)
    let rowBytes = plan.graph.vocabularySize * 4
    let size = plan.passTokens(for: batch.count)
    var token = 0
    var output = 0
    while token < batch.count {
      let pass = try passes.take()
      if isCancelled() {
        passes.giveBack(pass)
        break
      }
      let end = passEnd(of: batch, from: token, output: output, size: size)
      var outputEnd = output
      while outputEnd < batch.outputs.count, Int(batch.outputs[outputEnd]) < end { outputEnd += 1 }
      serial += 1
      pass.prepare(
        batch, tokens: token..<end, outputs: output..<outputEnd, pageTable: pages.pages, serial: serial)
      let bytes = UnsafeMutableRawBufferPointer(logits)
      pass.logits =
        output == outputEnd
        ? nil : UnsafeMutableRawBufferPointer(rebasing: bytes[output * rowBytes..<outputEnd * rowBytes])
      passes.submit(pass)
      (token, output) = (end, outputEnd)
    }
    try passes.drain()
    return token == batch.count
  }

  /// Forgets the positions of a sequence from `length` on.
  public func truncate(sequence: Int, to length: Int) { pages.truncate(sequence: sequence, to: length) }

  /// Seconds that each device has worked so far, in the order of the plan.
  public var busySeconds: [Double] { statistics.map(\.busySeconds) }

  /// The last steps of each device, in the order of the plan; empty without tracing. Ask when nothing is executed.
  public var trace: [[StepRecord]] { recorders.map(\.records) }

  /// Steps that each device's trace has lost to later ones.
  public var lostStepCounts: [Int] { recorders.map(\.lostCount) }

  /// How often each expert was chosen so far; nil where that is not counted. Ask when nothing is executed.
  public var expertUsage: ExpertUsage? {
    expertCounters.isEmpty ? nil : ExpertUsage(expertCounters.flatMap(\.layers))
  }

  /// Bytes that each device has reserved, in the order of the plan.
  public var reservedBytes: [Int] { memories.map(\.byteCount) }

  /// Where the pass that begins at `token` ends: at its size, or before it has too many outputs.
  private func passEnd(of batch: Batch, from token: Int, output: Int, size: Int) -> Int {
    let end = min(token + size, batch.count)
    let next = output + plan.limits.outputsPerPass
    return next < batch.outputs.count ? min(end, Int(batch.outputs[next])) : end
  }

  private func validate(
    _ batch: Batch, logits: UnsafeMutableBufferPointer<Float>
  ) throws(ExecutorError) {
    guard logits.count >= batch.outputs.count * plan.graph.vocabularySize else {
      throw ExecutorError(
        .invalidBatch, "\(logits.count) values are too few for \(batch.outputs.count) outputs")
    }
    for token in batch.tokens where token < 0 || token >= plan.graph.vocabularySize {
      throw ExecutorError(
        .invalidBatch, "token \(token) is not in the vocabulary of \(plan.graph.vocabularySize)")
    }
    for index in 0..<batch.count {
      try pages.extend(sequence: Int(batch.sequences[index]), to: Int(batch.positions[index]))
    }
  }
}
