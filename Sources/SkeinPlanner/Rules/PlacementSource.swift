import SkeinGraph
import SkeinModels

/// What a placement file is resolved against: a model's modules, and the devices that there are.
public struct PlacementContext: Sendable {
  /// The model.
  public var modules: ModuleTree
  /// The names of the devices that there are; nil where any name will do.
  public var knownDevices: [DeviceID]?
  /// Where modules go that no rule names; nil to take that for an error.
  public var defaultDevice: DeviceID?
  /// What files of other programs call `cpu`.
  public var hostDevice: DeviceID

  /// A model and devices.
  public init(
    modules: ModuleTree, knownDevices: [DeviceID]? = nil, defaultDevice: DeviceID? = nil,
    hostDevice: DeviceID = DeviceID("cpu")
  ) {
    self.modules = modules
    self.knownDevices = knownDevices
    self.defaultDevice = defaultDevice
    self.hostDevice = hostDevice
  }
}

/// Rules that say what runs where, in the form of one program or another.
public protocol PlacementSource: Sendable {
  /// The file, for messages.
  var path: String { get }
  /// What the rules make of a model: a pure function.
  ///
  /// - Throws: `PlannerError` where an expression takes too long to search for.
  func evaluate(_ context: PlacementContext) throws(PlannerError) -> PlacementEvaluation
}

extension PlacementSource {
  /// All that is wrong with the rules, by line.
  ///
  /// - Throws: `PlannerError` where an expression takes too long to search for.
  public func lint(_ context: PlacementContext) throws(PlannerError) -> [Finding] {
    try evaluate(context).findings
  }

  /// The placement that the rules describe, and what is worth a warning.
  ///
  /// - Throws: `PlannerError` with the first finding that is an error, if there is one.
  public func resolve(_ context: PlacementContext) throws(PlannerError) -> (Placement, [Finding]) {
    let evaluation = try evaluate(context)
    if let error = evaluation.findings.first(where: { $0.severity == .error }) {
      throw PlannerError(.invalidRule, error.message, path: path, line: error.line)
    }
    return (evaluation.placement, evaluation.findings)
  }
}

/// A part of a node on a device, by the device's name.
public struct DeviceShare: Hashable, Sendable {
  /// The device.
  public var device: DeviceID
  /// The part; all parts of a node sum to 1.
  public var fraction: Double
  /// Of a mixture, the experts that the device has; nil where only the fraction is asked for. In a rule it may be
  /// empty, for those that no other share of the rule names, and the fraction is left open.
  public var experts: ExpertSet?

  /// A part on a device; the whole by default.
  public init(_ device: DeviceID, fraction: Double = 1, experts: ExpertSet? = nil) {
    self.device = device
    self.fraction = fraction
    self.experts = experts
  }
}

/// What rules make of a model.
public struct PlacementEvaluation: Sendable {
  /// For each node of the graph, by its index, where it runs; empty where nothing says so.
  public var shares: [[DeviceShare]]
  /// The nodes whose weights are brought to their device for each pass.
  public var streamed: Set<NodeID>
  /// The order that devices are named in.
  public var deviceOrder: [DeviceID]
  /// What is wrong, by line.
  public var findings: [Finding]
  /// For files that give modules several devices (KTransformers), the devices of each, by its index in the tree;
  /// empty otherwise.
  public var moduleDevices: [ModuleDevices] = []

  /// The table of shares. Nodes without a device have no share in it.
  public var placement: Placement {
    var used: Set<DeviceID> = []
    for shares in shares { used.formUnion(shares.map(\.device)) }
    var devices: [DeviceID] = []
    for device in deviceOrder + used.sorted() where used.remove(device) != nil { devices.append(device) }
    let places = Dictionary(uniqueKeysWithValues: zip(devices, devices.indices))
    return Placement(
      devices: devices,
      shares: shares.map {
        $0.map { Share(device: places[$0.device]!, fraction: $0.fraction, experts: $0.experts) }
      },
      streamed: streamed)
  }
}

/// The devices that a KTransformers file gives a module.
public struct ModuleDevices: Hashable, Sendable {
  /// The module.
  public var module: String
  /// The line of the rule that it comes from; nil where no rule names the module.
  public var line: Int?
  /// Where it runs while tokens are generated: what Skein's placement takes.
  public var generate: DeviceID
  /// Where it runs while a prompt is read.
  public var prefill: DeviceID
  /// Where its result is put.
  public var output: DeviceID
}
