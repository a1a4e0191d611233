import CSystem
import SkeinGraph
import SkeinTensor
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How fast one device's memory reaches another.
public struct LinkMeasurement: Hashable, Sendable {
  /// Where bytes come from.
  public var source: DeviceID
  /// Where they go.
  public var destination: DeviceID
  /// Bytes a second of a large copy.
  public var bytesPerSecond: Double
  /// Seconds of a copy of one token's activations.
  public var latencySeconds: Double

  /// Measures all links among devices, in both directions, on a thread of its own.
  ///
  /// - Throws: `DeviceError` also where bytes arrive otherwise than they were sent.
  public static func measureAll(among devices: [any Device]) throws -> [LinkMeasurement] {
    try HostThread.run { try all(among: devices) }
  }

  private static func all(among devices: [any Device]) throws -> [LinkMeasurement] {
    var links: [LinkMeasurement] = []
    for source in devices {
      for destination in devices where destination.id != source.id {
        links.append(try LinkMeasurement(from: source, to: destination))
      }
    }
    return links
  }

  private init(from source: any Device, to destination: any Device) throws {
    let large = 32 << 20
    let small = 16 << 10
    let graph = try ProbeGraph.linear(rows: 1_024, columns: large / 1_024 / 4)
    // The source's own threads write the pages first, so that they lie in its memory.
    let origin = try StepProbe(source, graph, role: .head, type: .f32, tokens: 1)
    let probe = try StepProbe(destination, graph, role: .head, type: .f32, tokens: 1)
    self.source = source.id
    self.destination = destination.id
    let seconds = try probe.medianSeconds(turns: 5) {
      try $0.copy(from: origin.memory, at: 0, to: 0, byteCount: large)
    }
    bytesPerSecond = Double(large) / seconds
    latencySeconds = try probe.medianSeconds(turns: 51) {
      try $0.copy(from: origin.memory, at: 0, to: 0, byteCount: small)
    }
    try LinkMeasurement.check(origin, probe, source: source.id, destination: destination.id)
  }

  /// Sends a pattern of bytes and reads it back on the other side.
  private static func check(
    _ origin: StepProbe, _ probe: StepProbe, source: DeviceID, destination: DeviceID
  ) throws {
    let count = 1 << 20
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    let sent = (0..<count / 8).map { _ -> UInt64 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state
    }
    try sent.withUnsafeBytes { bytes in try origin.write(bytes) }
    _ = try probe.medianSeconds(turns: 1) {
      try $0.copy(from: origin.memory, at: 0, to: 0, byteCount: count)
    }
    guard try probe.read(count) == sent else {
      throw DeviceError(
        .failed, "bytes copied from \(source) arrive changed; send them through the host",
        device: destination.name)
    }
  }
}

/// What devices that share a memory lose when they work at the same time.
public enum SharedSpeed {
  /// The part of its own speed that the first device keeps while the second is busy as well: the median over
  /// short runs of a matrix product with many tokens.
  public static func measure(_ first: any Device, _ second: any Device) throws -> Double {
    let graph = try ProbeGraph.linear(rows: 8192, columns: 4096)
    let stop = StopFlag()
    func alone() throws -> Double {
      try HostThread.run {
        try StepProbe(first, graph, role: .head, type: .q8_0, tokens: 64).medianSeconds(turns: 9)
      }
    }
    let before = try alone()
    let other = try HostThread {
      let probe = try? StepProbe(second, graph, role: .head, type: .q8_0, tokens: 64)
      stop.isRunning.store(true, ordering: .releasing)
      guard let probe else { return }
      while !stop.isStopped.load(ordering: .relaxed) { try? probe.run() }
    }
    while !stop.isRunning.load(ordering: .acquiring) { sched_yield() }
    let together = Result { try alone() }
    stop.isStopped.store(true, ordering: .relaxed)
    other.join()
    return min(max(before / (try together.get()), 0.05), 1)
  }
}

private final class StopFlag: Sendable {
  let isRunning = Atomic<Bool>(false)
  let isStopped = Atomic<Bool>(false)
}
