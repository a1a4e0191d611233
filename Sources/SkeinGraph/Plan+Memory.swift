extension Plan {
  /// The pools of memory of which the plan needs more than they have, in the order of their first devices.
  ///
  /// - Parameter layouts: a layout for each device of the plan, in its order.
  public func shortages(_ layouts: [any DeviceLayout]) -> [MemoryShortage] {
    var seen: Set<String> = []
    return layouts.filter { seen.insert($0.memoryPool).inserted }.compactMap { first in
      let members = layouts.indices.filter { layouts[$0].memoryPool == first.memoryPool }
      let needed = members.reduce(0) { $0 + byteCount(device: $1) }
      guard needed > first.memoryBytes else { return nil }
      return MemoryShortage(
        devices: members.map { layouts[$0].id }, neededBytes: needed, availableBytes: first.memoryBytes,
        report: members.map(memoryReport).joined(separator: "; "))
    }
  }

  /// Throws where the devices of a pool of memory together need more than it has.
  public func requireFit(_ layouts: [any DeviceLayout]) throws(GraphError) {
    let shortages = shortages(layouts)
    guard let first = shortages.first else { return }
    let message =
      shortages.count == 1
      ? first.description : shortages.map { "\($0.place) \($0.description)" }.joined(separator: "; ")
    throw GraphError(
      .doesNotFit, message + ". Use a shorter --context, a smaller format or more devices",
      at: shortages.map(\.place).joined(separator: ", "))
  }

  private func memoryReport(device index: Int) -> String {
    let plan = devices[index]
    let parts = Region.allCases.map {
      "\($0) \(plan.regionBytes[$0, default: 0] * plan.copies(of: $0, limits: limits))"
    }
    return "\(plan.device): \(parts.joined(separator: ", "))"
  }
}

/// A pool of memory of which a plan needs more than there is.
public struct MemoryShortage: Hashable, Sendable, CustomStringConvertible {
  /// The devices whose memory it is.
  public var devices: [DeviceID]
  /// Bytes that they need together.
  public var neededBytes: Int
  /// Bytes that plans may take.
  public var availableBytes: Int
  /// What each device needs, by region.
  public var report: String

  /// The devices by name.
  public var place: String { devices.map(\.name).joined(separator: ", ") }

  /// By how much, and what takes it.
  public var description: String {
    "needs \(neededBytes) bytes and has \(availableBytes): it lacks \(neededBytes - availableBytes)"
      + " (\(report))"
  }
}
