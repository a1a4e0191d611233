import CSystem
import SkeinDevices
import SkeinGraph
import SkeinPlanner
import SkeinTensor

/// The devices of this machine, with what the planner has to know of them.
public struct Machine: Sendable {
  /// The devices, in the order of the list that named them.
  public let devices: [any Device]
  /// Their profiles and links, in the same order.
  public var fleet: Fleet
  private let store: ProfileStore

  /// How fast devices are taken to be.
  public enum Profiles: Hashable, Sendable {
    /// As measured; what was not measured before is measured first, which takes some seconds, once.
    case measured
    /// As measured now.
    case measuredAnew
    /// As measured before, else as estimated.
    case known
    /// By their cores: nothing is measured. Placements are then about right, predicted speeds are not.
    case estimated
  }

  /// The devices of a list.
  ///
  /// - Parameters:
  ///   - types: formats of weights whose speed matters.
  ///   - progress: told how many of all measurements are done, where there are any.
  /// - Throws: `DeviceError`.
  public init(
    devices: [any Device], profiles: Profiles, types: [ElementType], store: ProfileStore = ProfileStore(),
    progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws {
    self.devices = devices
    self.store = store
    var contents: ProfileStore.Contents
    switch profiles {
    case .measured, .known: contents = store.read()
    case .measuredAnew, .estimated: contents = ProfileStore.Contents()
    }
    if profiles == .measured || profiles == .measuredAnew {
      var profiler = Profiler(devices: devices, types: types, contents: contents, progress: progress)
      try profiler.measureWhatIsMissing()
      if profiler.hasMeasured {
        contents = store.read().merging(profiler.contents)
        store.write(contents)
      }
    }
    fleet = Machine.fleet(devices, contents)
    // What the process has already: vocabulary, graph, program.
    if let host = fleet.devices.firstIndex(where: { $0.kind == .cpu }) {
      fleet.devices[host].runtimeBytes = Int(skein_memory_resident())
    }
  }

  /// How each device lays out what it holds.
  public var layouts: [any DeviceLayout] { devices.map(\.layout) }

  private static func fleet(_ devices: [any Device], _ contents: ProfileStore.Contents) -> Fleet {
    let profiles = devices.map { device in
      DeviceProfile(
        id: device.id, kind: device.properties.kind == .cpu ? .cpu : .gpu,
        hardware: device.properties.hardwareName, memoryBytes: device.layout.memoryBytes,
        memoryPool: device.layout.memoryPool,
        rates: contents.devices[device.identity] ?? .estimate(coreCount: device.properties.coreCount))
    }
    var links: [Fleet.Link] = []
    var shared: [String: Double] = [:]
    for source in devices {
      for destination in devices where source.id != destination.id {
        let key = Profiler.key(source, destination)
        if let rate = contents.links[key] {
          links.append(Fleet.Link(source: source.id.name, destination: destination.id.name, rate: rate))
        }
        if let part = contents.shared[key], source.layout.memoryPool == destination.layout.memoryPool {
          let pool = source.layout.memoryPool
          shared[pool] = min(shared[pool] ?? 1, part)
        }
      }
    }
    return Fleet(
      devices: profiles, links: links, defaultLink: .init(bytesPerSecond: 8e9, latencySeconds: 5e-6),
      sharedSpeed: shared)
  }

  /// Folds what a plan really took into the profiles of the devices that it ran on: linear layers with few
  /// tokens by the ratio in decoding, those with many by that in prefill. What is kept is used from now on.
  ///
  /// - Parameters:
  ///   - plan: what was run.
  ///   - types: the formats of its weights.
  ///   - prefillRatio: measured seconds over predicted ones.
  ///   - decodeRatio: measured seconds over predicted ones.
  public mutating func calibrate(
    plan: Plan, types: Set<ElementType>, prefillRatio: Double, decodeRatio: Double
  ) {
    var contents = store.read()
    func bounded(_ ratio: Double) -> Double { ratio.isFinite ? min(max(ratio, 0.2), 5) : 1 }
    let (many, few) = (bounded(prefillRatio), bounded(decodeRatio))
    var done: Set<String> = []
    for id in plan.devices.map(\.device) {
      guard let index = devices.firstIndex(where: { $0.id == id }),
        done.insert(devices[index].identity).inserted
      else { continue }
      var rates = fleet.devices[index].rates
      for type in types {
        guard let rate = rates.linear[type.name] else { continue }
        rates.linear[type.name] = LinearRate(
          rate.samples.map {
            LinearRate.Sample(
              tokens: $0.tokens, secondsPerElement: $0.secondsPerElement * ($0.tokens > 4 ? many : few))
          })
      }
      contents.devices[devices[index].identity] = rates
    }
    store.write(contents)
    fleet = Machine.fleet(devices, contents)
  }
}

extension DeviceRates {
  /// A guess by the number of cores, for where nothing was measured.
  static func estimate(coreCount: Int) -> DeviceRates {
    let cores = Double(coreCount)
    let bandwidth = min(12e9 * cores, 60e9)
    let linear = ElementType.allCases.map { type in
      let rate = LinearRate(
        bytesPerSecond: bandwidth, bytesPerElement: type.bytesPerElement,
        operationsPerSecond: 150e9 * cores)
      return (type.name, rate)
    }
    return DeviceRates(
      linear: Dictionary(uniqueKeysWithValues: linear), attentionOperationsPerSecond: 40e9 * cores,
      attentionBytesPerSecond: bandwidth, activationBytesPerSecond: 20e9 * cores, stepSeconds: 2e-6)
  }
}

extension ProfileStore.Contents {
  /// With the other's figures where it has some.
  func merging(_ other: Self) -> Self {
    var merged = self
    for (identity, rates) in other.devices {
      let known = devices[identity]?.linear ?? [:]
      merged.devices[identity] = rates
      merged.devices[identity]!.linear.merge(known) { new, _ in new }
    }
    merged.links.merge(other.links) { _, new in new }
    merged.shared.merge(other.shared) { _, new in new }
    return merged
  }
}
