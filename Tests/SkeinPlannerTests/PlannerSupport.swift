import SkeinGraph
import SkeinTensor
import SkeinTestSupport

@testable import SkeinPlanner

/// A device that holds weights as they are stored.
struct PlainLayout: DeviceLayout {
  var id: DeviceID
  var memoryBytes: Int
  var memoryPool: String

  func byteCount(of weight: Weight, type: ElementType) -> Int {
    (type.rowBytes(elementCount: weight.shape.columns) ?? 0) * weight.shape.rows
  }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { node.op == .linear ? 4096 : 0 }
}

extension DeviceRates {
  /// Rates of a device that reads and computes at these speeds.
  static func simple(bytesPerSecond: Double, operationsPerSecond: Double, stepSeconds: Double = 1e-6) -> Self
  {
    DeviceRates(
      linear: [
        "F16": LinearRate(
          bytesPerSecond: bytesPerSecond, bytesPerElement: 2, operationsPerSecond: operationsPerSecond)
      ],
      attentionOperationsPerSecond: operationsPerSecond / 4, attentionBytesPerSecond: bytesPerSecond,
      activationBytesPerSecond: bytesPerSecond, stepSeconds: stepSeconds)
  }
}

extension PricedModel {
  /// All weights in F16.
  static func f16(_ graph: Graph) -> PricedModel {
    PricedModel(
      graph: graph, types: graph.weights.map { _ in .f16 },
      weightBytes: graph.weights.map { ($0.shape.elementCount ?? 0) * 2 })
  }

  /// Bytes of all weights.
  var totalBytes: Int { weightBytes.reduce(0, +) }
}

extension SplitMix64 {
  /// Between two bounds, every factor as likely as any other.
  mutating func logUniform(_ low: Double, _ high: Double) -> Double {
    let part = Double.random(in: 0...1, using: &self)
    var value = low
    // 2^x by squaring roots would do; the product of many small factors is as good.
    for _ in 0..<1024 { value *= 1 + part * ((high / low).logarithm / 1024) }
    return min(value, high)
  }

  /// Devices of random speed, memory and links.
  mutating func fleet(deviceCount: Int, modelBytes: Int) -> Fleet {
    let devices = (0..<deviceCount).map { index in
      let bandwidth = logUniform(20e9, 2e12)
      return DeviceProfile(
        id: DeviceID("gpu:\(index)"), kind: .gpu, hardware: "random",
        memoryBytes: Int(logUniform(0.15, 3) * Double(modelBytes)),
        rates: .simple(
          bytesPerSecond: bandwidth, operationsPerSecond: bandwidth * logUniform(10, 200),
          stepSeconds: logUniform(5e-7, 1e-5)))
    }
    var links: [Fleet.Link] = []
    for source in devices {
      for destination in devices where source.id != destination.id {
        links.append(
          Fleet.Link(
            source: source.id.name, destination: destination.id.name,
            rate: .init(bytesPerSecond: logUniform(0.1e9, 50e9), latencySeconds: logUniform(1e-6, 1e-4))))
      }
    }
    return Fleet(devices: devices, links: links)
  }
}

extension Double {
  /// The natural logarithm, by its series around powers of two.
  fileprivate var logarithm: Double {
    let y = (significand - 1) / (significand + 1)
    var sum = 0.0
    var power = y
    for index in 0..<20 {
      sum += power / Double(2 * index + 1)
      power *= y * y
    }
    return 2 * sum + Double(exponent) * 0.693_147_180_559_945_3
  }
}

/// A planning problem over a fleet, with plain layouts.
func problem(
  _ model: PricedModel, _ fleet: Fleet, request: RequestShape = RequestShape(promptTokens: 512, genTokens: 64)
) -> PlanningProblem {
  PlanningProblem(
    model: model, fleet: fleet,
    layouts: fleet.devices.map {
      PlainLayout(id: $0.id, memoryBytes: $0.memoryBytes, memoryPool: $0.memoryPool)
    },
    limits: PlanLimits(tokensPerPass: 256, contextTokens: 1024), request: request)
}
