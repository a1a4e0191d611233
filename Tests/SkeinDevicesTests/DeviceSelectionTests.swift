import SkeinDevices
import SkeinGraph
import Testing

@Suite struct DeviceSelectionTests {
  let topology: CPUTopology

  init() throws { topology = try CPUTopology() }

  private func cores(_ list: String) throws -> [[Int]] {
    try DeviceSelection.devices(list, topology: topology).map { ($0 as! CPUDevice).cores }
  }

  private func names(_ list: String) throws -> [String] {
    try DeviceSelection.devices(list, topology: topology).map(\.id.name)
  }

  @Test func cpuIsAllCores() throws {
    #expect(try cores("cpu") == [topology.cores])
    #expect(try names("cpu") == ["cpu"])
  }

  @Test func coresAreCutIntoDevices() throws {
    for count in 1...topology.cores.count {
      let parts = try cores("cpu/\(count)")
      #expect(parts.count == count && parts.flatMap { $0 } == topology.cores)
      #expect(parts.map(\.count).max()! - parts.map(\.count).min()! <= 1)
      #expect(try names("cpu/\(count)") == (0..<count).map { "cpu:\($0)" })
    }
  }

  @Test func coresAreNamed() throws {
    let first = topology.cores[0]
    #expect(try cores("cpu@\(first)") == [[first]])
    #expect(try names("cpu@\(first)") == ["cpu@\(first)"])
    if topology.cores.count > 1 {
      let second = topology.cores[1]
      #expect(try cores("cpu@\(first)+\(second)") == [[first, second]])
      #expect(try cores("cpu@\(first),cpu@\(second)") == [[first], [second]])
    }
  }

  @Test(
    arguments: [
      "", "gpu", "cuda:0", "cpu/0", "cpu/-1", "cpu/100000", "cpu/x", "cpu@", "cpu@x", "cpu@3-1", "cpu@0-",
      "cpu@-1",
      "cpu@0-1-2", "cpu@99999", "cpu@0+0", "cpu,cpu", "cpu@0,cpu", "cpu,", "cpu@0-99999999999999999999",
    ])
  func whatIsWrongIsNamed(list: String) {
    #expect {
      _ = try DeviceSelection.devices(list, topology: topology)
    } throws: { error in
      guard let error = error as? DeviceError else { return false }
      return error.code == .unknownDevice && !error.message.isEmpty && !error.device.isEmpty
    }
  }

  @Test func unknownKernelsAreNamed() {
    #expect {
      _ = try DeviceSelection.devices("cpu", topology: topology, instructionSet: "mmx")
    } throws: { "\($0)".contains("\"mmx\"") && "\($0)".contains("reference") }
  }
}
