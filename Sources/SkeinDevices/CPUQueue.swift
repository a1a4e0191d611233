import CKernels
import CSystem
import SkeinGraph
import SkeinTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a CPU device's steps. Every call has finished its work when it returns.
final class CPUQueue: DeviceQueue {
  let team: ThreadTeam
  let kernels: UnsafePointer<skein_kernels>
  let steps: [CPUStep]
  let device: DevicePlan
  let limits: PlanLimits
  let graph: Graph
  let workspace: UnsafeMutableRawPointer
  private let memory: any DeviceMemory
  private let base: UnsafeMutableRawPointer
  private let regionOffsets: [Int]
  private let passBytes: Int
  private let tables = StepTables()
  /// What the front of the workspace holds: the result of a node, or of a part of it, in a pass, rounded to a form.
  var rounded: (pass: Int, input: CPUStep.Input, form: InputForm)?

  init(
    plan: Plan, device index: Int, memory: any DeviceMemory, cores: [Int], kernels: KernelTable
  ) throws(DeviceError) {
    device = plan.devices[index]
    let name = device.device.name
    guard let base = memory.hostAddress, memory.byteCount >= plan.byteCount(device: index) else {
      throw DeviceError(.failed, "its memory is not the plan's", device: name)
    }
    graph = plan.graph
    let limits = plan.limits
    let device = device
    self.limits = limits
    self.memory = memory
    self.base = base
    self.kernels = kernels.table
    regionOffsets = Region.allCases.map { device.offset(of: $0, limits: limits) }
    passBytes = device.regionBytes[.pass, default: 0]
    workspace = base + device.offset(of: .workspace, limits: limits)
    team = try ThreadTeam(cores: cores, device: name)
    steps = CPUBinder(plan: plan, device: device, base: base, tables: tables).steps()
  }

  /// Takes every page of the reservation but those of weights, which come with the weights: what was reserved
  /// is then there, and near the cores that use it.
  func attach() {
    team.attach()
    let weights = device.regionBytes[.weights, default: 0]
    let rest = device.byteCount(limits: limits) - weights
    var region = ZeroedRegion(address: base + weights, byteCount: rest)
    let runs = (rest + ZeroedRegion.runBytes - 1) / ZeroedRegion.runBytes
    team.run(
      { arguments, begin, end, _ in
        let region = arguments!.assumingMemoryBound(to: ZeroedRegion.self).pointee
        let first = Int(begin) * ZeroedRegion.runBytes
        let last = min(Int(end) * ZeroedRegion.runBytes, region.byteCount)
        memset(region.address + first, 0, last - first)
      }, &region, items: runs, grain: 1)
  }

  /// The address of a buffer, in the given copy of the pass region.
  @inline(__always)
  func address(_ buffer: Buffer, slot: Int) -> UnsafeMutableRawPointer {
    let copy = buffer.region == .pass ? slot * passBytes : 0
    return base + regionOffsets[buffer.region.rawValue] + copy + buffer.offset
  }

  func map(_ slot: WeightSlot, to bytes: UnsafeRawBufferPointer) -> Bool {
    let page = Plan.regionAlignment
    guard let source = bytes.baseAddress, bytes.count == slot.buffer.byteCount else { return false }
    let place = address(slot.buffer, slot: 0)
    let phase = Int(bitPattern: place) % page
    guard Int(bitPattern: source) % page == phase else { return false }
    let byteCount = (phase + bytes.count).roundedUp(to: page)
    return skein_memory_share(place - phase, source - phase, byteCount)
  }

  func forEach(_ count: Int, _ context: UnsafeRawPointer, _ body: Body) {
    var work = ParallelBody(context: context, body: body)
    team.run(
      { arguments, begin, end, _ in
        let work = arguments!.assumingMemoryBound(to: ParallelBody.self).pointee
        for index in begin..<end { work.body(work.context, Int(index)) }
      }, &work, items: count, grain: 1)
  }

  func write(_ source: UnsafeRawBufferPointer, to offset: Int) throws(DeviceError) {
    guard let address = source.baseAddress else { return }
    memcpy(base + offset, address, source.count)
  }

  func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(DeviceError) {
    guard let address = destination.baseAddress else { return }
    memcpy(address, base + offset, destination.count)
  }

  func copy(
    from source: any DeviceMemory, at sourceOffset: Int, to offset: Int, byteCount: Int
  ) throws(DeviceError) {
    guard let address = source.hostAddress else {
      throw DeviceError(
        .unsupported, "cannot read memory that the host cannot reach", device: device.device.name)
    }
    memcpy(base + offset, address + sourceOffset, byteCount)
  }

  func makeEvent() -> any DeviceEvent { CPUEvent() }
  func record(_ event: any DeviceEvent) throws(DeviceError) {}
  func wait(for event: any DeviceEvent) throws(DeviceError) { try event.waitOnHost() }
  func finish() throws(DeviceError) {}
}

private struct ZeroedRegion {
  static let runBytes = 1 << 20
  var address: UnsafeMutableRawPointer
  var byteCount: Int
}

private struct ParallelBody {
  var context: UnsafeRawPointer
  var body: ParallelWork.Body
}

/// A CPU's work is done when its call returns, so the event has always happened.
private final class CPUEvent: DeviceEvent {
  func waitOnHost() throws(DeviceError) {}
}
