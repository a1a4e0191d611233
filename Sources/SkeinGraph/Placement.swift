/// A device by name: `cpu:0`, `cuda:1`.
public struct DeviceID: Hashable, Sendable, CustomStringConvertible, Comparable {
  /// The name that people write.
  public let name: String
  /// The device called `name`.
  public init(_ name: String) { self.name = name }
  /// The name.
  public var description: String { name }
  /// Order of names.
  public static func < (a: DeviceID, b: DeviceID) -> Bool { a.name < b.name }
}

/// A part of a node's work on one device.
public struct Share: Hashable, Sendable {
  /// Index into `Placement.devices`.
  public var device: Int
  /// Part of the node's work; the shares of a node sum to 1.
  public var fraction: Double
  /// Of a mixture, the experts that the share has; nil where only the fraction is asked for. Either all shares
  /// of a node name their experts or none.
  public var experts: ExpertSet?

  /// A share on a device.
  public init(device: Int, fraction: Double, experts: ExpertSet? = nil) {
    self.device = device
    self.fraction = fraction
    self.experts = experts
  }
}

/// Where each node of a graph runs: a table beside the graph.
///
/// One share is whole placement; several are a split. Layer split, module rules, expert offload and tensor
/// parallelism are all just placements.
public struct Placement: Hashable, Sendable {
  /// The devices that take part.
  public var devices: [DeviceID]
  /// For each node of the graph, by its index, its shares.
  public var shares: [[Share]]
  /// The nodes whose weights do not rest on their device: they are brought there for each pass.
  public var streamed: Set<NodeID>

  /// A table of shares.
  public init(devices: [DeviceID], shares: [[Share]], streamed: Set<NodeID> = []) {
    self.devices = devices
    self.shares = shares
    self.streamed = streamed
  }

  /// The device that runs the whole of `node`, or nil where it is split.
  public func device(of node: NodeID) -> Int? {
    let shares = shares[node.index]
    return shares.count == 1 ? shares[0].device : nil
  }
}
