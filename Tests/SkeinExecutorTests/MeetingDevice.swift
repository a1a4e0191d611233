import SkeinDevices
import SkeinGraph
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Steps that have begun and ended, on all devices.
final class Meetings: Sendable {
  /// A step of a pass.
  struct Event: Hashable {
    enum Moment: Hashable { case begun, ended }
    var name: NodeName
    var pass: Int
    var moment: Moment
  }
  /// What a step waits for.
  typealias Rule = @Sendable (NodeName, Int, Event.Moment) -> Event?

  private let seen = Mutex<Set<Event>>([])
  private let missed = Mutex<[Event]>([])
  private let rule: Rule

  /// - Parameter rule: for a step that has begun, what it must not do before (begun), or for one that has done its
  ///   work, what it must not end before (ended); nil for nothing.
  init(_ rule: @escaping Rule) { self.rule = rule }

  /// What never came in time: steps that were waited for and could not begin or end.
  var missedEvents: [Event] { missed.withLock { $0 } }

  func note(_ name: NodeName, pass: Int, _ moment: Event.Moment) {
    if moment == .begun { add(Event(name: name, pass: pass, moment: .begun)) }
    if let event = rule(name, pass, moment) { wait(for: event) }
    if moment == .ended { add(Event(name: name, pass: pass, moment: .ended)) }
  }

  private func add(_ event: Event) { seen.withLock { _ = $0.insert(event) } }

  private func wait(for event: Event) {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if seen.withLock({ $0.contains(event) }) { return }
      sched_yield()
    }
    missed.withLock { $0.append(event) }
  }
}

/// A device whose steps wait for steps of other devices, as `Meetings` says: what runs at the same time then does so
/// however fast the cores are.
final class MeetingDevice: Device {
  private let device: any Device
  private let meetings: Meetings
  var properties: DeviceProperties { device.properties }
  var layout: any DeviceLayout { device.layout }

  init(_ device: any Device, _ meetings: Meetings) {
    self.device = device
    self.meetings = meetings
  }

  func reserve(byteCount: Int) throws(DeviceError) -> any DeviceMemory {
    try device.reserve(byteCount: byteCount)
  }

  func makeQueue(
    plan: Plan, device index: Int, memory: any DeviceMemory
  ) throws(DeviceError) -> any DeviceQueue {
    MeetingQueue(
      try device.makeQueue(plan: plan, device: index, memory: memory),
      names: plan.devices[index].steps.map { plan.graph[$0.node].name }, meetings)
  }
}

private final class MeetingQueue: DeviceQueue {
  private let queue: any DeviceQueue
  private let names: [NodeName]
  private let meetings: Meetings

  init(_ queue: any DeviceQueue, names: [NodeName], _ meetings: Meetings) {
    self.queue = queue
    self.names = names
    self.meetings = meetings
  }

  func compute(step: Int, pass: PassShape) throws(DeviceError) {
    meetings.note(names[step], pass: pass.serial, .begun)
    try queue.compute(step: step, pass: pass)
    meetings.note(names[step], pass: pass.serial, .ended)
  }

  func attach() { queue.attach() }
  func load(_ slot: WeightSlot, from part: UnsafeRawBufferPointer, at offset: Int) throws(DeviceError) {
    try queue.load(slot, from: part, at: offset)
  }
  func write(_ source: UnsafeRawBufferPointer, to offset: Int) throws(DeviceError) {
    try queue.write(source, to: offset)
  }
  func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(DeviceError) {
    try queue.read(offset, into: destination)
  }
  func copy(
    from source: any DeviceMemory, at sourceOffset: Int, to offset: Int, byteCount: Int
  ) throws(DeviceError) { try queue.copy(from: source, at: sourceOffset, to: offset, byteCount: byteCount) }
  func makeEvent() -> any DeviceEvent { queue.makeEvent() }
  func record(_ event: any DeviceEvent) throws(DeviceError) { try queue.record(event) }
  func wait(for event: any DeviceEvent) throws(DeviceError) { try queue.wait(for: event) }
  func finish() throws(DeviceError) { try queue.finish() }
}
