import SkeinTensor

/// Turns a graph and a placement into a plan.
///
/// Each device gets its nodes in the order of the graph; where a node needs a value from another device, a
/// copy comes right before it, and where several devices share the node that makes the value, its parts are put
/// together. So a device does all that comes earlier in the graph before it waits. Then every value gets a place in
/// memory that it keeps while it is needed.
///
/// - Parameters:
///   - layouts: a layout for each device of the placement, in its order.
///   - type: the format of each weight in the checkpoint.
///   - mapping: for a weight whose bytes are to stay in the mapped file, how many bytes after the start of a page they
///     begin there; nil for a weight that is copied.
/// - Throws: `GraphError` where the placement does not cover the graph, or where a node cannot be cut as it asks. Whether the plan fits the devices' memory is another question: `Plan.requireFit(_:)`.
public func lower(
  _ graph: Graph, _ placement: Placement, limits: PlanLimits, layouts: [any DeviceLayout],
  type: @escaping (WeightID) -> ElementType, mapping: @escaping (WeightID) -> Int? = { _ in nil }
) throws(GraphError) -> Plan {
  try graph.validate()
  try validate(placement, of: graph, layouts: layouts)
  try validate(limits)
  try validate(limits, of: graph)
  let splits = try NodeSplit.parts(graph, placement, type: type)
  let values = PlanValues(graph, splits)
  let resident = residentWeights(graph, placement)
  var maker = StepMaker(graph, placement, splits, values, resident)
  var steps = maker.steps()
  let order = try HappensBefore(steps)
  var devices: [DevicePlan] = []
  for device in placement.devices.indices {
    let inputs = InputSlots(limits)
    let regions = placeValues(
      &steps[device], device: device, order: order, graph: graph, values: values, limits: limits,
      inputBytes: inputs.byteCount)
    var builder = DevicePlanBuilder(graph, splits, limits, layouts[device], type: type, mapping: mapping)
    devices.append(
      builder.plan(steps: steps[device], resident: resident[device], inputs: inputs, regions: regions))
  }
  var plan = Plan(graph: graph, placement: placement, splits: splits, limits: limits, devices: devices)
  plan.resolveCopySources()
  try plan.validate()
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
  for node in placement.streamed where !graph.nodes.indices.contains(node.index) {
    throw fail("streams the weights of node \(node.index), which does not exist")
  }
  for (node, shares) in zip(graph.nodes, placement.shares) {
    guard !shares.isEmpty, shares.allSatisfy({ placement.devices.indices.contains($0.device) }) else {
      throw fail("no device runs it", at: node.name.description)
    }
  }
}

/// A position beyond a table of positions would be read from behind it.
private func validate(_ limits: PlanLimits, of graph: Graph) throws(GraphError) {
  for node in graph.nodes {
    guard let count = graph.positionCount(node), limits.contextTokens > count else { continue }
    throw GraphError(
      .invalidPlan,
      "has \(count) positions; the context of \(limits.contextTokens) tokens must not be longer",
      at: node.name.description)
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
  if ![.f32, .f16, .bf16, .q8_0].contains(limits.cacheType) {
    throw GraphError(
      .unsupported,
      "a key-value cache of \(limits.cacheType.name) is not supported; use F32, F16, BF16 or Q8_0")
  }
  // Page numbers have 32 bits, and no cache of such a size overflows an Int.
  if limits.contextTokens * limits.sequenceCount > 1 << 28 {
    throw GraphError(.invalidPlan, "the context of all sequences together is beyond \(1 << 28) tokens")
  }
}

/// For each device, the weights of nodes that are not streamed there.
private func residentWeights(_ graph: Graph, _ placement: Placement) -> [Set<WeightID>] {
  var resident = [Set<WeightID>](repeating: [], count: placement.devices.count)
  for node in graph.nodes where !placement.streamed.contains(node.id) {
    for share in placement.shares[node.id.index] { resident[share.device].formUnion(node.weights) }
  }
  return resident
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
}

extension Int {
  /// The quotient, rounded up.
  package func dividedUp(by divisor: Int) -> Int { (self + divisor - 1) / divisor }

  /// The least multiple of `unit` that is not below it.
  package func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
