import ArgumentParser
import FoundationEssentials
import Skein
import SkeinDevices
import SkeinPlanner
import SkeinTensor

/// `skein devices`
struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The devices that are here, with their memory, measured speed and links.",
    discussion: """
      Each device is measured once, and what was found is kept in the user's cache folder (SKEIN_CACHE names
      another). -o writes a fleet file, for planning on another machine with skein plan --fleet.

      --measure also shows what the cores can do at most, whatever kernels make of it: products of 8-bit integers,
      of BF16 and of float32 in registers, and reading memory; the best of many passes. --limits shows that alone.

      Examples:
        skein devices
        skein devices --measure
        skein devices --limits --json
        skein devices --devices cpu/2 --json
        skein devices -o mine.yaml
      """)

  @Option(help: ArgumentHelp("Show these devices instead of all.", valueName: "list"))
  var devices = "cpu"
  @Flag(help: "Measure anew, and the limits of the cores too.")
  var measure = false
  @Flag(help: "Measure the limits of the cores alone.")
  var limits = false
  @Option(
    name: .customShort("o"), help: ArgumentHelp("Write the devices as a fleet file.", valueName: "file"))
  var fleetPath: String?
  @OptionGroup var output: OutputOptions

  /// The formats that most models have.
  static let types: [ElementType] = [.q8_0, .q4_K, .q6_K, .q4_0, .f16, .bf16, .f32]

  func validate() throws {
    if limits, measure || fleetPath != nil {
      throw ValidationError(
        "--limits measures no devices; leave out \(measure ? "--measure" : "-o") or --limits")
    }
  }

  func run() throws {
    let topology = try CPUTopology()
    let devices = try DeviceSelection.devices(
      devices, topology: topology, instructionSet: ProcessInfo.processInfo.environment["SKEIN_ISA"])
    if limits {
      let rows = try LimitRow.measure(devices, topology: topology)
      if output.json { return try Terminal.print(json: Report(devices: [], links: [], limits: rows)) }
      return Terminal.write(Format.table([LimitRow.header] + rows.map(\.cells)) + "\n")
    }
    let bar = ProgressBar("measuring")
    let machine = try Machine(
      devices: devices, profiles: measure ? .measuredAnew : .measured, types: Self.types, progress: bar.update
    )
    bar.end()
    if let fleetPath { try writeText(machine.fleet.yaml, to: fleetPath) }
    let rows = zip(devices, machine.fleet.devices).map { DeviceRow($0, $1.rates) }
    let limitRows = measure ? try LimitRow.measure(devices, topology: topology) : []
    if output.json {
      return try Terminal.print(
        json: Report(devices: rows, links: machine.fleet.links.map(LinkRow.init), limits: limitRows))
    }
    Terminal.write(Format.table([DeviceRow.header] + rows.map(\.cells)) + "\n")
    for link in machine.fleet.links {
      Terminal.write(
        "link \(link.source) -> \(link.destination): \(Format.number(link.rate.bytesPerSecond / 1e9)) GB/s,"
          + " \(Format.number(link.rate.latencySeconds * 1e6)) us\n")
    }
    for (pool, part) in machine.fleet.sharedSpeed {
      Terminal.write(
        "two devices of \(pool) at a time: \(Format.number(part * 100, decimals: 0))% of their speed each\n")
    }
    if !limitRows.isEmpty {
      Terminal.write(Format.table([LimitRow.header] + limitRows.map(\.cells)) + "\n")
    }
    Terminal.write("cores: \(topology.cores.map(String.init).joined(separator: " "))\n")
  }
}

private struct Report: Encodable {
  var devices: [DeviceRow]
  var links: [LinkRow]
  /// Empty where they were not asked for.
  var limits: [LimitRow]
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
  init(_ link: Fleet.Link) {
    from = link.source
    to = link.destination
    bytesPerSecond = link.rate.bytesPerSecond
    latencySeconds = link.rate.latencySeconds
  }
}

private struct DeviceRow: Encodable {
  var name: String
  var kind: String
  var hardware: String
  var cores: Int
  var instructionSet: String
  var memoryBytes: Int
  /// With one token, of weights in Q8_0.
  var bytesPerSecond: Double
  /// With many tokens, by format.
  var operationsPerSecond: [String: Double]

  enum CodingKeys: String, CodingKey {
    case name, kind, hardware, cores
    case instructionSet = "instruction_set"
    case memoryBytes = "memory_bytes"
    case bytesPerSecond = "bytes_per_second"
    case operationsPerSecond = "operations_per_second"
  }

  init(_ device: any Device, _ rates: DeviceRates) {
    name = device.id.name
    kind = device.properties.kind.rawValue
    hardware = device.properties.hardwareName
    cores = device.properties.coreCount
    instructionSet = device.properties.instructionSet
    memoryBytes = device.properties.memoryBytes
    bytesPerSecond =
      rates.linear["Q8_0"].map { ElementType.q8_0.bytesPerElement / $0.secondsPerElement(tokens: 1) } ?? 0
    operationsPerSecond = rates.linear.mapValues { 2 * 256 / $0.secondsPerElement(tokens: 256) }
  }

  private static let shown = ["Q8_0", "Q4_K", "BF16"]
  static let header = ["device", "hardware", "cores", "kernels", "memory", "reads"] + shown

  var cells: [String] {
    let rates = Self.shown.map {
      "\(Format.number((operationsPerSecond[$0] ?? 0) / 1e9, decimals: 0)) GOP/s"
    }
    return [
      name, hardware, "\(cores)", instructionSet, Format.bytes(memoryBytes),
      "\(Format.number(bytesPerSecond / 1e9)) GB/s",
    ] + rates
  }
}
