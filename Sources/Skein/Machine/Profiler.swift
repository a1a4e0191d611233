import SkeinDevices
import SkeinExecutor
import SkeinGraph
import SkeinPlanner
import SkeinTensor

/// Measures what is not known yet of some devices.
struct Profiler {
  let devices: [any Device]
  let types: [ElementType]
  private(set) var contents: ProfileStore.Contents
  private(set) var hasMeasured = false
  private let progress: @Sendable (Int, Int) -> Void

  init(
    devices: [any Device], types: [ElementType], contents: ProfileStore.Contents,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) {
    self.devices = devices
    self.types = types
    self.contents = contents
    self.progress = progress
  }

  /// How a link is called in the store.
  static func key(_ source: any Device, _ destination: any Device) -> String {
    "\(source.identity) > \(destination.identity)"
  }

  mutating func measureWhatIsMissing() throws {
    for device in devices { try measure(device) }
    for source in devices {
      for destination in devices where source.id != destination.id {
        let key = Profiler.key(source, destination)
        if contents.links[key] == nil {
          contents.links[key] = try link(source, destination)
          hasMeasured = true
        }
        if source.layout.memoryPool == destination.layout.memoryPool, contents.shared[key] == nil {
          contents.shared[key] = try SharedSpeed.measure(source, destination)
          hasMeasured = true
        }
      }
    }
  }

  private mutating func measure(_ device: any Device) throws {
    let known = contents.devices[device.identity]
    let missing = types.filter { known?.linear[$0.name] == nil }
    guard !missing.isEmpty || known == nil else { return }
    let measured = try DeviceMeasurement.measure(device, types: missing, progress: progress)
    var rates = DeviceRates(measured)
    rates.linear.merge(known?.linear ?? [:]) { new, _ in new }
    contents.devices[device.identity] = rates
    hasMeasured = true
  }

  /// A link as the executor uses it: its copies, and what handing over costs.
  private func link(_ source: any Device, _ destination: any Device) throws -> Fleet.LinkRate {
    let copies = try LinkMeasurement.measureAll(among: [source, destination])
    let copy = copies.first { $0.source == source.id }!
    let seconds = try HandOver.measure(source, destination)
    return Fleet.LinkRate(bytesPerSecond: copy.bytesPerSecond, latencySeconds: seconds)
  }
}

extension Device {
  /// What the device is, for a profile that is kept.
  var identity: String {
    let p = properties
    return "\(p.kind.rawValue) \(p.hardwareName) \(p.instructionSet) x\(p.coreCount)"
  }
}

extension DeviceRates {
  /// Rates as they were measured.
  init(_ measurement: DeviceMeasurement) {
    let linear = measurement.linear.map { type, samples in
      let rate = LinearRate(
        samples.map {
          LinearRate.Sample(tokens: Double($0.tokens), secondsPerElement: $0.secondsPerElement)
        })
      return (type.name, rate)
    }
    self.init(
      linear: Dictionary(uniqueKeysWithValues: linear),
      attentionOperationsPerSecond: measurement.attentionOperationsPerSecond,
      attentionBytesPerSecond: measurement.attentionBytesPerSecond,
      activationBytesPerSecond: measurement.activationBytesPerSecond, stepSeconds: measurement.stepSeconds,
      outputSeconds: measurement.outputSeconds)
  }
}

/// What it costs that the next step is another device's, measured by the executor itself.
enum HandOver {
  /// Seconds from the end of one device's step to the start of the other's.
  static func measure(_ first: any Device, _ second: any Device) throws -> Double {
    let crossings = 64
    let apart = try seconds([first, second], crossings)
    let together = try seconds([first], crossings)
    return max((apart - together) / Double(crossings), 1e-7)
  }

  /// Seconds of a pass through a chain of small steps, each on the device after that of the one before.
  private static func seconds(_ devices: [any Device], _ count: Int) throws -> Double {
    var builder = GraphBuilder(vocabularySize: 64, layerCount: count) { _ in false }
    var x = builder.embedding(.tokenEmbedding, width: 64)
    for layer in 0..<count {
      builder.layer = layer
      x = builder.add(x, x, .feedForwardResidual)
    }
    builder.layer = nil
    let (selected, _) = builder.selectOutputs(x, x)
    _ = builder.linear(selected, .head, width: 64)
    let graph = try builder.finish()
    let shares = graph.nodes.map { [Share(device: ($0.name.layer ?? 0) % devices.count, fraction: 1)] }
    let plan = try lower(
      graph, Placement(devices: devices.map(\.id), shares: shares),
      limits: PlanLimits(tokensPerPass: 1, passesInFlight: devices.count, contextTokens: 1),
      layouts: devices.map(\.layout)
    ) { _ in .f32 }
    let executor = try Executor(plan: plan, devices: devices, weights: Zeros(graph: graph))
    var batch = Batch()
    batch.append(0, position: 0, wantsLogits: true)
    var logits = [Float](repeating: 0, count: 64)
    var times: [Duration] = []
    for _ in 0..<41 {
      let time = try ContinuousClock().measure {
        _ = try logits.withUnsafeMutableBufferPointer { try executor.execute(batch, logits: $0) }
      }
      times.append(time)
    }
    let middle = times.sorted()[times.count / 2]
    return Double(middle.components.attoseconds) / 1e18 + Double(middle.components.seconds)
  }
}

/// Weights of a chain that computes nothing. They go with this object.
private final class Zeros: WeightSource, WeightReader, @unchecked Sendable {
  private let zeros: UnsafeMutableRawBufferPointer
  private let graph: Graph

  init(graph: Graph) {
    self.graph = graph
    let most = graph.weights.map { $0.shape.elementCount ?? 0 }.max() ?? 0
    zeros = .allocate(byteCount: most * 4, alignment: 64)
    zeros.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { zeros.deallocate() }

  func makeReader() -> any WeightReader { self }

  func read(
    _ weight: WeightID, parallel: any ParallelWork, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    try body(UnsafeRawBufferPointer(rebasing: zeros[..<((graph[weight].shape.elementCount ?? 0) * 4)]), 0)
  }

  func willNeed(_ weight: WeightID) {}
}
