import SkeinTensor

/// Turns a graph and a placement into a plan.
///
/// Each device gets its nodes in the order of the graph; where a node needs a value from another device, a
/// copy comes right before it. Then every value gets a place in memory that it keeps while it is needed.
///
/// - Parameters:
///   - layouts: a layout for each device of the placement, in its order.
///   - type: the format of each weight in the checkpoint.
/// - Throws: `GraphError` where the placement does not cover the graph, or where a split is asked for that is not
///   supported. Whether the plan fits the devices' memory is another question: `Plan.requireFit(_:)`.
public func lower(
  _ graph: Graph, _ placement: Placement, limits: PlanLimits, layouts: [any DeviceLayout],
  type: @escaping (WeightID) -> ElementType
) throws(GraphError) -> Plan {
  try graph.validate()
  try validate(placement, of: graph, layouts: layouts)
  try validate(limits)
  try validate(limits, of: graph)
  let resident = residentWeights(graph, placement)
  var steps = makeSteps(graph, placement, resident)
  let order = try HappensBefore(steps)
  var devices: [DevicePlan] = []
  for device in placement.devices.indices {
    let inputs = InputSlots(limits)
    let regions = placeValues(
      &steps[device], device: device, order: order, graph: graph, limits: limits, inputBytes: inputs.byteCount
    )
    var builder = DevicePlanBuilder(graph, limits, layouts[device], type: type)
    devices.append(
      builder.plan(steps: steps[device], resident: resident[device], inputs: inputs, regions: regions))
  }
  var plan = Plan(graph: graph, placement: placement, limits: limits, devices: devices)
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
  if ![.f16, .q8_0, .f32].contains(limits.cacheType) {
    throw GraphError(
      .unsupported, "a key-value cache of \(limits.cacheType.name) is not supported; use F16, Q8_0 or F32")
  }
  // Page numbers have 32 bits, and no cache of such a size overflows an Int.
  if limits.contextTokens * limits.sequenceCount > 1 << 28 {
    throw GraphError(.invalidPlan, "the context of all sequences together is beyond \(1 << 28) tokens")
  }
}

/// The steps of every device, with buffers that have a size but no place yet.
private func makeSteps(
  _ graph: Graph, _ placement: Placement, _ resident: [Set<WeightID>]
) -> [[Step]] {
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
    if placement.streamed.contains(node.id), node.weights.contains(where: { !resident[device].contains($0) })
    {
      // The range is filled in when the weights get their places.
      steps[device].append(Step(kind: .fetch(0..<0), node: node.id, inputs: [], result: unplaced))
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

/// For each device, the weights of nodes that are not streamed there.
private func residentWeights(_ graph: Graph, _ placement: Placement) -> [Set<WeightID>] {
  var resident = [Set<WeightID>](repeating: [], count: placement.devices.count)
  for node in graph.nodes where !placement.streamed.contains(node.id) {
    resident[placement.shares[node.id.index][0].device].formUnion(node.weights)
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
