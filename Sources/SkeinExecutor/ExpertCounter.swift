import SkeinDevices
import SkeinGraph

/// How often the routers that run on one device chose each expert. Written by its worker, read when no pass is in
/// flight.
final class ExpertCounter: @unchecked Sendable {
  private struct Router {
    var layer: Int
    var router: ExpertRouter
    var first: Int
  }
  /// For each step of the device its router, if it is one.
  private let routers: [Router?]
  private let counts: UnsafeMutableBufferPointer<Int>
  /// What the router's result is read into.
  private let choice: UnsafeMutableBufferPointer<Float>

  init(_ plan: Plan, device: Int) {
    var count = 0
    var values = 0
    routers = plan.devices[device].steps.map { step in
      let node = plan.graph[step.node]
      // Where several devices compute a router for themselves, the first counts.
      guard step.kind == .compute, case .expertRouter(let router) = node.op, let layer = node.name.layer,
        plan.placement.shares[node.id.index].first?.device == device
      else { return nil }
      defer { count += router.expertCount }
      let rows = node.rows.count(tokens: plan.limits.tokensPerPass, outputs: plan.limits.outputsPerPass)
      values = max(values, rows * node.width)
      return Router(layer: layer, router: router, first: count)
    }
    counts = .allocate(capacity: count)
    counts.initialize(repeating: 0)
    choice = .allocate(capacity: values)
    choice.initialize(repeating: 0)
  }

  deinit {
    counts.deallocate()
    choice.deallocate()
  }

  /// Counts what a step chose, if it is a router's.
  ///
  /// - Parameter offset: of the step's result in the device's memory.
  func count(
    step: Int, rows: Int, at offset: @autoclosure () -> Int, from queue: any DeviceQueue
  ) throws(DeviceError) {
    guard let router = routers[step], rows > 0 else { return }
    let width = router.router.resultWidth
    let bytes = UnsafeMutableRawBufferPointer(choice)
    try queue.read(offset(), into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(rows * width * 4)]))
    for row in 0..<rows {
      for index in 0..<router.router.chosenCount {
        let number = choice[row * width + index]
        guard number >= 0, number < Float(router.router.expertCount) else { continue }
        counts[router.first + Int(number)] += 1
      }
    }
  }

  /// What was counted, by layer.
  var layers: [ExpertUsage.Layer] {
    routers.compactMap { router in
      router.map {
        ExpertUsage.Layer(
          layer: $0.layer, counts: Array(counts[$0.first..<$0.first + $0.router.expertCount]))
      }
    }
  }
}
