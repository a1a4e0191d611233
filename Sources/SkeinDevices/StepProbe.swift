import CSystem
import SkeinGraph
import SkeinTensor

/// One step as a plan of its own, for measuring: the device runs it through the contract that models run
/// through. Used from one thread.
final class StepProbe {
  /// The plan that the step is of.
  let plan: Plan
  let memory: any DeviceMemory
  private let queue: any DeviceQueue
  private let step: Int
  private let pass: PassShape

  /// - Parameters:
  ///   - role: of the node whose step is measured.
  ///   - position: of the first token; the others follow.
  init(
    _ device: any Device, _ graph: Graph, role: Role, type: ElementType, tokens: Int, position: Int = 0
  ) throws {
    let placement = Placement(
      devices: [device.id], shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    let limits = PlanLimits(tokensPerPass: tokens, outputsPerPass: tokens, contextTokens: position + tokens)
    plan = try lower(graph, placement, limits: limits, layouts: [device.layout]) {
      graph[$0].shape.extents.count > 1 && graph[$0].name.node.role == role ? type : .f32
    }
    try plan.requireFit([device.layout])
    memory = try device.reserve(byteCount: plan.byteCount(device: 0))
    queue = try device.makeQueue(plan: plan, device: 0, memory: memory)
    queue.attach()
    step = plan.devices[0].steps.firstIndex { graph[$0.node].name.role == role && $0.kind == .compute }!
    pass = PassShape(serial: 0, slot: 0, tokenCount: tokens, outputCount: tokens)
    try load(graph[plan.devices[0].steps[step].node])
    try writeInputs(tokens: tokens, position: position)
  }

  /// Any bytes will do, but each page of what is measured must be there. Zeros that nobody wrote take no memory
  /// where they come from.
  private func load(_ node: Node) throws {
    for slot in plan.devices[0].weights where node.weights.contains(slot.weight) {
      let shape = plan.graph[slot.weight].shape
      let byteCount = (slot.type.rowBytes(elementCount: shape.columns) ?? 0) * shape.rows
      guard let zeros = skein_memory_reserve(byteCount) else {
        throw DeviceError(.outOfMemory, "no memory to measure with", device: plan.devices[0].device.name)
      }
      defer { skein_memory_release(zeros, byteCount) }
      try queue.load(slot, from: UnsafeRawBufferPointer(start: zeros, count: byteCount), at: 0)
    }
  }

  private func writeInputs(tokens: Int, position: Int) throws {
    let device = plan.devices[0]
    let base = device.offset(of: .pass, limits: plan.limits)
    func write(_ values: [Int32], to buffer: Buffer) throws {
      try values.withUnsafeBytes { try queue.write($0, to: base + buffer.offset) }
    }
    try write((0..<Int32(tokens)).map { Int32(position) + $0 }, to: device.inputs.positions)
    try write((0..<Int32(tokens)).map { $0 }, to: device.inputs.outputRows)
    try write((0..<Int32(plan.limits.pageCount)).map { $0 }, to: device.inputs.pageTable)
    try queue.finish()
  }

  /// Writes bytes to the front of the memory.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    try queue.write(bytes, to: 0)
    try queue.finish()
  }

  /// The first bytes of the memory, as 64-bit integers.
  func read(_ byteCount: Int) throws -> [UInt64] {
    var values = [UInt64](repeating: 0, count: byteCount / 8)
    try values.withUnsafeMutableBytes { try queue.read(0, into: $0) }
    return values
  }

  /// Runs the step once.
  func run() throws {
    try queue.compute(step: step, pass: pass)
    try queue.finish()
  }

  /// The median time of several runs, after one that does not count; of the step or of other work of the queue.
  func medianSeconds(turns: Int, _ work: ((any DeviceQueue) throws -> Void)? = nil) throws -> Double {
    let times = try seconds(turns: turns, work)
    return times[times.count / 2]
  }

  /// The least time of several runs of the step: for what is bound by memory, which short runs see slower than
  /// long ones do when others use it (medians were 20 to 28 GB/s where a model then read 27).
  func leastSeconds(turns: Int) throws -> Double { try seconds(turns: turns, nil)[0] }

  /// Times of several runs, in rising order.
  private func seconds(turns: Int, _ work: ((any DeviceQueue) throws -> Void)?) throws -> [Double] {
    var times: [Double] = []
    for _ in 0...turns {
      let start = skein_clock_nanoseconds()
      if let work { try work(queue) } else { try queue.compute(step: step, pass: pass) }
      try queue.finish()
      times.append(max(Double(skein_clock_nanoseconds() - start) / 1e9, 1e-9))
    }
    return times.dropFirst().sorted()
  }
}

/// The graphs whose steps are measured.
enum ProbeGraph {
  /// A linear layer: the head of a model without layers.
  static func linear(rows: Int, columns: Int) throws -> Graph {
    var builder = GraphBuilder(vocabularySize: rows, layerCount: 0) { _ in false }
    let x = builder.embedding(.tokenEmbedding, width: columns)
    let (selected, _) = builder.selectOutputs(x, x)
    _ = builder.linear(selected, .head, width: rows)
    return try builder.finish()
  }

  /// A layer with attention of grouped queries, and norms before it.
  static func attention(headCount: Int, keyValueHeadCount: Int, headWidth: Int) throws -> Graph {
    var builder = GraphBuilder(vocabularySize: 64, layerCount: 1) { _ in false }
    let x = builder.embedding(.tokenEmbedding, width: headCount * headWidth)
    builder.layer = 0
    let h = builder.rmsNorm(x, .attentionNorm, epsilon: 1e-5)
    let keys = builder.linear(h, .key, width: keyValueHeadCount * headWidth)
    let values = builder.linear(h, .value, width: keyValueHeadCount * headWidth)
    let a = builder.attention(h, keys, values, headCount: headCount, keyValueHeadCount: keyValueHeadCount)
    builder.layer = nil
    let (selected, _) = builder.selectOutputs(a, a)
    _ = builder.linear(selected, .head, width: 64)
    return try builder.finish()
  }
}
