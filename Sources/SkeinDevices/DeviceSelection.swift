import SkeinGraph

/// Makes the devices that a list names.
///
///     cpu            all cores, one device
///     cpu/2          the cores cut into two devices, cpu:0 and cpu:1
///     cpu@0-7        these processors (numbers as the operating system counts them)
///     cpu@0,cpu@1    two devices of one core each
///     cpu@0-3+8-11   several runs of processors
public enum DeviceSelection {
  /// The devices of `list`, separated by commas.
  ///
  /// - Parameter instructionSet: the CPU kernels to use; nil for the fastest.
  /// - Throws: `DeviceError` that names the part that is wrong and says what there is.
  public static func devices(
    _ list: String, topology: CPUTopology, instructionSet: String? = nil
  ) throws(DeviceError) -> [any Device] {
    var devices: [any Device] = []
    var owner: [Int: String] = [:]
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      for (name, cores) in try groups(String(part), topology) {
        for core in cores {
          guard let other = owner.updateValue(name, forKey: core) else { continue }
          throw DeviceError(
            .unknownDevice, "processor \(core) is already in \(other); give each to one device", device: name)
        }
        devices.append(
          try CPUDevice(
            id: DeviceID(name), cores: cores, topology: topology, instructionSet: instructionSet))
      }
    }
    return devices
  }

  /// The devices that one part of a list names, with their processors.
  private static func groups(
    _ part: String, _ topology: CPUTopology
  ) throws(DeviceError) -> [(name: String, cores: [Int])] {
    let all = topology.cores
    if part == "cpu" { return [("cpu", all)] }
    if part.hasPrefix("cpu/") {
      guard let count = Int(part.dropFirst(4)), count >= 1, count <= all.count else {
        throw DeviceError(
          .unknownDevice, "the \(all.count) cores here can be cut into 1 to \(all.count) devices",
          device: part)
      }
      return (0..<count).map { index in
        ("cpu:\(index)", Array(all[all.count * index / count..<all.count * (index + 1) / count]))
      }
    }
    if part.hasPrefix("cpu@") { return [(part, try processors(part, topology))] }
    throw DeviceError(
      .unknownDevice,
      "no such device here; a list is made of cpu, cpu/N and cpu@CORES (cores \(all.map(String.init).joined(separator: " ")))"
        + ", for example cpu/2 or cpu@0,cpu@1", device: part.isEmpty ? "an empty name" : part)
  }

  /// The processors of `cpu@0-3+8`.
  private static func processors(_ part: String, _ topology: CPUTopology) throws(DeviceError) -> [Int] {
    var cores: [Int] = []
    for run in part.dropFirst(4).split(separator: "+", omittingEmptySubsequences: false) {
      let ends = run.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first <= last,
        first >= 0, last < 1 << 20
      else {
        throw DeviceError(.unknownDevice, "write processors as 0, 0-7 or 0-3+8-11", device: part)
      }
      cores += Array(first...last)
    }
    for core in cores where !topology.processors.contains(core) {
      let known = topology.processors.sorted().map(String.init).joined(separator: " ")
      throw DeviceError(.unknownDevice, "there is no processor \(core); there are \(known)", device: part)
    }
    guard Set(cores).count == cores.count else {
      throw DeviceError(.unknownDevice, "names a processor twice", device: part)
    }
    return cores
  }
}
