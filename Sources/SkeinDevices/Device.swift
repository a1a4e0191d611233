import SkeinGraph
import SkeinTensor

/// What a device is.
public struct DeviceProperties: Hashable, Sendable {
  /// The kind of device.
  public enum Kind: String, Hashable, Sendable {
    case cpu, null
  }
  /// The kind of device.
  public var kind: Kind
  /// The maker's name for it: `AMD EPYC`.
  public var hardwareName: String
  /// Bytes of memory that plans may take.
  public var memoryBytes: Int
  /// Cores (or multiprocessors).
  public var coreCount: Int
  /// The kernels it runs, such as `avx512` or `i8mm`.
  public var instructionSet: String
}

/// One thing that computes and has memory: the contract that every kind of device fulfils.
///
/// A device is asked for one reservation of memory and one queue for each plan. All work goes through the
/// queue, in order; queues of different devices meet only at events.
public protocol Device: AnyObject, Sendable {
  /// What it is.
  var properties: DeviceProperties { get }
  /// How it lays out what it holds.
  var layout: any DeviceLayout { get }
  /// Reserves memory, or throws where the device has not as much.
  func reserve(byteCount: Int) throws(DeviceError) -> any DeviceMemory
  /// A queue for the steps of one device of a plan, with all that can be decided before the first pass
  /// already decided.
  func makeQueue(plan: Plan, device index: Int, memory: any DeviceMemory) throws(DeviceError)
    -> any DeviceQueue
}

extension Device {
  /// The device's name.
  public var id: DeviceID { layout.id }
}

/// A device's one reservation.
public protocol DeviceMemory: AnyObject, Sendable {
  /// Bytes reserved.
  var byteCount: Int { get }
  /// Where the host can reach the memory directly; nil where it cannot.
  var hostAddress: UnsafeMutableRawPointer? { get }
}

/// One pass as a queue sees it.
public struct PassShape: Hashable, Sendable {
  /// Counts passes; never the same for two.
  public var serial: Int
  /// Which copy of the `.pass` region is its own.
  public var slot: Int
  /// Tokens in the pass.
  public var tokenCount: Int
  /// Tokens whose logits are wanted.
  public var outputCount: Int

  /// The shape of pass number `serial`.
  public init(serial: Int, slot: Int, tokenCount: Int, outputCount: Int) {
    self.serial = serial
    self.slot = slot
    self.tokenCount = tokenCount
    self.outputCount = outputCount
  }
}

/// Threads that share work out among them.
public protocol ParallelWork: AnyObject {
  /// Runs `body` for every number below `count`, on all threads at once, and returns when all are done. Allocates
  /// nothing, so what `body` needs comes through `context`.
  func forEach(_ count: Int, _ context: UnsafeRawPointer, _ body: Body)
  /// Is given the context and a number.
  typealias Body = @convention(c) (UnsafeRawPointer, Int) -> Void
}

/// The order of a device's work. Used from one thread, the one that called `attach`; `makeEvent` may be called
/// from another before that.
///
/// Work may be done when a call returns (a CPU) or later in the same order (a GPU): only events, `read` and
/// `finish` tell. Offsets are bytes from the start of the device's reservation.
public protocol DeviceQueue: ParallelWork {
  /// Makes the calling thread the queue's own, before any work.
  func attach()
  /// Brings a part of a weight, one or more whole rows of it in the plan's format, into the device's own layout and
  /// memory. Parts come in order.
  ///
  /// - Parameter offset: where the part lies in the weight, in bytes.
  func load(_ slot: WeightSlot, from part: UnsafeRawBufferPointer, at offset: Int) throws(DeviceError)
  /// Has a weight's place show the bytes of a mapped file, in place of a copy; false where that cannot be.
  func map(_ slot: WeightSlot, to bytes: UnsafeRawBufferPointer) -> Bool
  /// Copies host memory to the device. The source may be changed when the call returns.
  func write(_ source: UnsafeRawBufferPointer, to offset: Int) throws(DeviceError)
  /// Copies device memory to the host, after all earlier work; it is there when the call returns.
  func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(DeviceError)
  /// Copies from another device's memory.
  func copy(
    from source: any DeviceMemory, at sourceOffset: Int, to offset: Int, byteCount: Int) throws(DeviceError)
  /// Runs a compute step of the plan.
  func compute(step: Int, pass: PassShape) throws(DeviceError)
  /// A new event of this queue.
  func makeEvent() -> any DeviceEvent
  /// The event happens when all earlier work of this queue is done.
  func record(_ event: any DeviceEvent) throws(DeviceError)
  /// All later work of this queue waits for an event, that has been recorded, of any queue.
  func wait(for event: any DeviceEvent) throws(DeviceError)
  /// Returns when all work is done.
  func finish() throws(DeviceError)
}

extension DeviceQueue {
  /// Most devices have memory of their own.
  public func map(_ slot: WeightSlot, to bytes: UnsafeRawBufferPointer) -> Bool { false }
}

extension ParallelWork {
  /// One after the other, on the calling thread.
  public func forEach(_ count: Int, _ context: UnsafeRawPointer, _ body: Body) {
    for index in 0..<count { body(context, index) }
  }
}

/// A point in a queue's work that other queues can wait for.
public protocol DeviceEvent: AnyObject, Sendable {
  /// Returns when it has happened.
  func waitOnHost() throws(DeviceError)
}

/// What went wrong with a device.
public struct DeviceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public enum Code: Hashable, Sendable {
    case unknownDevice, outOfMemory, unsupported, failed
  }
  /// The kind of fault.
  public var code: Code
  /// What is wrong, and what to do about it.
  public var message: String
  /// The device that it is about, as it was named.
  public var device: String

  /// A fault of `device`.
  public init(_ code: Code, _ message: String, device: String) {
    self.code = code
    self.message = message
    self.device = device
  }

  /// The device, then the message.
  public var description: String { "\(device): \(message)" }
}
