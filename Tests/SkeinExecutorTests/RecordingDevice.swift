import SkeinDevices
import SkeinGraph
import Synchronization

/// The latest time on the clocks of several devices.
final class Recorder: Sendable {
  private let latest = Mutex(0.0)
  var clockSeconds: Double { latest.withLock { $0 } }
  func note(_ seconds: Double) { latest.withLock { $0 = max($0, seconds) } }
}

/// A `NullDevice` that tells its clock, and that may stop working.
final class RecordingDevice: Device {
  private let device: NullDevice
  private let recorder: Recorder
  private let failsAfter: Int?
  var properties: DeviceProperties { device.properties }
  var layout: any DeviceLayout { device.layout }

  init(_ device: NullDevice, _ recorder: Recorder, failsAfter: Int? = nil) {
    self.device = device
    self.recorder = recorder
    self.failsAfter = failsAfter
  }

  func reserve(byteCount: Int) throws(DeviceError) -> any DeviceMemory {
    try device.reserve(byteCount: byteCount)
  }

  func makeQueue(
    plan: Plan, device index: Int, memory: any DeviceMemory
  ) throws(DeviceError) -> any DeviceQueue {
    let queue = try device.makeQueue(plan: plan, device: index, memory: memory)
    return RecordingQueue(queue as! NullQueue, recorder, name: id.name, failsAfter: failsAfter)
  }
}

private final class RecordingQueue: DeviceQueue {
  private let queue: NullQueue
  private let recorder: Recorder
  private let name: String
  private var stepsLeft: Int?

  init(_ queue: NullQueue, _ recorder: Recorder, name: String, failsAfter: Int?) {
    self.queue = queue
    self.recorder = recorder
    self.name = name
    stepsLeft = failsAfter
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
  func compute(step: Int, pass: PassShape) throws(DeviceError) {
    if let left = stepsLeft {
      if left == 0 { throw DeviceError(.failed, "lost", device: name) }
      stepsLeft = left - 1
    }
    try queue.compute(step: step, pass: pass)
    recorder.note(queue.clockSeconds)
  }
  func makeEvent() -> any DeviceEvent { queue.makeEvent() }
  func record(_ event: any DeviceEvent) throws(DeviceError) { try queue.record(event) }
  func wait(for event: any DeviceEvent) throws(DeviceError) { try queue.wait(for: event) }
  func finish() throws(DeviceError) { try queue.finish() }
}
