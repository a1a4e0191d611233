import SkeinGraph
import SkeinTensor

/// What a device did for a while, in a walk over a plan.
public struct Span: Hashable, Sendable {
  /// What it did.
  public enum Kind: String, Hashable, Sendable, Codable {
    case compute, copy
  }
  /// What it did.
  public var kind: Kind
  /// Index into `Plan.devices`.
  public var device: Int
  /// Counts the passes of the walk from 0.
  public var pass: Int
  /// The device's steps that it did.
  public var steps: Range<Int>
  /// Seconds from the start of the walk.
  public var start: Double
  /// Seconds from the start of the walk.
  public var end: Double
}

/// What engines send beside activations.
public struct MaskTraffic: Hashable, Sendable {
  /// Rows are rounded up to a multiple of this many.
  public var rowMultiple: Int
  /// Bytes for each row and position.
  public var bytesPerPosition: Double
  /// The link over which masks reach each device, by its place in the plan.
  public var rates: [Fleet.LinkRate]

  /// Masks of this form.
  public init(rowMultiple: Int = 32, bytesPerPosition: Double = 4, rates: [Fleet.LinkRate]) {
    self.rowMultiple = rowMultiple
    self.bytesPerPosition = bytesPerPosition
    self.rates = rates
  }

  func seconds(_ load: PassLoad, device: Int) -> Double {
    let rows = (load.tokens + rowMultiple - 1) / rowMultiple * rowMultiple
    let bytes = Double(rows) * Double(load.position + load.tokens) * bytesPerPosition
    return rates[device].latencySeconds + bytes / rates[device].bytesPerSecond
  }
}

/// A plan made ready for walking: runs of steps between two waits or hand-overs, with their prices.
///
/// The walk follows the executor's own rules (`PassQueue`): the oldest pass that is ready comes first, no pass
/// overtakes another on a device, a run of steps is not left before it has to wait, and as many passes are in
/// flight as the plan says.
struct PlanWalk {
  /// A run of steps that only its first may have to wait, and only whose last is awaited.
  struct Segment {
    var steps: Range<Int>
    /// Where a copy comes from; nil for computing.
    var source: (device: Int, segment: Int)?
    /// For a copy, the node that is copied, or that a part is copied of.
    var copied: Node?
    /// Values in a row of what is copied.
    var copiedWidth = 0
  }

  let plan: Plan
  let segments: [[Segment]]
  private let model: PricedModel
  private let fleet: Fleet
  /// For each device of the plan, its place in the fleet.
  private let places: [Int]
  private let masks: MaskTraffic?
  private var prices: [Shape: [[StepPrice]]] = [:]

  private struct Shape: Hashable {
    var tokens: Int
    var outputs: Int
    var sequences: Int
  }

  init(_ plan: Plan, model: PricedModel, fleet: Fleet, masks: MaskTraffic? = nil) {
    self.plan = plan
    self.model = model
    self.fleet = fleet
    self.masks = masks
    places = plan.devices.map { device in fleet.devices.firstIndex { $0.id == device.device } ?? 0 }
    segments = PlanWalk.segments(of: plan)
  }

  private static func segments(of plan: Plan) -> [[Segment]] {
    var result: [[Segment]] = []
    // For each device and step the segment that it is in.
    var places: [[Int]] = []
    for device in plan.devices {
      var list: [Segment] = []
      var place: [Int] = []
      var endsHere = true
      for (index, step) in device.steps.enumerated() {
        if endsHere || step.waits {
          list.append(
            Segment(
              steps: index..<index, copied: step.waits ? plan.graph[step.node] : nil,
              copiedWidth: plan.width(of: step)))
        }
        list[list.count - 1].steps = list[list.count - 1].steps.lowerBound..<index + 1
        place.append(list.count - 1)
        endsHere = step.isAwaited || step.waits
      }
      result.append(list)
      places.append(place)
    }
    for device in result.indices {
      for index in result[device].indices where result[device][index].copied != nil {
        let step = plan.devices[device].steps[result[device][index].steps.lowerBound]
        guard case .copy(let from, _) = step.kind else { continue }
        result[device][index].source = (from.device, places[from.device][from.step])
      }
    }
    return result
  }

  /// Seconds of a segment in a pass, at the device's own speed.
  mutating func seconds(_ load: PassLoad, device: Int, segment index: Int) -> Double {
    let segment = segments[device][index]
    if let source = segment.source, let node = segment.copied {
      let rate = fleet.link(from: places[source.device], to: places[device])
      let rows = node.rows.count(tokens: load.tokens, outputs: load.outputs)
      return rate.latencySeconds + Double(rows * segment.copiedWidth * 4) / rate.bytesPerSecond
    }
    let shape = Shape(tokens: load.tokens, outputs: load.outputs, sequences: load.sequences)
    if prices[shape] == nil { prices[shape] = price(shape) }
    let isFirst = index == segments[device].firstIndex { $0.source == nil }
    let mask = isFirst ? masks?.seconds(load, device: device) ?? 0 : 0
    return prices[shape]![device][index].seconds(load) + mask
  }

  private func price(_ shape: Shape) -> [[StepPrice]] {
    var known: [PriceKey: StepPrice] = [:]
    return segments.indices.map { device in
      let rates = fleet.devices[places[device]].rates
      return segments[device].map { segment in
        var total = StepPrice()
        guard segment.source == nil else { return total }
        for step in plan.devices[device].steps[segment.steps] {
          if case .fetch(let range) = step.kind {
            total.fixedSeconds += fetchSeconds(range, device: device)
          }
          let node = plan.graph[step.node]
          if step.kind == .reduce {
            total.fixedSeconds += reduceSeconds(step, shape, rates)
          } else if step.kind == .join {
            let work = plan.graph.workOfJoining(node, tokens: shape.tokens, outputs: shape.outputs)
            total.fixedSeconds += rates.stepSeconds + work.activationBytes / rates.activationBytesPerSecond
          }
          guard step.kind == .compute else { continue }
          let slice = plan.slice(of: step)
          // Layers repeat: most prices are known.
          let key = PriceKey(node, slice, device: device, model)
          if let price = known[key] {
            total += price
            continue
          }
          let price = model.price(
            of: node, slice, tokens: shape.tokens, outputs: shape.outputs, sequences: shape.sequences,
            on: rates)
          known[key] = price
          total += price
        }
        return total
      }
    }
  }

  /// Seconds of adding up the parts of a node's result.
  private func reduceSeconds(_ step: Step, _ shape: Shape, _ rates: DeviceRates) -> Double {
    let work = plan.graph.workOfReducing(
      plan.graph[step.node], parts: step.inputs.count, tokens: shape.tokens, outputs: shape.outputs)
    return rates.stepSeconds * Double(step.inputs.count - 1)
      + work.activationBytes / rates.activationBytesPerSecond
  }

  /// Seconds of bringing weights that do not rest on the device.
  private func fetchSeconds(_ range: Range<Int>, device: Int) -> Double {
    let link = fleet.hostLink(to: places[device])
    let bytes = plan.devices[device].streamed[range].reduce(0) { $0 + $1.buffer.byteCount }
    return link.latencySeconds + Double(bytes) / link.bytesPerSecond
  }

  /// Bytes that a pass sends over each link, by places in the plan.
  func linkBytes(_ load: PassLoad) -> [[Int]] {
    var bytes = plan.devices.map { _ in plan.devices.map { _ in 0 } }
    for device in segments.indices {
      for segment in segments[device] {
        guard let source = segment.source, let node = segment.copied else { continue }
        let rows = node.rows.count(tokens: load.tokens, outputs: load.outputs)
        bytes[source.device][device] += rows * segment.copiedWidth * 4
      }
    }
    return bytes
  }

  /// The part of its own speed that each device has while the devices of `busy` work.
  func speed(of device: Int, busy: [Bool]) -> Double {
    let pool = fleet.devices[places[device]].memoryPool
    guard let shared = fleet.sharedSpeed[pool] else { return 1 }
    var others = 0
    for other in busy.indices where other != device && busy[other] {
      if fleet.devices[places[other]].memoryPool == pool { others += 1 }
    }
    // One more busy device takes the same part again of what is lost.
    return others == 0 ? 1 : 1 / (1 + Double(others) * (1 / shared - 1))
  }
}

/// What two nodes must have in common to have the same price on a device.
struct PriceKey: Hashable {
  var op: Op
  var cacheBytes: Int
  var width: Int
  var rows: RowCount
  var inputWidths: [Int]
  var weights: [Stored]
  var device: Int
  var slice: NodeSlice?
  /// Where it was counted how often experts are chosen, layers differ.
  var layer: Int?

  struct Stored: Hashable {
    var bytes: Int
    var type: ElementType
  }

  init(_ node: Node, _ slice: NodeSlice? = nil, device: Int, _ model: PricedModel) {
    self.slice = slice
    if case .experts = node.op, model.usage != nil { layer = node.name.layer }
    // Each layer has a cache of its own; all that matters of it are its widths.
    op = node.op.withCache(CacheID(0))
    cacheBytes = node.op.cache.map { model.graph[$0].bytesPerToken(model.cacheType) } ?? 0
    width = node.width
    rows = node.rows
    inputWidths = node.inputs.map { model.graph[$0].width }
    weights = node.weights.map { Stored(bytes: model.weightBytes[$0.index], type: model.types[$0.index]) }
    self.device = device
  }
}

extension Op {
  /// The same on another cache.
  fileprivate func withCache(_ cache: CacheID) -> Op {
    switch self {
    case .attention(var attention):
      attention.cache = cache
      return .attention(attention)
    case .latentAttention(var attention):
      attention.cache = cache
      return .latentAttention(attention)
    default:
      return self
    }
  }
}
