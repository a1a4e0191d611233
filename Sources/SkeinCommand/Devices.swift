import ArgumentParser
import FoundationEssentials
import Skein
import SkeinDevices

/// `skein devices`
struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The devices that are here, with their memory and measured speed.",
    discussion: """
      Examples:
        skein devices
        skein devices --devices cpu/2 --json
      """)

  @Option(help: ArgumentHelp("Measure these devices instead of all.", valueName: "list"))
  var devices = "cpu"
  @OptionGroup var output: OutputOptions

  func run() throws {
    let topology = try CPUTopology()
    let devices = try DeviceSelection.devices(
      devices, topology: topology, instructionSet: ProcessInfo.processInfo.environment["SKEIN_ISA"])
    let rows = try devices.map { try DeviceRow($0, .measure($0)) }
    let links = try LinkMeasurement.measureAll(among: devices)
    if output.json { return try Terminal.print(json: Report(devices: rows, links: links.map(LinkRow.init))) }
    Terminal.write(Format.table([DeviceRow.header] + rows.map(\.cells)) + "\n")
    for link in links {
      Terminal.write(
        "link \(link.source) -> \(link.destination): \(Format.number(link.bytesPerSecond / 1e9)) GB/s,"
          + " \(Format.number(link.latencySeconds * 1e6)) us\n")
    }
    Terminal.write("cores: \(topology.cores.map(String.init).joined(separator: " "))\n")
  }
}

private struct Report: Encodable {
  var devices: [DeviceRow]
  var links: [LinkRow]
}

private struct LinkRow: Encodable {
  var from: String
  var to: String
  var bytesPerSecond: Double
  var latencySeconds: Double
  enum CodingKeys: String, CodingKey {
    case from, to
    case bytesPerSecond = "bytes_per_second"
    case latencySeconds = "latency_seconds"
  }
  init(_ link: LinkMeasurement) {
    from = link.source.name
    to = link.destination.name
    bytesPerSecond = link.bytesPerSecond
    latencySeconds = link.latencySeconds
  }
}

private struct DeviceRow: Encodable {
  var name: String
  var kind: String
  var hardware: String
  var cores: Int
  var instructionSet: String
  var memoryBytes: Int
  var bytesPerSecond: Double
  var operationsPerSecond: [String: Double]

  enum CodingKeys: String, CodingKey {
    case name, kind, hardware, cores
    case instructionSet = "instruction_set"
    case memoryBytes = "memory_bytes"
    case bytesPerSecond = "bytes_per_second"
    case operationsPerSecond = "operations_per_second"
  }

  init(_ device: any Device, _ measurement: DeviceMeasurement) {
    name = device.id.name
    kind = device.properties.kind.rawValue
    hardware = device.properties.hardwareName
    cores = device.properties.coreCount
    instructionSet = device.properties.instructionSet
    memoryBytes = device.properties.memoryBytes
    bytesPerSecond = measurement.bytesPerSecond
    operationsPerSecond = measurement.operationsPerSecond
  }

  static let header = ["device", "hardware", "cores", "kernels", "memory", "reads", "Q8_0", "F16"]

  var cells: [String] {
    func rate(_ format: String) -> String {
      "\(Format.number((operationsPerSecond[format] ?? 0) / 1e9, decimals: 0)) GOP/s"
    }
    return [
      name, hardware, "\(cores)", instructionSet, Format.bytes(memoryBytes),
      "\(Format.number(bytesPerSecond / 1e9)) GB/s", rate("Q8_0"), rate("F16"),
    ]
  }
}
