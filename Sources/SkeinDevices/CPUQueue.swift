import CKernels
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
  private let graph: Graph
  let workspace: UnsafeMutableRawPointer
  private let memory: any DeviceMemory
  private let base: UnsafeMutableRawPointer
  private let regionOffsets: [Int]
  private let passBytes: Int
  private let tables = StepTables()
  /// What the front of the workspace holds: the quantized result of a node in a pass.
  var quantized: (pass: Int, node: NodeID)?

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

  func load(_ slot: WeightSlot, from bytes: UnsafeRawBufferPointer) throws(DeviceError) {
    var (end, taken) = (0, 0)
    forEachBytes(of: slot, of: bytes.count) {
      end = max(end, $0.end)
      taken += $0.byteCount * $0.count
    }
    guard let source = bytes.baseAddress, end <= bytes.count, taken == slot.buffer.byteCount else {
      throw DeviceError(
        .failed, "\(graph[slot.weight].name) of \(slot.buffer.byteCount) bytes was given \(bytes.count)",
        device: device.device.name)
    }
    var destination = address(slot.buffer, slot: 0)
    forEachBytes(of: slot, of: bytes.count) {
      copyInParallel($0, from: source + $0.offset, to: destination)
      destination += $0.byteCount * $0.count
    }
  }

  /// What a slot takes of its weight's bytes.
  private func forEachBytes(of slot: WeightSlot, of byteCount: Int, _ body: (WeightSlice.Bytes) -> Void) {
    guard let slice = slot.slice else {
      return body(WeightSlice.Bytes(offset: 0, byteCount: byteCount, stride: byteCount, count: 1))
    }
    slice.forEachBytes(of: graph[slot.weight].shape, type: slot.type, body)
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

  /// Every thread copies, and so first touches, its part.
  private func copyInParallel(
    _ part: WeightSlice.Bytes, from source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer
  ) {
    var copy = ParallelCopy(source: source, destination: destination, part: part)
    if part.count == 1 {
      // One long run is cut into many.
      let run = ParallelCopy.runBytes
      copy.part.count = part.byteCount / run
      (copy.part.byteCount, copy.part.stride) = (run, run)
    }
    let copied = copy.part.byteCount * copy.part.count
    team.run(
      { arguments, begin, end, _ in
        let copy = arguments!.assumingMemoryBound(to: ParallelCopy.self).pointee
        for run in Int(begin)..<Int(end) {
          memcpy(
            copy.destination + run * copy.part.byteCount, copy.source + run * copy.part.stride,
            copy.part.byteCount)
        }
      }, &copy, items: copy.part.count, grain: max(ParallelCopy.runBytes / max(copy.part.byteCount, 1), 1))
    let rest = part.byteCount * part.count - copied
    if rest > 0 { memcpy(destination + copied, source + copied, rest) }
  }
}

private struct ZeroedRegion {
  static let runBytes = 1 << 20
  var address: UnsafeMutableRawPointer
  var byteCount: Int
}

private struct ParallelCopy {
  static let runBytes = 1 << 20
  var source: UnsafeRawPointer
  var destination: UnsafeMutableRawPointer
  var part: WeightSlice.Bytes
}

/// A CPU's work is done when its call returns, so the event has always happened.
private final class CPUEvent: DeviceEvent {
  func waitOnHost() throws(DeviceError) {}
}
