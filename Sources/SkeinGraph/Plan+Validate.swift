extension Plan {
  /// Throws unless the plan can be executed as it is: every node is computed once, or every part of it once and
  /// then their sum, parts of a mixture have every expert once, every input is in its
  /// buffer when it is read, also by another device, copies come from steps that make what they fetch, nothing
  /// lies outside its region, and devices never wait for each other in a circle.
  public func validate() throws(GraphError) {
    let order = try HappensBefore(devices.map(\.steps))
    let values = PlanValues(graph, splits)
    for (node, parts) in splits {
      if let problem = problem(of: parts, node) {
        throw GraphError(.invalidPlan, problem, at: graph[node].name.description)
      }
    }
    var made = [Int](repeating: 0, count: values.count)
    for (index, device) in devices.enumerated() {
      try validate(device, at: index, order, values)
      for step in device.steps where step.kind == .compute || step.kind == .reduce {
        made[values.index(of: step.node, part: step.part)!] += 1
      }
    }
    for node in graph.nodes {
      let parts = (splits[node.id] ?? []).indices.map { values.index(of: node.id, part: $0)! }
      for value in [node.id.index] + parts where made[value] != 1 {
        throw GraphError(.invalidPlan, "is computed \(made[value]) times", at: node.name.description)
      }
    }
  }

  /// What is wrong with the parts of a node, if anything.
  private func problem(of parts: [ExpertPart], _ node: NodeID) -> String? {
    guard graph.nodes.indices.contains(node.index), case .experts(let experts) = graph[node].op else {
      return "several devices share what cannot be shared"
    }
    var owned = [Int](repeating: 0, count: experts.expertCount)
    for part in parts {
      let inner = part.slice.inner
      guard devices.indices.contains(part.device), inner.lowerBound >= 0,
        inner.upperBound <= experts.expertWidth, !inner.isEmpty
      else { return "a part of it is on no device, or beyond its experts" }
      for number in part.slice.experts.numbers {
        guard owned.indices.contains(number) else { return "a part of it has expert \(number)" }
        owned[number] += inner.count
      }
    }
    for (index, part) in parts.enumerated() {
      for other in parts[..<index] where part.slice.inner.overlaps(other.slice.inner) {
        if let twice = part.slice.experts.numbers.first(where: other.slice.experts.contains) {
          return "two of its parts have expert \(twice)"
        }
      }
    }
    if let number = owned.firstIndex(where: { $0 != experts.expertWidth }) {
      return "its parts have not all of expert \(number)"
    }
    return nil
  }

  /// What is wrong with the part or the weights of a compute step, if anything.
  private func problem(
    of step: Step, on device: Int, _ resident: [WeightID: WeightSlot], _ fetched: Fetched?
  ) -> String? {
    let part = step.part.map { splits[step.node]![$0] }
    if part.map({ $0.device != device }) ?? (splits[step.node] != nil) {
      return "computes what other devices have"
    }
    for (place, weight) in graph[step.node].weights.enumerated() {
      let brought = fetched?.node == step.node ? fetched!.slots.first { $0.weight == weight } : nil
      guard let slot = resident[weight] ?? brought,
        slot.slice == part.flatMap({ $0.slice(of: graph[weight], at: place) })
      else { return "its weight \(graph[weight].name) is not there" }
    }
    return nil
  }

  private func validateRegions(of device: DevicePlan) throws(GraphError) {
    let held = device.weights.map(\.buffer) + device.caches.flatMap { [$0.keys, $0.values] }
    for buffer in held where !device.contains(buffer) {
      throw GraphError(.invalidPlan, "\(buffer) lies outside its region", at: device.device.name)
    }
    for region in [Region.weights, .cache] {
      let inOrder = held.filter { $0.region == region }.sorted { $0.offset < $1.offset }
      for (first, second) in zip(inOrder, inOrder.dropFirst()) where first.overlaps(second) {
        throw GraphError(.invalidPlan, "\(first) and \(second) overlap", at: device.device.name)
      }
    }
    for slot in device.streamed where !device.contains(slot.buffer) || slot.buffer.region != .stream {
      throw GraphError(.invalidPlan, "\(slot.buffer) lies outside its region", at: device.device.name)
    }
  }

  /// The weights that were fetched last. Nothing else may come between them and the step that needs them.
  private struct Fetched {
    var node: NodeID
    var slots: ArraySlice<WeightSlot>
  }

  private func validate(
    _ device: DevicePlan, at index: Int, _ order: HappensBefore, _ values: PlanValues
  ) throws(GraphError) {
    func fail(_ step: Step, _ message: String) -> GraphError {
      GraphError(.invalidPlan, message, at: "\(device.device) \(graph[step.node].name)")
    }
    try validateRegions(of: device)
    let resident = Dictionary(device.weights.map { ($0.weight, $0) }) { first, _ in first }
    var fetched: Fetched?
    // What each live buffer holds, and since which step.
    var contents: [(buffer: Buffer, value: Int, since: Int)] = []
    func holds(_ buffer: Buffer, _ value: Int) -> Bool {
      contents.contains { $0.buffer == buffer && $0.value == value }
    }
    for (place, step) in device.steps.enumerated() {
      guard graph.nodes.indices.contains(step.node.index),
        let value = values.index(of: step.node, part: step.part)
      else {
        throw GraphError(.invalidPlan, "step \(place) makes what does not exist", at: device.device.name)
      }
      if !device.contains(step.result) { throw fail(step, "its result lies outside its region") }
      if device.inputs.all.contains(where: { $0.overlaps(step.result) }) {
        throw fail(step, "its result lies where the pass has its inputs")
      }
      switch step.kind {
      case .compute, .reduce:
        let inputs = values.inputs(of: step)
        if step.inputs.count != inputs.count { throw fail(step, "lacks inputs") }
        if step.kind == .reduce, inputs.isEmpty { throw fail(step, "adds up what has no parts") }
        for (input, buffer) in zip(inputs, step.inputs) where !holds(buffer, input) {
          throw fail(step, "step \(place) reads \(values.name(of: input)) where it is not")
        }
        if step.kind == .compute, let problem = problem(of: step, on: index, resident, fetched) {
          throw fail(step, problem)
        }
      case .fetch(let range):
        guard range.lowerBound >= 0, range.upperBound <= device.streamed.count else {
          throw fail(step, "fetches weights that do not exist")
        }
        fetched = Fetched(node: step.node, slots: device.streamed[range])
        continue
      case .copy(let from, let source):
        guard devices.indices.contains(from.device), from.device != index,
          devices[from.device].steps.indices.contains(from.step)
        else { throw fail(step, "copies from a step that does not exist") }
        let made = devices[from.device].steps[from.step]
        // Meanwhile the device may work on another pass, which has the same scratch memory.
        if limits.passesInFlight > 1 { contents.removeAll { $0.buffer.region == .scratch } }
        if made.node != step.node || made.part != step.part || made.result != source || !made.isAwaited
          || source.region != .pass
        {
          throw fail(step, "copies from a step that does not keep its result")
        }
      case .output:
        if !holds(step.result, value) { throw fail(step, "hands over what is not there") }
        continue
      }
      let here = StepReference(device: index, step: place)
      for old in contents where old.buffer.overlaps(step.result) {
        // Whoever fetches the old value must have done so.
        let readers = order.readers(of: StepReference(device: index, step: old.since))
        if readers.contains(where: { !order.isDone($0, before: here) }) {
          throw fail(step, "overwrites \(values.name(of: old.value)), which another device may still fetch")
        }
      }
      contents.removeAll { $0.buffer.overlaps(step.result) }
      contents.append((step.result, value, place))
    }
  }
}

extension DevicePlan {
  fileprivate func contains(_ buffer: Buffer) -> Bool {
    buffer.offset >= 0 && buffer.byteCount >= 0
      && buffer.offset + buffer.byteCount <= regionBytes[buffer.region, default: 0]
  }
}
