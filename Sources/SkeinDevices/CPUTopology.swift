import CHwloc
import CSystem

/// The cores of this machine that the process may use.
public struct CPUTopology: Sendable {
  /// One processor number (the operating system's) for each physical core, in order.
  public let cores: [Int]
  /// All processor numbers, several a core where it runs several threads.
  public let processors: Set<Int>
  /// The maker's name of the processor.
  public let modelName: String
  /// Bytes of memory that could be given out when the topology was read.
  public let availableBytes: Int

  /// Reads the machine, limited to the processors that the process is bound to.
  public init() throws(DeviceError) {
    func fail(_ call: String) -> DeviceError {
      DeviceError(.failed, "\(call) failed: the machine's cores cannot be listed", device: "cpu")
    }
    var handle: hwloc_topology_t?
    guard hwloc_topology_init(&handle) == 0, let topology = handle else { throw fail("hwloc_topology_init") }
    defer { hwloc_topology_destroy(topology) }
    guard hwloc_topology_load(topology) == 0 else { throw fail("hwloc_topology_load") }

    let bound = hwloc_bitmap_alloc()
    defer { hwloc_bitmap_free(bound) }
    let isBound = hwloc_get_cpubind(topology, bound, Int32(HWLOC_CPUBIND_PROCESS.rawValue)) == 0

    var cores: [Int] = []
    var processors: Set<Int> = []
    var seenCores: Set<Int> = []
    for index in 0..<max(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU), 0) {
      guard let unit = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, UInt32(index)) else { continue }
      let number = unit.pointee.os_index
      if isBound, hwloc_bitmap_isset(bound, number) == 0 { continue }
      processors.insert(Int(number))
      let core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, unit)
      let coreIndex = core.map { Int($0.pointee.logical_index) } ?? Int(number)
      if seenCores.insert(coreIndex).inserted { cores.append(Int(number)) }
    }
    guard !cores.isEmpty else { throw fail("hwloc_get_obj_by_type") }
    self.cores = cores
    self.processors = processors
    modelName = CPUTopology.modelName(topology)
    availableBytes = Int(clamping: skein_memory_available())
  }

  private static func modelName(_ topology: hwloc_topology_t) -> String {
    guard let package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0),
      let name = hwloc_obj_get_info_by_name(package, "CPUModel")
    else { return "CPU" }
    return String(cString: name)
  }
}
