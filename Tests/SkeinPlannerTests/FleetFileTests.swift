import SkeinGraph
import SkeinModels
import SkeinTensor
import Testing

@testable import SkeinPlanner

@Suite("Fleet files")
struct FleetFileTests {
  private static let example = """
    devices:
      - name: cuda:0
        hardware: tesla-p40
        memory: 24 GiB            # every figure can be given in place of the catalogue's
      - name: cuda:1
        hardware: tesla-p40
        count: 3                  # cuda:1 to cuda:3
      - name: cpu
        hardware: epyc-7763-ddr4-8ch
        memory: 512 GB
    default_link: pcie3-x16
    links:
      - between: [cuda:0, cuda:3]
        link: pcie3-x4
      - {from: cpu, to: cuda:2, bandwidth: 0.3 GB/s, latency: 10 us}
    """

  private func fleet(_ text: String) throws(PlannerError) -> Fleet {
    try Fleet(yaml: text, path: "fleet.yaml")
  }

  @Test("Devices, counts, overrides and links")
  func example() throws {
    let fleet = try fleet(Self.example)
    #expect(fleet.devices.map(\.id.name) == ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cpu"])
    #expect(fleet.devices[0].memoryBytes == 24 << 30)
    #expect(fleet.devices[1].memoryBytes == 24_000_000_000)
    #expect(fleet.devices[0].runtimeBytes == 400_000_000)
    #expect(fleet.devices[4].kind == .cpu && fleet.devices[4].memoryBytes == 512_000_000_000)
    #expect(fleet.devices[2].hardware == "Tesla P40" && fleet.devices[2].memoryPool == "cuda:2")
    let narrow = try #require(LinkCatalogue.link("pcie3-x4")).rate
    #expect(fleet.link(from: 0, to: 3) == narrow && fleet.link(from: 3, to: 0) == narrow)
    #expect(fleet.link(from: 4, to: 2) == .init(bytesPerSecond: 0.3e9, latencySeconds: 10e-6))
    #expect(fleet.link(from: 2, to: 4) == LinkCatalogue.link("pcie3-x16")?.rate)
  }

  @Test("Figures of the specification and rates can be changed one by one")
  func overrides() throws {
    let fleet = try fleet(
      """
      devices:
        - name: a
          hardware: tesla-p40
          memory_bandwidth: 692 GB/s
          integer: 94 TOPS
          runtime_memory: 0 B
          pool: shared
          rates:
            step: 1 us
            cache_per_query_head: false
            linear: {Q8_0: {1: 1e-12, 32: 3.2e-11}}
        - {name: b, hardware: tesla-p40}
      shared_speed: {shared: 0.75}
      """)
    let (a, b) = (fleet.devices[0], fleet.devices[1])
    #expect(a.rates.attentionBytesPerSecond == 2 * b.rates.attentionBytesPerSecond)
    #expect(
      a.rates.linear["Q4_K"]?.secondsPerElement(tokens: 1e4)
        == b.rates.linear["Q4_K"].map { $0.secondsPerElement(tokens: 1e4) / 2 })
    #expect(a.rates.linear["Q8_0"]?.secondsPerElement(tokens: 1) == 1e-12)
    #expect(a.rates.stepSeconds == 1e-6 && !a.rates.readsCachePerQueryHead && b.rates.readsCachePerQueryHead)
    #expect(a.runtimeBytes == 0 && a.memoryPool == "shared")
    #expect(fleet.sharedSpeed == ["shared": 0.75])
  }

  @Test("A fleet that is written reads back the same")
  func roundTrip() throws {
    var fleet = try fleet(Self.example)
    fleet.sharedSpeed = ["cpu": 0.62]
    fleet.devices[4].hardware = "Some \"CPU\" @ 2.1 GHz \\ x: y"
    fleet.devices[3].memoryPool = "cpu"
    fleet.devices[3].rates.linear["Q8_0"] = LinearRate([
      .init(tokens: 1, secondsPerElement: 1 / 3e11), .init(tokens: 31.7, secondsPerElement: 1e-10),
    ])
    fleet.devices[3].rates.outputSeconds = 1.5e-11
    fleet.links[0].rate = .init(bytesPerSecond: 1e10 / 3, latencySeconds: 1 / 7e5)
    #expect(try self.fleet(fleet.yaml) == fleet)
    for entry in HardwareCatalogue.all {
      let one = Fleet(devices: [entry.profile(id: DeviceID("x"), memoryBytes: 1 << 40)])
      #expect(try self.fleet(one.yaml) == one)
    }
  }

  @Test(
    "What is wrong is said with file, line and the nearest name",
    arguments: [
      ("", "fleet.yaml: is empty"), ("devices: []", "fleet.yaml:1: devices are a list, must be a list"),
      ("[1]", "must be a mapping"), ("devices:\n  - name: a\n    hardware: tesla-p41\n", "fleet.yaml:3"),
      ("devices:\n  - name: a\n    hardware: tesla-p41\n", "nearest is tesla-p40"),
      ("devices:\n  - name: a\n    hardwear: tesla-p40\n", "nearest is hardware"),
      ("devices:\n  - hardware: tesla-p40\n", "fleet.yaml:2: a device needs name"),
      ("devices:\n  - {name: cpu, hardware: epyc-7742-ddr4-8ch}", "needs memory"),
      ("devices:\n  - {name: cpu, kind: cpu, memory: 1 GB}", "needs rates"),
      ("devices:\n  - {name: cpu, kind: npu, memory: 1 GB}", "kind of device"),
      ("devices:\n  - {name: a, hardware: l40, memory: 300 MB}", "must be more than runtime_memory"),
      ("devices:\n  - {name: a, hardware: l40, memory: 300}", "no unit"),
      ("devices:\n  - {name: a, hardware: l40, memory: 300 gb}", "nearest is GB"),
      ("devices:\n  - {name: a, hardware: l40, memory: -3 GB}", "out of range"),
      ("devices:\n  - {name: a, hardware: l40, memory: nan GB}", "not a number"),
      ("devices:\n  - {name: a, hardware: l40, memory: 1e300 GB}", "out of range"),
      ("devices:\n  - {name: a, hardware: l40, memory: 1e999 GB}", "not a number"),
      ("devices:\n  - {name: a, hardware: l40, count: 0}", "count"),
      ("devices:\n  - {name: a, hardware: l40, count: 2}", "must end with"),
      ("devices:\n  - {name: a0, hardware: l40, count: 257}", "count"),
      (
        "devices:\n  - {name: a, hardware: l40}\n  - {name: a, hardware: l40}",
        "fleet.yaml:3: a is there twice"
      ),
      ("devices:\n  - {name: \"a b\", hardware: l40}", "not a device's name"),
      ("devices:\n  - {name: a, hardware: l40, rates: {linear: {Q8_1: {1: 1}}}}", "nearest is Q"),
      ("devices:\n  - {name: a, hardware: l40, rates: {linear: {Q8_0: {0: 1}}}}", "number of tokens"),
      ("devices:\n  - {name: a, hardware: l40, rates: {linear: {Q8_0: {1: -1}}}}", "no time"),
      ("devices:\n  - {name: a, hardware: l40}\ndefault_link: pcie3-x32", "nearest is pcie3-x"),
      ("devices:\n  - {name: a, hardware: l40}\ndefault_link: {bandwidth: 1 GB/s}", "needs link"),
      ("devices:\n  - {name: a, hardware: l40}\ndefault_link: {bandwidth: 0 GB/s, latency: 0 s}", "range"),
      (
        "devices:\n  - {name: a, hardware: l40}\nlinks:\n  - {from: a, to: b, link: pcie3-x1}",
        "no device \"b\""
      ),
      ("devices:\n  - {name: a, hardware: l40}\nlinks:\n  - {from: a, to: a, link: pcie3-x1}", "to itself"),
      ("devices:\n  - {name: a, hardware: l40}\nlinks:\n  - {between: [a], link: pcie3-x1}", "two devices"),
      ("devices:\n  - {name: a, hardware: l40}\nshared_speed: {a: 0}", "shared_speed"),
      ("devices: [\n", "is not YAML"), ("devices: &a [*a]", "fleet.yaml:1"),
    ])
  func errors(_ text: String, _ words: String) throws {
    do {
      _ = try fleet(text)
      Issue.record("nothing was wrong")
    } catch {
      #expect("\(error)".contains(words) && "\(error)".hasPrefix("fleet.yaml"), "\(error)")
    }
  }

  @Test("No cut and no changed byte of a file ends the process")
  func mutations() {
    let text = Array(Self.example.utf8)
    for index in text.indices {
      _ = try? fleet(String(decoding: text.prefix(index), as: UTF8.self))
      for byte in [0, 10, 32, 38, 42, 45, 48, 58, 91, 123, 125, 255] as [UInt8] {
        var changed = text
        changed[index] = byte
        _ = try? fleet(String(decoding: changed, as: UTF8.self))
      }
    }
    #expect(throws: PlannerError.self) { try fleet(String(repeating: "[", count: 100_000)) }
    #expect(throws: PlannerError.self) { try fleet(String(repeating: "{a: ", count: 100_000)) }
  }

  @Test("Quantities are written as short as they read back the same")
  func quantities() throws {
    #expect(Quantity.bytes.text(24e9) == "24 GB")
    #expect(Quantity.bytes.text(Double(24 << 30)) == "24 GiB")
    #expect(Quantity.seconds.text(10e-6) == "10 us")
    #expect(Quantity.bytesPerSecond.text(0.3e9) == "300 MB/s")
    #expect(try Quantity.bytesPerSecond.parse("10 Gbit/s").get() == 1.25e9)
    #expect(try Quantity.seconds.parse("1e1 µs").get() == 1e-5)
    for value in [1 / 3.0, 1e10 / 7, 123_456_789.125] {
      #expect(
        try Quantity.bytesPerSecond.parse(Quantity.bytesPerSecond.text(value * 1e3)).get() == value * 1e3)
    }
  }
}
