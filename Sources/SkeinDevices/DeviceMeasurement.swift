import CSystem
import SkeinGraph
import SkeinTensor

/// What a device really does, measured through the same contract that models run through.
public struct DeviceMeasurement: Hashable, Sendable {
  /// Bytes of weights a second with one token: the bandwidth that decoding sees.
  public var bytesPerSecond: Double
  /// Multiplications and additions a second in a linear layer with many tokens, by format.
  public var operationsPerSecond: [String: Double]

  /// Measures a device, on a thread of its own: a device's queue pins the thread that uses it. Takes about a
  /// second, 600 MB of the device's memory and half as much of the host's for a while.
  public static func measure(_ device: any Device) throws -> DeviceMeasurement {
    try HostThread.run { try DeviceMeasurement(of: device) }
  }

  private init(of device: any Device) throws {
    // Larger than any cache, so that weights come from memory.
    let wide = try LinearProbe(device, rows: 32_768, columns: 8_192, type: .q8_0, tokens: 1)
    bytesPerSecond = Double(wide.weightBytes) / (try wide.bestSeconds(turns: 5))
    operationsPerSecond = [:]
    for type in [ElementType.q8_0, .f16] {
      let square = try LinearProbe(device, rows: 4_096, columns: 4_096, type: type, tokens: 64)
      operationsPerSecond[type.name] = 2 * 64 * 4_096 * 4_096 / (try square.bestSeconds(turns: 5))
    }
  }
}

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
    // The source's own threads write the pages first, so that they lie in its memory.
    let memory = try LinearProbe(source, rows: 1_024, columns: large / 1_024 / 4, type: .f32, tokens: 1)
      .memory
    let probe = try LinearProbe(destination, rows: 1_024, columns: large / 1_024 / 4, type: .f32, tokens: 1)
    self.source = source.id
    self.destination = destination.id
    let seconds = try probe.bestSeconds(turns: 4) {
      try $0.copy(from: memory, at: 0, to: 0, byteCount: large)
    }
    bytesPerSecond = Double(large) / seconds
    latencySeconds = try probe.bestSeconds(turns: 50) {
      try $0.copy(from: memory, at: 0, to: 0, byteCount: small)
    }
  }
}

/// One linear layer as a plan of its own.
private final class LinearProbe {
  let weightBytes: Int
  private let queue: any DeviceQueue
  let memory: any DeviceMemory
  private let step: Int
  private let pass: PassShape

  init(_ device: any Device, rows: Int, columns: Int, type: ElementType, tokens: Int) throws {
    let graph = try LinearProbe.graph(rows: rows, columns: columns)
    let placement = Placement(
      devices: [device.id], shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    let limits = PlanLimits(tokensPerPass: tokens, outputsPerPass: tokens, contextTokens: tokens)
    let plan = try lower(graph, placement, limits: limits, layouts: [device.layout]) {
      graph[$0].isMatrix ? type : .f32
    }
    memory = try device.reserve(byteCount: plan.byteCount(device: 0))
    queue = try device.makeQueue(plan: plan, device: 0, memory: memory)
    queue.attach()
    let slot = plan.devices[0].weights[1]
    weightBytes = slot.buffer.byteCount
    // Any bytes will do, but each page must be there.
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: weightBytes, alignment: 64)
    defer { bytes.deallocate() }
    bytes.initializeMemory(as: UInt8.self, repeating: 1)
    try queue.load(slot, from: UnsafeRawBufferPointer(bytes))
    step = plan.devices[0].steps.firstIndex { plan.graph[$0.node].name.role == .head }!
    pass = PassShape(serial: 0, slot: 0, tokenCount: tokens, outputCount: tokens)
  }

  /// The least time of several turns, of the layer or of other work of the queue.
  func bestSeconds(turns: Int, _ work: ((any DeviceQueue) throws -> Void)? = nil) throws -> Double {
    var best = Double.infinity
    for _ in 0...turns {
      let start = skein_clock_nanoseconds()
      if let work { try work(queue) } else { try queue.compute(step: step, pass: pass) }
      try queue.finish()
      best = min(best, Double(skein_clock_nanoseconds() - start) / 1e9)
    }
    return max(best, 1e-9)
  }

  /// An embedding of a few tokens, then the layer that is measured.
  private static func graph(rows: Int, columns: Int) throws -> Graph {
    var builder = GraphBuilder(vocabularySize: rows, layerCount: 0) { _ in false }
    let x = builder.embedding(.tokenEmbedding, width: columns)
    let (selected, _) = builder.selectOutputs(x, x)
    _ = builder.linear(selected, .head, width: rows)
    return try builder.finish()
  }
}

extension Weight {
  fileprivate var isMatrix: Bool { shape.extents.count == 2 }
}
