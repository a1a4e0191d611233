import SkeinGraph

/// A placement with its plan and price.
public struct PricedPlacement: Sendable {
  /// What runs where.
  public var placement: Placement
  /// What each device holds and does.
  public var plan: Plan
  /// What it takes.
  public var price: PlanPrice
  /// The strategy that proposed it.
  public var strategy: String

  /// Seconds of the request: what plans are compared by.
  public var seconds: Double { price.requestSeconds }

  /// What tells placements of different kinds apart.
  var key: [String] { [strategy] + placement.devices.map(\.name).sorted() }
}

/// A set of devices that nothing was found for.
public struct RejectedPlacement: Hashable, Sendable {
  /// The devices.
  public var devices: [DeviceID]
  /// Why.
  public var reason: String
}

/// A device that the best plan does without.
public struct LeftOutDevice: Hashable, Sendable {
  /// The device.
  public var device: DeviceID
  /// By what part a request would take longer with it; nil where no plan with it fits.
  public var costShare: Double?
  /// Why.
  public var reason: String

  /// `cuda:3 would cost 12%: the link to it is 0.3 GB/s`
  public var description: String {
    guard let costShare else { return "\(device) is left out: \(reason)" }
    return "\(device) would cost \(Figures.percent(costShare)): \(reason)"
  }
}

/// What the planner found.
public struct PlanningResult: Sendable {
  /// The fastest that fits.
  public var chosen: PricedPlacement
  /// The best of other sets of devices and strategies, fastest first.
  public var alternatives: [PricedPlacement]
  /// Devices that the chosen plan does without.
  public var leftOut: [LeftOutDevice]
  /// Sets of devices that nothing fits.
  public var rejected: [RejectedPlacement]
}

/// Figures for people.
enum Figures {
  /// `12%`, `0.4%`
  static func percent(_ share: Double) -> String {
    let value = share * 100
    return abs(value) < 1 ? "\((value * 10).rounded() / 10)%" : "\(Int(value.rounded()))%"
  }

  /// `0.3 GB/s`
  static func rate(_ bytesPerSecond: Double) -> String { "\((bytesPerSecond / 1e8).rounded() / 10) GB/s" }

  /// `12 us`
  static func time(_ seconds: Double) -> String {
    seconds < 1e-3 ? "\((seconds * 1e7).rounded() / 10) us" : "\((seconds * 1e4).rounded() / 10) ms"
  }
}
