import SkeinTensor

/// Gives the weights and caches of one device their places, once its steps are known.
struct DevicePlanBuilder {
  private let graph: Graph
  private let splits: [NodeID: [NodePart]]
  private let limits: PlanLimits
  private let layout: any DeviceLayout
  private let type: (WeightID) -> ElementType
  private let mapping: (WeightID) -> Int?
  private var weights: [WeightSlot] = []
  private var streamed: [WeightSlot] = []
  private var caches: [CacheSlot] = []
  private var bytes: [Region: Int] = [:]
  /// Weights that the device multiplies with and uses for nothing that needs rows as they are in files.
  private var packable: Set<WeightID> = []

  init(
    _ graph: Graph, _ splits: [NodeID: [NodePart]], _ limits: PlanLimits, _ layout: any DeviceLayout,
    type: @escaping (WeightID) -> ElementType, mapping: @escaping (WeightID) -> Int?
  ) {
    self.mapping = mapping
    self.graph = graph
    self.splits = splits
    self.limits = limits
    self.layout = layout
    self.type = type
  }

  /// The plan of the device.
  ///
  /// - Parameters:
  ///   - steps: with places for values; fetches learn which weights they bring.
  ///   - resident: the weights that rest on the device.
  ///   - regions: bytes of the regions that hold values.
  mutating func plan(
    steps: [Step], resident: Set<WeightID>, inputs: InputSlots, regions: [Region: Int]
  ) -> DevicePlan {
    var steps = steps
    var seen: Set<WeightPiece> = []
    bytes = regions
    packable = packableWeights(steps)
    for (index, step) in steps.enumerated() {
      let part = step.part.map { splits[step.node]![$0] }
      let node = part.flatMap { graph.part($0.slice, of: graph[step.node]) } ?? graph[step.node]
      switch step.kind {
      case .fetch:
        steps[index].kind = .fetch(place(fetched: node, part, resident))
      case .compute:
        for (index, weight) in node.weights.enumerated()
        where resident.contains(weight) {
          let slice = part?.slice.slice(of: graph[weight], at: index, in: graph[node.id])
          if seen.insert(WeightPiece(weight, slice)).inserted {
            weights.append(slot(weight, slice, in: .weights))
          }
        }
        if let cache = node.op.cache { place(cache, heads: node.op.cachedHeadCount(graph[cache])) }
        bytes[.workspace] = max(
          bytes[.workspace, default: 0],
          layout.workspaceBytes(for: node, in: graph, limits: limits, type: type))
      case .copy, .reduce, .join, .output:
        break
      }
    }
    return DevicePlan(
      device: layout.id, weights: weights, streamed: streamed, caches: caches, inputs: inputs, steps: steps,
      regionBytes: bytes.mapValues { $0.roundedUp(to: Plan.regionAlignment) })
  }

  /// An embedding reads single rows also of packed weights, where its table is the head's matrix too.
  private func packableWeights(_ steps: [Step]) -> Set<WeightID> {
    var multiplied: Set<WeightID> = []
    var others: Set<WeightID> = []
    for step in steps where step.kind == .compute {
      let node = graph[step.node]
      for (index, weight) in node.weights.enumerated() {
        if index < node.op.factorCount {
          multiplied.insert(weight)
        } else if case .embedding = node.op {
          continue
        } else {
          others.insert(weight)
        }
      }
    }
    return multiplied.subtracting(others)
  }

  /// The next bytes of a region.
  private mutating func take(_ byteCount: Int, in region: Region) -> Buffer {
    let offset = bytes[region, default: 0]
    bytes[region] = offset + byteCount.roundedUp(to: Plan.bufferAlignment)
    return Buffer(region, offset: offset, byteCount: byteCount)
  }

  /// A place for a weight, or for a slice of it.
  private mutating func slot(_ weight: WeightID, _ slice: WeightSlice?, in region: Region) -> WeightSlot {
    let byteCount = layout.byteCount(of: graph[weight].sliced(slice), type: type(weight))
    var slot = WeightSlot(
      weight: weight, type: type(weight), slice: slice,
      buffer: Buffer(region, offset: 0, byteCount: byteCount))
    if region == .weights, slice == nil, layout.sharesMappedPages, let phase = mapping(weight) {
      // Pages of the file take the place of these, so they are the weight's alone.
      let start = bytes[region, default: 0].roundedUp(to: Plan.regionAlignment)
      slot.buffer.offset = start + phase
      slot.isMapped = true
      bytes[region] = (start + phase + byteCount).roundedUp(to: Plan.regionAlignment)
    } else {
      slot.buffer = take(byteCount, in: region)
      // What is brought for each pass is used once: packing it would take longer than it saves.
      slot.isPacked =
        region == .weights && packable.contains(weight) && layout.packs(type(weight), limits: limits)
    }
    return slot
  }

  /// Weights that are needed for one step lie where those of the step before lay.
  private mutating func place(
    fetched node: Node, _ part: NodePart?, _ resident: Set<WeightID>
  ) -> Range<Int> {
    let first = streamed.count
    let former = bytes[.stream, default: 0]
    bytes[.stream] = 0
    for (index, weight) in node.weights.enumerated() where !resident.contains(weight) {
      let slice = part?.slice.slice(of: graph[weight], at: index, in: graph[node.id])
      streamed.append(slot(weight, slice, in: .stream))
    }
    bytes[.stream] = max(bytes[.stream, default: 0], former)
    return first..<streamed.count
  }

  private mutating func place(_ id: CacheID, heads: Int) {
    var cache = graph[id]
    cache.keyValueHeadCount = heads
    let (keys, values) = cache.bufferBytes(limits: limits)
    caches.append(
      CacheSlot(
        cache: id, headCount: heads, keys: take(keys, in: .cache), values: take(values, in: .cache)))
  }
}

extension Op {
  /// Heads of a cache that the op stores, of those that the cache has: a part of attention stores its own.
  func cachedHeadCount(_ cache: Cache) -> Int {
    if case .attention(let attention) = self { attention.keyValueHeadCount } else { cache.keyValueHeadCount }
  }
}

extension Cache {
  /// Bytes of all pages of keys, and of values.
  func bufferBytes(limits: PlanLimits) -> (keys: Int, values: Int) {
    let rows = limits.pageCount * keyValueHeadCount * limits.cachePageTokens
    return (
      rows * Cache.rowBytes(keyWidth, limits.cacheType), rows * Cache.rowBytes(valueWidth, limits.cacheType)
    )
  }

  /// Bytes of all pages, as a plan reserves them.
  public func byteCount(limits: PlanLimits) -> Int {
    let (keys, values) = bufferBytes(limits: limits)
    return keys.roundedUp(to: Plan.bufferAlignment) + values.roundedUp(to: Plan.bufferAlignment)
  }
}
