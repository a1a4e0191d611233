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

/// A set of cores as one device, with a team of pinned threads and memory of its own.
public final class CPUDevice: Device {
  /// What it is.
  public let properties: DeviceProperties
  /// How it lays out what it holds.
  public let layout: any DeviceLayout
  /// Processor numbers (the operating system's), one a thread.
  public let cores: [Int]
  private let kernels: KernelTable

  /// A device of these cores.
  ///
  /// - Parameter instructionSet: the kernels to run (such as `reference` or `avx512`); nil for the fastest
  ///   that the processor can run.
  public init(
    id: DeviceID, cores: [Int], topology: CPUTopology, instructionSet: String? = nil
  ) throws(DeviceError) {
    kernels = try KernelTable(named: instructionSet, device: id.name)
    self.cores = cores
    layout = CPULayout(
      id: id, memoryBytes: topology.availableBytes, memoryPool: "host", threadCount: cores.count,
      prefersPacked: kernels.table.pointee.prefers_packed)
    properties = DeviceProperties(
      kind: .cpu, hardwareName: topology.modelName, memoryBytes: topology.availableBytes,
      coreCount: cores.count, instructionSet: kernels.name)
  }

  /// Reserves host memory; its pages are taken when the device's own threads first touch them.
  public func reserve(byteCount: Int) throws(DeviceError) -> any DeviceMemory {
    try HostMemory(byteCount: byteCount, device: id.name)
  }

  /// A queue with a thread team of its own.
  public func makeQueue(
    plan: Plan, device index: Int, memory: any DeviceMemory
  ) throws(DeviceError) -> any DeviceQueue {
    try CPUQueue(plan: plan, device: index, memory: memory, cores: cores, kernels: kernels)
  }
}

/// The kernels of one instruction set.
struct KernelTable: @unchecked Sendable {
  // Points to a constant table for the life of the process.
  let table: UnsafePointer<skein_kernels>

  init(named name: String?, device: String) throws(DeviceError) {
    guard let table = skein_kernels_named(name) else {
      var known: [String] = []
      while let next = skein_kernels_name(Int32(known.count)) { known.append(String(cString: next)) }
      throw DeviceError(
        .unsupported,
        "this processor has no kernels for \"\(name ?? "")\"; SKEIN_ISA may be \(known.joined(separator: ", "))",
        device: device)
    }
    self.table = table
  }

  var name: String { String(cString: table.pointee.name) }
}

/// Pages of host memory.
final class HostMemory: DeviceMemory, @unchecked Sendable {
  let byteCount: Int
  let hostAddress: UnsafeMutableRawPointer?

  init(byteCount: Int, device: String) throws(DeviceError) {
    // An empty mapping is refused by the system; a plan always has inputs, but be total.
    self.byteCount = max(byteCount, 1)
    hostAddress = skein_memory_reserve(self.byteCount)
    if hostAddress == nil {
      let reason = String(cString: strerror(errno))
      throw DeviceError(
        .outOfMemory,
        "cannot reserve \(byteCount) bytes (\(reason)); use a shorter --context or a smaller format, or raise the limit",
        device: device)
    }
  }

  deinit { skein_memory_release(hostAddress, byteCount) }
}

/// How a CPU device lays out what it holds: matrices packed for products, all else as it is in the file.
struct CPULayout: DeviceLayout {
  let id: DeviceID
  let memoryBytes: Int
  let memoryPool: String
  let threadCount: Int
  let prefersPacked: Bool

  var sharesMappedPages: Bool { true }

  /// Room for either layout: they differ where rows are no multiple of a panel's.
  func byteCount(of weight: Weight, type: ElementType) -> Int {
    let stored = (type.rowBytes(elementCount: weight.shape.columns) ?? 0) * weight.shape.rows
    guard prefersPacked, weight.shape.extents.count > 1 else { return stored }
    let stack = MatrixStack(weight.shape)
    return max(stored, stack.count * stack.packedBytes(type))
  }

  /// Products with rows take float32 also where those with packed BF16 round it.
  func packs(_ type: ElementType, limits: PlanLimits) -> Bool {
    prefersPacked && !(type == .bf16 && limits.inputs == .float32)
  }

  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int {
    let scratch = CPUScratch(for: node, in: graph, limits: limits, type: type)
    return scratch.threadOffset + scratch.threadStride * threadCount
  }
}
