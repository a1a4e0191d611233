extension Plan {
  /// Throws unless the plan can be executed as it is: every node is computed once, every input is in its
  /// buffer when it is read, also by another device, copies come from steps that make what they fetch, nothing
  /// lies outside its region, and devices never wait for each other in a circle.
  public func validate() throws(GraphError) {
    let order = try HappensBefore(devices.map(\.steps))
    var computed = [Int](repeating: 0, count: graph.nodes.count)
    for (index, device) in devices.enumerated() {
      try validate(device, at: index, order)
      for step in device.steps where step.kind == .compute { computed[step.node.index] += 1 }
    }
    for (node, count) in zip(graph.nodes, computed) where count != 1 {
      throw GraphError(.invalidPlan, "is computed \(count) times", at: node.name.description)
    }
  }

  private func validate(_ device: DevicePlan, at index: Int, _ order: HappensBefore) throws(GraphError) {
    func fail(_ step: Step, _ message: String) -> GraphError {
      GraphError(.invalidPlan, message, at: "\(device.device) \(graph[step.node].name)")
    }
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
    let resident = Set(device.weights.map(\.weight))
    // The weights that were fetched last. Nothing else may come between them and the step that needs them.
    var fetched: (node: NodeID, weights: Set<WeightID>)?
    // What each live buffer holds, and since which step.
    var contents: [(buffer: Buffer, node: NodeID, since: Int)] = []
    func holds(_ buffer: Buffer, _ node: NodeID) -> Bool {
      contents.contains { $0.buffer == buffer && $0.node == node }
    }
    for (place, step) in device.steps.enumerated() {
      if !device.contains(step.result) { throw fail(step, "its result lies outside its region") }
      if device.inputs.all.contains(where: { $0.overlaps(step.result) }) {
        throw fail(step, "its result lies where the pass has its inputs")
      }
      switch step.kind {
      case .compute:
        if step.inputs.count != graph[step.node].inputs.count { throw fail(step, "lacks inputs") }
        for (input, buffer) in zip(graph[step.node].inputs, step.inputs) where !holds(buffer, input) {
          throw fail(step, "step \(place) reads \(graph[input].name) where it is not")
        }
        for weight in graph[step.node].weights where !resident.contains(weight) {
          guard let fetched, fetched.node == step.node, fetched.weights.contains(weight) else {
            throw fail(step, "its weight \(graph[weight].name) is not there")
          }
        }
      case .fetch(let range):
        guard range.lowerBound >= 0, range.upperBound <= device.streamed.count else {
          throw fail(step, "fetches weights that do not exist")
        }
        fetched = (step.node, Set(device.streamed[range].map(\.weight)))
        continue
      case .copy(let from, let source):
        guard devices.indices.contains(from.device), from.device != index,
          devices[from.device].steps.indices.contains(from.step)
        else { throw fail(step, "copies from a step that does not exist") }
        let made = devices[from.device].steps[from.step]
        // Meanwhile the device may work on another pass, which has the same scratch memory.
        if limits.passesInFlight > 1 { contents.removeAll { $0.buffer.region == .scratch } }
        if made.node != step.node || made.result != source || !made.isAwaited || source.region != .pass {
          throw fail(step, "copies from a step that does not keep its result")
        }
      case .output:
        if !holds(step.result, step.node) { throw fail(step, "hands over what is not there") }
        continue
      }
      let here = StepReference(device: index, step: place)
      for old in contents where old.buffer.overlaps(step.result) {
        // Whoever fetches the old value must have done so.
        let readers = order.readers(of: StepReference(device: index, step: old.since))
        if readers.contains(where: { !order.isDone($0, before: here) }) {
          throw fail(step, "overwrites \(graph[old.node].name), which another device may still fetch")
        }
      }
      contents.removeAll { $0.buffer.overlaps(step.result) }
      contents.append((step.result, step.node, place))
    }
  }
}

extension DevicePlan {
  fileprivate func contains(_ buffer: Buffer) -> Bool {
    buffer.offset >= 0 && buffer.byteCount >= 0
      && buffer.offset + buffer.byteCount <= regionBytes[buffer.region, default: 0]
  }
}
