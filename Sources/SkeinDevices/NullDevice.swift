import SkeinGraph
import SkeinTensor

/// A device that computes nothing and keeps time: for tests and simulation of machines that are not here.
///
/// Its clock advances by the price of each step, from the rates it is given. Events carry the clock from one
/// device to another, so the time at the end is that of the whole schedule, bubbles included, however long
/// the real threads took.
public final class NullDevice: Device {
  /// What the device would be capable of.
  public struct Rates: Hashable, Sendable {
    /// Multiplications and additions a second.
    public var operationsPerSecond: Double
    /// Bytes of memory read or written a second.
    public var bytesPerSecond: Double
    /// Added to every step.
    public var stepSeconds: Double
    /// Bytes a second over the link that copies arrive on.
    public var linkBytesPerSecond: Double
    /// Added to every copy.
    public var linkSeconds: Double

    /// Rates of a device.
    public init(
      operationsPerSecond: Double = 1e12, bytesPerSecond: Double = 1e11, stepSeconds: Double = 1e-6,
      linkBytesPerSecond: Double = 1e10, linkSeconds: Double = 1e-5
    ) {
      self.operationsPerSecond = operationsPerSecond
      self.bytesPerSecond = bytesPerSecond
      self.stepSeconds = stepSeconds
      self.linkBytesPerSecond = linkBytesPerSecond
      self.linkSeconds = linkSeconds
    }
  }

  /// What it is.
  public let properties: DeviceProperties
  /// How it would lay out what it holds.
  public let layout: any DeviceLayout
  /// How fast it would be.
  public let rates: Rates

  /// A device of these rates and this much memory.
  public init(id: DeviceID, memoryBytes: Int, rates: Rates = Rates()) {
    self.rates = rates
    layout = NullLayout(id: id, memoryBytes: memoryBytes)
    properties = DeviceProperties(
      kind: .null, hardwareName: "null", memoryBytes: memoryBytes, coreCount: 1, instructionSet: "none")
  }

  /// Takes note of the size; there are no bytes.
  public func reserve(byteCount: Int) throws(DeviceError) -> any DeviceMemory {
    guard byteCount <= properties.memoryBytes else {
      throw DeviceError(
        .outOfMemory, "cannot reserve \(byteCount) bytes of \(properties.memoryBytes)", device: id.name)
    }
    return NullMemory(byteCount: byteCount)
  }

  /// A queue with a clock that starts at zero.
  public func makeQueue(
    plan: Plan, device index: Int, memory: any DeviceMemory
  ) throws(DeviceError) -> any DeviceQueue {
    NullQueue(plan: plan, device: index, rates: rates)
  }
}

private struct NullLayout: DeviceLayout {
  let id: DeviceID
  let memoryBytes: Int
  var memoryPool: String { id.name }

  func byteCount(of weight: Weight, type: ElementType) -> Int {
    (type.rowBytes(elementCount: weight.shape.columns) ?? 0) * weight.shape.rows
  }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { 0 }
}

private final class NullMemory: DeviceMemory {
  let byteCount: Int
  var hostAddress: UnsafeMutableRawPointer? { nil }
  init(byteCount: Int) { self.byteCount = byteCount }
}

/// The queue of a `NullDevice`.
public final class NullQueue: DeviceQueue {
  /// One thing that the device did, in seconds of its clock.
  public struct Span: Hashable, Sendable {
    /// The step's node; nil for other work.
    public var node: NodeID?
    /// Number of the pass.
    public var pass: Int
    /// When it began.
    public var start: Double
    /// When it ended.
    public var end: Double
  }

  /// The time at which all work so far is done, in seconds.
  public private(set) var clockSeconds = 0.0
  /// All compute steps so far.
  public private(set) var spans: [Span] = []
  private let plan: Plan
  private let device: DevicePlan
  private let rates: NullDevice.Rates
  private let weightBytes: [WeightPiece: Int]

  init(plan: Plan, device index: Int, rates: NullDevice.Rates) {
    self.plan = plan
    self.rates = rates
    device = plan.devices[index]
    weightBytes = Dictionary(uniqueKeysWithValues: device.weights.map { ($0.piece, $0.buffer.byteCount) })
  }

  /// Nothing: any thread will do.
  public func attach() {}
  /// Nothing: weights have no price before the first pass.
  public func load(
    _ slot: WeightSlot, from part: UnsafeRawBufferPointer, at offset: Int
  ) throws(DeviceError) {}
  /// Nothing: inputs are small.
  public func write(_ source: UnsafeRawBufferPointer, to offset: Int) throws(DeviceError) {}

  /// Zeros.
  public func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(DeviceError) {
    destination.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// Takes the time of the link.
  public func copy(
    from source: any DeviceMemory, at sourceOffset: Int, to offset: Int, byteCount: Int
  ) throws(DeviceError) {
    clockSeconds += rates.linkSeconds + Double(byteCount) / rates.linkBytesPerSecond
  }

  /// Takes the longer of the step's arithmetic and its memory traffic.
  public func compute(step index: Int, pass: PassShape) throws(DeviceError) {
    let node = plan.graph[device.steps[index].node]
    if node.rows.count(tokens: pass.tokenCount, outputs: pass.outputCount) == 0 { return }
    let step = device.steps[index]
    let work = work(of: step, node, pass)
    let start = clockSeconds
    clockSeconds +=
      rates.stepSeconds
      + max(
        work.floatingPointOperations / rates.operationsPerSecond,
        (work.weightBytes + work.activationBytes) / rates.bytesPerSecond)
    spans.append(Span(node: node.id, pass: pass.serial, start: start, end: clockSeconds))
  }

  private func work(of step: Step, _ node: Node, _ pass: PassShape) -> Work {
    switch step.kind {
    case .reduce:
      return plan.graph.workOfReducing(
        node, parts: step.inputs.count, tokens: pass.tokenCount, outputs: pass.outputCount)
    case .join:
      return plan.graph.workOfJoining(node, tokens: pass.tokenCount, outputs: pass.outputCount)
    case .compute, .fetch, .copy, .output:
      let pieces = plan.pieces(of: step)
      return plan.graph.work(
        of: node, tokens: pass.tokenCount, outputs: pass.outputCount,
        contextTokens: plan.limits.contextTokens, cacheType: plan.limits.cacheType,
        slice: plan.slice(of: step),
        weightBytes: { weight in
          pieces.first { $0.weight == weight }.flatMap { weightBytes[$0] } ?? 0
        })
    }
  }

  /// An event that carries the clock.
  public func makeEvent() -> any DeviceEvent { NullEvent() }

  /// Stamps the event with the clock.
  public func record(_ event: any DeviceEvent) throws(DeviceError) {
    (event as? NullEvent)?.seconds = clockSeconds
  }

  /// Moves the clock to the event's time if that is later.
  public func wait(for event: any DeviceEvent) throws(DeviceError) {
    guard let event = event as? NullEvent else { return try event.waitOnHost() }
    clockSeconds = max(clockSeconds, event.seconds)
  }

  /// Nothing: the clock already says when work ends.
  public func finish() throws(DeviceError) {}
}

/// Written by the queue that records it; executors make sure that others read it after that and before it is
/// recorded again.
private final class NullEvent: DeviceEvent, @unchecked Sendable {
  var seconds = 0.0
  func waitOnHost() throws(DeviceError) {}
}
