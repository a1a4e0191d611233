import SkeinGraph

/// Devices with the links among them: all that the planner knows of a machine, whether it is here or not.
public struct Fleet: Hashable, Sendable {
  /// The devices, in the order that people named them.
  public var devices: [DeviceProfile]
  /// The links that were stated or measured, each in one direction.
  public var links: [Link]
  /// A link where none is stated.
  public var defaultLink: LinkRate
  /// What sharing costs devices of one memory pool: by the pool's name, the part of its own speed that a device
  /// keeps while one other device of the pool is busy as well.
  public var sharedSpeed: [String: Double]

  /// How fast one device's memory reaches another.
  public struct Link: Hashable, Sendable, Codable {
    /// Where bytes come from.
    public var source: String
    /// Where they go.
    public var destination: String
    /// How fast.
    public var rate: LinkRate

    /// A link in one direction.
    public init(source: String, destination: String, rate: LinkRate) {
      self.source = source
      self.destination = destination
      self.rate = rate
    }
  }

  /// The speed of a link.
  public struct LinkRate: Hashable, Sendable, Codable {
    /// Bytes a second of a large copy.
    public var bytesPerSecond: Double
    /// Seconds from the end of one device's step to the start of the other's, for a copy of no bytes.
    public var latencySeconds: Double

    /// A speed.
    public init(bytesPerSecond: Double, latencySeconds: Double) {
      self.bytesPerSecond = bytesPerSecond
      self.latencySeconds = latencySeconds
    }
  }

  /// A fleet.
  public init(
    devices: [DeviceProfile], links: [Link] = [],
    defaultLink: LinkRate = LinkRate(bytesPerSecond: 12e9, latencySeconds: 10e-6),
    sharedSpeed: [String: Double] = [:]
  ) {
    self.devices = devices
    self.links = links
    self.defaultLink = defaultLink
    self.sharedSpeed = sharedSpeed
  }

  /// The link from one device to another, by their places in `devices`.
  public func link(from source: Int, to destination: Int) -> LinkRate {
    let (from, to) = (devices[source].id.name, devices[destination].id.name)
    return links.last { $0.source == from && $0.destination == to }?.rate ?? defaultLink
  }

  /// The link over which weights that do not rest on a device come: a copy in its own memory for a processor,
  /// else the link from the first processor, or from `host`.
  public func hostLink(to destination: Int) -> LinkRate {
    let device = devices[destination]
    if device.kind == .cpu {
      return LinkRate(bytesPerSecond: device.rates.activationBytesPerSecond / 2, latencySeconds: 0)
    }
    if let link = links.last(where: { $0.source == "host" && $0.destination == device.id.name }) {
      return link.rate
    }
    return devices.firstIndex { $0.kind == .cpu }.map { link(from: $0, to: destination) } ?? defaultLink
  }
}
