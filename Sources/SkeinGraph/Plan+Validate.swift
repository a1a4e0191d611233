extension Plan {
  /// Throws unless the plan can be executed as it is: every node is computed once by each of its devices, or every
  /// part of it once, parts are all of a node and nothing twice, every input is in its
  /// buffer when it is read, also by another device, copies come from steps that make what they fetch, nothing
  /// lies outside its region, and devices never wait for each other in a circle.
  public func validate() throws(GraphError) {
    let order = try HappensBefore(devices.map(\.steps))
    for (node, parts) in splits {
      guard graph.nodes.indices.contains(node.index) else {
        throw GraphError(.invalidPlan, "cuts a node that does not exist")
      }
      if let problem = problem(of: parts, graph[node]) {
        throw GraphError(.invalidPlan, problem, at: graph[node].name.description)
      }
    }
    let values = PlanValues(graph, splits)
    var made = devices.map { _ in [Int](repeating: 0, count: values.count) }
    for (index, device) in devices.enumerated() {
      try validate(device, at: index, order, values)
      for step in device.steps where step.kind == .compute || step.kind == .reduce || step.kind == .join {
        made[index][values.index(of: step.node, part: step.part)!] += 1
      }
    }
    for node in graph.nodes {
      func fail(_ times: Int, _ device: Int) -> GraphError {
        GraphError(
          .invalidPlan, "is computed \(times) times on \(devices[device].device)", at: node.name.description)
      }
      for (device, made) in made.enumerated() {
        guard let parts = splits[node.id] else {
          let isHere = placement.shares[node.id.index].contains { $0.device == device }
          if made[node.id.index] != (isHere ? 1 : 0) { throw fail(made[node.id.index], device) }
          continue
        }
        // Whoever needs it puts it together.
        if made[node.id.index] > 1 { throw fail(made[node.id.index], device) }
        for (index, part) in parts.enumerated() {
          let times = made[values.index(of: node.id, part: index)!]
          if times != (part.device == device ? 1 : 0) { throw fail(times, device) }
        }
      }
    }
  }

  /// What is wrong with the parts of a node, if anything.
  private func problem(of parts: [NodePart], _ node: Node) -> String? {
    if parts.isEmpty || Set(parts.map(\.device)).count < parts.count {
      return "it has no parts, or two on one device"
    }
    for part in parts {
      guard devices.indices.contains(part.device), graph.part(part.slice, of: node) != nil,
        part.slice.isColumns == parts[0].slice.isColumns
      else { return "a part of it is on no device, or none that it can be cut into" }
      for (place, input) in node.inputs.enumerated() {
        guard let columns = graph.columns(of: part.slice, of: node, input: place) else { continue }
        // Columns cannot be taken out of the whole, only of the part that has just these.
        guard let other = splits[input]?.first(where: { $0.device == part.device }),
          other.slice == .columns(columns)
        else { return "a part of it takes columns of \(graph[input].name) that are not there" }
      }
    }
    if case .experts(let experts) = node.op { return problem(of: parts.compactMap(\.slice.experts), experts) }
    // Side by side or added up: no value is left out, and none counts twice.
    var end = 0
    for part in parts {
      switch part.slice {
      case .columns(let columns), .inner(let columns):
        if columns.lowerBound != end { return "its parts leave something out, or have it twice" }
        end = columns.upperBound
      case .experts: return "it has parts of a mixture"
      }
    }
    let extent = parts[0].slice.isColumns ? node.width : graph[node.inputs[0]].width
    return end == extent ? nil : "its parts have \(end) of \(extent) values"
  }

  /// The same for a mixture.
  private func problem(of slices: [ExpertSlice], _ experts: Experts) -> String? {
    var owned = [Int](repeating: 0, count: experts.expertCount)
    for slice in slices {
      let inner = slice.inner
      guard inner.lowerBound >= 0, inner.upperBound <= experts.expertWidth, !inner.isEmpty
      else { return "a part of it is beyond its experts" }
      for number in slice.experts.numbers {
        guard owned.indices.contains(number) else { return "a part of it has expert \(number)" }
        owned[number] += inner.count
      }
    }
    for (index, slice) in slices.enumerated() {
      for other in slices[..<index] where slice.inner.overlaps(other.inner) {
        if let twice = slice.experts.numbers.first(where: other.experts.contains) {
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
    of step: Step, on device: Int, _ resident: Set<WeightPiece>, _ fetched: Fetched?
  ) -> String? {
    let part = step.part.map { splits[step.node]![$0] }
    if part.map({ $0.device != device }) ?? (splits[step.node] != nil) {
      return "computes what other devices have"
    }
    for piece in pieces(of: step) {
      let isBrought = fetched?.node == step.node && fetched!.slots.contains { $0.piece == piece }
      guard isBrought || resident.contains(piece) else {
        return "its weight \(graph[piece.weight].name) is not there"
      }
    }
    if let id = graph[step.node].op.cache {
      let heads = node(of: step).op.cachedHeadCount(graph[id])
      guard devices[device].caches.contains(where: { $0.cache == id && $0.headCount == heads }) else {
        return "its cache is not there"
      }
    }
    return nil
  }

  /// What is wrong with the number of inputs of a step, if anything.
  private func problem(ofInputs count: Int, of step: Step) -> String? {
    if step.inputs.count != count { return "lacks inputs" }
    if step.kind == .compute { return nil }
    let isColumns = splits[step.node].map { $0[0].slice.isColumns }
    return isColumns == (step.kind == .join) ? nil : "puts together what has no such parts"
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
    let resident = Set(device.weights.map(\.piece))
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
      case .compute, .reduce, .join:
        let inputs = values.inputs(of: step)
        if let problem = problem(ofInputs: inputs.count, of: step) { throw fail(step, problem) }
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
