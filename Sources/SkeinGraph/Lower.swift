import SkeinTensor

/// Turns a graph and a placement into a plan.
///
/// Each device gets its nodes in the order of the graph; where a node needs a value from another device, a
/// copy comes right before it. Then every value gets a place in memory that it keeps while it is needed.
///
/// - Parameters:
///   - layouts: a layout for each device of the placement, in its order.
///   - type: the format of each weight in the checkpoint.
/// - Throws: `GraphError` where the placement does not cover the graph, where a split is asked for that no
///   strategy supports, or where the plan does not fit a device's memory.
public func lower(
  _ graph: Graph, _ placement: Placement, limits: PlanLimits, layouts: [any DeviceLayout],
  type: (WeightID) -> ElementType
) throws(GraphError) -> Plan {
  try graph.validate()
  try validate(placement, of: graph, layouts: layouts)
  try validate(limits)
  var steps = makeSteps(graph, placement)
  let order = try HappensBefore(steps)
  var devices: [DevicePlan] = []
  for device in placement.devices.indices {
    let inputs = InputSlots(limits)
    let regions = placeValues(
      &steps[device], device: device, order: order, graph: graph, limits: limits, inputBytes: inputs.byteCount
    )
    devices.append(
      devicePlan(
        steps: steps[device], inputs: inputs, regions: regions, graph: graph, limits: limits,
        layout: layouts[device], type: type))
  }
  var plan = Plan(graph: graph, placement: placement, limits: limits, devices: devices)
  plan.resolveCopySources()
  try plan.validate()
  try plan.requireFit(layouts)
  return plan
}

private func validate(
  _ placement: Placement, of graph: Graph, layouts: [any DeviceLayout]
) throws(GraphError) {
  func fail(_ message: String, at place: String? = nil) -> GraphError {
    GraphError(.invalidPlacement, message, at: place)
  }
  if placement.devices.isEmpty { throw fail("names no device") }
  if layouts.map(\.id) != placement.devices { throw fail("its devices are not those that were given") }
  if placement.shares.count != graph.nodes.count {
    throw fail("covers \(placement.shares.count) nodes of \(graph.nodes.count)")
  }
  for (node, shares) in zip(graph.nodes, placement.shares) {
    guard let share = shares.first, placement.devices.indices.contains(share.device) else {
      throw fail("no device runs it", at: node.name.description)
    }
    if shares.count > 1 {
      throw GraphError(
        .unsupported, "its work is split over \(shares.count) devices; give it to one",
        at: node.name.description)
    }
  }
}

private func validate(_ limits: PlanLimits) throws(GraphError) {
  let bounds: [(name: String, value: Int, most: Int)] = [
    ("tokens a pass", limits.tokensPerPass, 1 << 16), ("outputs a pass", limits.outputsPerPass, 1 << 16),
    ("passes in flight", limits.passesInFlight, 256), ("context", limits.contextTokens, 1 << 26),
    ("sequences", limits.sequenceCount, 1 << 12), ("tokens a page", limits.cachePageTokens, 1 << 12),
  ]
  for bound in bounds where !(1...bound.most).contains(bound.value) {
    throw GraphError(.invalidPlan, "\(bound.name): \(bound.value) is not within 1...\(bound.most)")
  }
  if limits.cacheType != .f16 && limits.cacheType != .q8_0 {
    throw GraphError(
      .unsupported, "a key-value cache of \(limits.cacheType.name) is not supported; use F16 or Q8_0")
  }
  // Page numbers have 32 bits, and no cache of such a size overflows an Int.
  if limits.contextTokens * limits.sequenceCount > 1 << 28 {
    throw GraphError(.invalidPlan, "the context of all sequences together is beyond \(1 << 28) tokens")
  }
}

/// The steps of every device, with buffers that have a size but no place yet.
private func makeSteps(_ graph: Graph, _ placement: Placement) -> [[Step]] {
  var steps = [[Step]](repeating: [], count: placement.devices.count)
  // Where each node's value was made, and on which devices it is.
  var maker = [StepReference](repeating: StepReference(device: 0, step: 0), count: graph.nodes.count)
  var isOn = [[Bool]](
    repeating: [Bool](repeating: false, count: graph.nodes.count), count: placement.devices.count)
  let unplaced = Buffer(.scratch, offset: 0, byteCount: 0)

  for node in graph.nodes {
    let device = placement.shares[node.id.index][0].device
    for input in node.inputs where !isOn[device][input.index] {
      let source = maker[input.index]
      steps[source.device][source.step].isAwaited = true
      steps[device].append(
        Step(kind: .copy(from: source, source: unplaced), node: input, inputs: [], result: unplaced))
      isOn[device][input.index] = true
    }
    maker[node.id.index] = StepReference(device: device, step: steps[device].count)
    isOn[device][node.id.index] = true
    steps[device].append(
      Step(
        kind: .compute, node: node.id, inputs: node.inputs.map { _ in unplaced }, result: unplaced))
  }
  let last = graph.output.id
  steps[maker[last.index].device].append(Step(kind: .output, node: last, inputs: [], result: unplaced))
  return steps
}

private func devicePlan(
  steps: [Step], inputs: InputSlots, regions: [Region: Int], graph: Graph, limits: PlanLimits,
  layout: any DeviceLayout, type: (WeightID) -> ElementType
) -> DevicePlan {
  var regionBytes = regions
  var weights: [WeightSlot] = []
  var caches: [CacheSlot] = []
  var seen: Set<WeightID> = []
  var weightBytes = 0
  var cacheBytes = 0
  var workspaceBytes = 0

  func cacheBuffer(_ cache: Cache, width: Int) -> Buffer {
    let rows = limits.pageCount * cache.keyValueHeadCount * limits.cachePageTokens
    let bytes = rows * Cache.rowBytes(width, limits.cacheType)
    defer { cacheBytes += bytes.roundedUp(to: Plan.bufferAlignment) }
    return Buffer(.cache, offset: cacheBytes, byteCount: bytes)
  }
  for step in steps where step.kind == .compute {
    let node = graph[step.node]
    for weight in node.weights where seen.insert(weight).inserted {
      let bytes = layout.byteCount(of: graph[weight], type: type(weight))
      weights.append(
        WeightSlot(
          weight: weight, type: type(weight), buffer: Buffer(.weights, offset: weightBytes, byteCount: bytes))
      )
      weightBytes += bytes.roundedUp(to: Plan.bufferAlignment)
    }
    if case .attention(let attention) = node.op {
      let cache = graph[attention.cache]
      caches.append(
        CacheSlot(
          cache: attention.cache, keys: cacheBuffer(cache, width: cache.keyWidth),
          values: cacheBuffer(cache, width: cache.valueWidth)))
    }
    workspaceBytes = max(
      workspaceBytes, layout.workspaceBytes(for: node, in: graph, limits: limits, type: type))
  }
  regionBytes[.weights] = weightBytes
  regionBytes[.cache] = cacheBytes
  regionBytes[.workspace] = workspaceBytes
  return DevicePlan(
    device: layout.id, weights: weights, caches: caches, inputs: inputs, steps: steps,
    regionBytes: regionBytes.mapValues { $0.roundedUp(to: Plan.regionAlignment) })
}

extension InputSlots {
  /// One array after the other.
  init(_ limits: PlanLimits) {
    var offset = 0
    func next(_ count: Int) -> Buffer {
      defer { offset += (count * 4).roundedUp(to: Plan.bufferAlignment) }
      return Buffer(.pass, offset: offset, byteCount: count * 4)
    }
    tokens = next(limits.tokensPerPass)
    positions = next(limits.tokensPerPass)
    sequences = next(limits.tokensPerPass)
    outputRows = next(limits.outputsPerPass)
    pageTable = next(limits.pageCount)
  }

  /// All arrays.
  var all: [Buffer] { [tokens, positions, sequences, outputRows, pageTable] }

  var byteCount: Int {
    (pageTable.offset + pageTable.byteCount).roundedUp(to: Plan.bufferAlignment)
  }
}

extension Plan {
  /// Copies learn where their source lies once every device's values have their places.
  fileprivate mutating func resolveCopySources() {
    for device in devices.indices {
      for index in devices[device].steps.indices {
        guard case .copy(let from, _) = devices[device].steps[index].kind else { continue }
        let source = devices[from.device].steps[from.step].result
        devices[device].steps[index].kind = .copy(from: from, source: source)
      }
    }
  }

  /// Throws where the devices of a pool of memory together need more than it has.
  fileprivate func requireFit(_ layouts: [any DeviceLayout]) throws(GraphError) {
    for pool in Set(layouts.map(\.memoryPool)).sorted() {
      let members = layouts.indices.filter { layouts[$0].memoryPool == pool }
      let needed = members.reduce(0) { $0 + byteCount(device: $1) }
      let available = layouts[members[0]].memoryBytes
      if needed <= available { continue }
      throw GraphError(
        .doesNotFit,
        "needs \(needed) bytes and has \(available): it lacks \(needed - available)."
          + " \(members.map(memoryReport).joined(separator: "; "))."
          + " Use a shorter --context,\(limits.cacheType == .f16 ? " --cache-type q8_0," : "") a smaller format"
          + " or more devices",
        at: members.map { layouts[$0].id.name }.joined(separator: ", "))
    }
  }

  private func memoryReport(device index: Int) -> String {
    let plan = devices[index]
    let parts = Region.allCases.map {
      "\($0) \(plan.regionBytes[$0, default: 0] * plan.copies(of: $0, limits: limits))"
    }
    return "\(plan.device): \(parts.joined(separator: ", "))"
  }
}

extension Int {
  /// The quotient, rounded up.
  func dividedUp(by divisor: Int) -> Int { (self + divisor - 1) / divisor }

  /// The least multiple of `unit` that is not below it.
  func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
