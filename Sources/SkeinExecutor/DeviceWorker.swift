import CSystem
import SkeinDevices
import SkeinGraph

/// Walks one device's list for each pass in flight. It makes no decisions: `PassQueue` says what is ready,
/// the plan says what to do, and the queue does it.
final class DeviceWorker: @unchecked Sendable {
  private let plan: Plan
  private let device: Int
  private let queue: any DeviceQueue
  private let memories: [any DeviceMemory]
  private let offsets: [[Int]]
  private let reader: any WeightReader
  private let statistics: WorkerStatistics
  private let recorder: StepRecorder?
  private let experts: ExpertCounter?

  init(
    plan: Plan, device: Int, queue: any DeviceQueue, memories: [any DeviceMemory], weights: any WeightSource,
    statistics: WorkerStatistics, recorder: StepRecorder?, experts: ExpertCounter?
  ) {
    self.recorder = recorder
    self.experts = experts
    reader = weights.makeReader()
    self.plan = plan
    self.device = device
    self.queue = queue
    self.memories = memories
    self.statistics = statistics
    offsets = plan.devices.map { device in
      Region.allCases.map { device.offset(of: $0, limits: plan.limits) }
    }
  }

  /// Brings this device's weights in.
  ///
  /// - Parameter progress: told the bytes of each weight; false ends the loading, since another device failed.
  func load(progress: (Int) -> Bool) throws {
    queue.attach()
    for slot in plan.devices[device].weights {
      try bring(slot)
      guard progress(slot.buffer.byteCount) else { return }
    }
  }

  /// Works until the executor stops.
  func run(_ passes: PassQueue) {
    while let work = passes.next(device: device) {
      do {
        let start = skein_clock_nanoseconds()
        try run(work, passes)
        statistics.add(nanoseconds: skein_clock_nanoseconds() - start)
        passes.complete(work, device: device)
      } catch {
        passes.fail(ExecutorError(.device, error.description))
      }
    }
    // Memory goes when the workers have ended: nothing may still use it. Errors were told already.
    try? queue.finish()
  }

  private func run(_ work: PassQueue.Work, _ passes: PassQueue) throws(DeviceError) {
    let pass = work.pass
    if work.steps.lowerBound == 0 { try begin(pass) }
    for index in work.steps {
      let step = plan.devices[device].steps[index]
      let start = recorder == nil ? 0 : skein_clock_nanoseconds()
      try perform(step, at: index, pass)
      recorder?.add(
        StepRecord(
          step: index, pass: pass.shape.serial, tokenCount: pass.shape.tokenCount, start: start,
          end: skein_clock_nanoseconds()))
      if step.isAwaited {
        try queue.record(pass.events[device][index])
        if index + 1 < work.steps.upperBound { passes.advance(pass, device: device, to: index + 1) }
      }
    }
    if work.steps.upperBound == plan.devices[device].steps.count { try queue.record(pass.finished[device]) }
  }

  private func perform(_ step: Step, at index: Int, _ pass: Pass) throws(DeviceError) {
    func rows() -> Int {
      plan.graph[step.node].rows.count(tokens: pass.shape.tokenCount, outputs: pass.shape.outputCount)
    }
    switch step.kind {
    case .compute, .reduce, .join:
      try queue.compute(step: index, pass: pass.shape)
      try experts?.count(
        step: index, rows: rows(), at: offset(step.result, device: device, slot: pass.shape.slot), from: queue
      )
    case .fetch(let range):
      try fetch(range)
    case .copy(let from, let source):
      try queue.wait(for: pass.events[from.device][from.step])
      try queue.copy(
        from: memories[from.device], at: offset(source, device: from.device, slot: pass.shape.slot),
        to: offset(step.result, device: device, slot: pass.shape.slot),
        byteCount: rows() * plan.width(of: step) * 4)
    case .output:
      if let logits = pass.logits {
        try queue.read(offset(step.result, device: device, slot: pass.shape.slot), into: logits)
      }
    }
  }

  /// Brings weights that do not rest on the device, and has those of the next step that needs some read ahead.
  private func fetch(_ range: Range<Int>) throws(DeviceError) {
    let slots = plan.devices[device].streamed
    for slot in slots[range] {
      do {
        try bring(slot)
      } catch {
        throw error as? DeviceError
          ?? DeviceError(.failed, "\(error)", device: plan.devices[device].device.name)
      }
    }
    reader.willNeed(slots[range.upperBound < slots.count ? range.upperBound : 0].weight)
  }

  /// Brings one weight. A part of it may go once it is copied.
  private func bring(_ slot: WeightSlot) throws {
    if slot.isMapped, let bytes = reader.mappedBytes(of: slot.weight), queue.map(slot, to: bytes) { return }
    try reader.read(slot.weight, parallel: queue) { part, offset in
      try queue.load(slot, from: part, at: offset)
      try queue.finish()
    }
  }

  /// The slot was another pass's: every device must be done with that before its inputs are replaced.
  private func begin(_ pass: Pass) throws(DeviceError) {
    for event in pass.formerFinished { try queue.wait(for: event) }
    let base = offsets[device][Region.pass.rawValue]
    let passBytes = plan.devices[device].regionBytes[.pass, default: 0]
    try pass.upload(to: queue, base: base + pass.shape.slot * passBytes)
  }

  /// Bytes from the start of a device's reservation to a buffer.
  private func offset(_ buffer: Buffer, device: Int, slot: Int) -> Int {
    let copy = buffer.region == .pass ? slot * plan.devices[device].regionBytes[.pass, default: 0] : 0
    return offsets[device][buffer.region.rawValue] + copy + buffer.offset
  }
}
