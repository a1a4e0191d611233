import SkeinDevices
import SkeinGraph
import SkeinTensor
import SkeinTestSupport

@testable import SkeinExecutor

/// Weights drawn from the weight's number: the same on every device and in every test.
final class RandomWeights: WeightSource, WeightReader {
  let graph: Graph

  init(graph: Graph) { self.graph = graph }

  func makeReader() -> any WeightReader { self }

  func read(
    _ weight: WeightID, parallel: any ParallelWork, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    try values(of: weight).withUnsafeBytes { try body($0, 0) }
  }

  func values(of weight: WeightID) -> [Float] {
    let shape = graph[weight].shape
    var generator = SplitMix64(state: UInt64(weight.index) + 1)
    // Norms near one, matrices that keep the size of what they are given.
    let scale = shape.extents.count == 1 ? 0.2 : 1.7 / Float(shape.columns).squareRoot()
    let offset: Float = shape.extents.count == 1 ? 1 : 0
    return (0..<shape.elementCount!).map { _ in offset + scale * Float.random(in: -1...1, using: &generator) }
  }

  func willNeed(_ weight: WeightID) {}
}

/// A graph on devices, ready to run.
struct Runner {
  let executor: Executor
  var vocabulary: Int { executor.plan.graph.vocabularySize }

  init(_ graph: Graph, _ placement: Placement, _ devices: [any Device], _ limits: PlanLimits) throws {
    let plan = try lower(graph, placement, limits: limits, layouts: devices.map(\.layout)) { _ in .f32 }
    try plan.requireFit(devices.map(\.layout))
    executor = try Executor(plan: plan, devices: devices, weights: RandomWeights(graph: graph))
  }

  /// The logits of the batch's outputs, row after row.
  func logits(_ batch: Batch) throws -> [Float] {
    var values = [Float](repeating: .nan, count: batch.outputs.count * vocabulary)
    _ = try values.withUnsafeMutableBufferPointer { try executor.execute(batch, logits: $0) }
    return values
  }

  /// The logits of every token of a text.
  func logits(_ tokens: [Int32], sequence: Int = 0) throws -> [Float] {
    var batch = Batch()
    for (position, token) in tokens.enumerated() {
      batch.append(token, position: position, sequence: sequence, wantsLogits: true)
    }
    return try logits(batch)
  }
}

func tokens(_ count: Int, vocabulary: Int = 64) -> [Int32] {
  (0..<count).map { Int32(($0 * 37 + 5) % vocabulary) }
}

func cpuDevices(_ list: String) throws -> [any Device] {
  try DeviceSelection.devices(list, topology: CPUTopology())
}

/// `count` devices of one core each; cores are shared where there are too few.
func oneCoreDevices(_ count: Int) throws -> [any Device] {
  let topology = try CPUTopology()
  return try (0..<count).map {
    try CPUDevice(
      id: DeviceID("core\($0)"), cores: [topology.cores[$0 % topology.cores.count]], topology: topology)
  }
}

/// The largest difference relative to the largest value.
func relativeDifference(_ a: [Float], _ b: [Float]) -> Float {
  let scale = b.map(abs).max() ?? 1
  return zip(a, b).map { abs($0 - $1) }.max()! / scale
}
