import SkeinGraph
import SkeinTensor

/// What the planner is asked: a model, the devices there are, the sizes to run with, and the request to be
/// fast at.
public struct PlanningProblem: Sendable {
  /// The model with the formats and sizes of its weights.
  public var model: PricedModel
  /// The devices with their speeds and links.
  public var fleet: Fleet
  /// The devices with the speeds that they have for stored formats, where `fleet` was adapted to an average number
  /// of bits; nil where it was not. For remedies that change the format.
  public var plainFleet: Fleet?
  /// How each device of the fleet lays out what it holds, in the fleet's order.
  public var layouts: [any DeviceLayout]
  /// The sizes to run with. Passes in flight are the planner's to choose.
  public var limits: PlanLimits
  /// The request to be fast at.
  public var request: RequestShape
  /// Whether every device must take part, where there are layers enough.
  public var usesAllDevices: Bool
  /// Passes in flight that were asked for; nil for as many as devices.
  public var passesInFlight: Int?
  /// Whether devices may share layers, which changes the last bits of logits.
  public var sharesLayers = true

  /// A problem.
  public init(
    model: PricedModel, fleet: Fleet, layouts: [any DeviceLayout], limits: PlanLimits,
    request: RequestShape = RequestShape(), usesAllDevices: Bool = false, passesInFlight: Int? = nil
  ) {
    precondition(layouts.map(\.id) == fleet.devices.map(\.id), "layouts of other devices")
    self.model = model
    self.fleet = fleet
    self.layouts = layouts
    self.limits = limits
    self.request = request
    self.usesAllDevices = usesAllDevices
    self.passesInFlight = passesInFlight
  }

  /// The limits of a plan over so many devices.
  func limits(deviceCount: Int) -> PlanLimits {
    var limits = limits
    limits.passesInFlight = passesInFlight ?? deviceCount
    return limits
  }

  /// Lowers a placement over devices of the fleet.
  public func lower(_ placement: Placement) throws(GraphError) -> Plan {
    let used = placement.devices.map { id in layouts.first { $0.id == id } }
    return try SkeinGraph.lower(
      model.graph, placement, limits: limits(deviceCount: placement.devices.count),
      layouts: used.compactMap { $0 }, type: { model.types[$0.index] },
      mapping: { model.mapping.isEmpty ? nil : model.mapping[$0.index] })
  }

  /// Lowers and prices; throws where it does not fit.
  public func price(_ placement: Placement) throws(GraphError) -> (plan: Plan, price: PlanPrice) {
    let plan = try lower(placement)
    try plan.requireFit(placement.devices.compactMap { id in layouts.first { $0.id == id } })
    return (plan, plan.price(model, on: fleet, request: request))
  }
}

/// A placement that a strategy proposes.
public struct Candidate: Sendable {
  /// What runs where.
  public var placement: Placement
  /// What the strategy takes it to cost, in seconds of the request.
  public var estimatedSeconds: Double
  /// Whether the walk over its plan is certain to find the same.
  public var isExact: Bool
  /// The strategy's name.
  public var strategy: String

  /// A proposal.
  public init(placement: Placement, estimatedSeconds: Double, isExact: Bool, strategy: String) {
    self.placement = placement
    self.estimatedSeconds = estimatedSeconds
    self.isExact = isExact
    self.strategy = strategy
  }
}

/// One way to spread a model over devices. Each is a file in `Strategies/`; the planner tries all on every
/// subset of the devices, and prices what they propose.
public protocol Strategy: Sendable {
  /// A word for it.
  var name: String { get }
  /// The best placements that it knows that use all these devices (places in the fleet, rising), in whatever
  /// order; none where it does not apply. Must not depend on the rest of the fleet: so the plan for a fleet is
  /// never slower than the plan for a part of it.
  func candidates(_ problem: PlanningProblem, _ costs: CostTables, devices: [Int]) -> [Candidate]
}

/// All strategies. To add one: write its file, add its line here.
let strategies: [any Strategy] = [
  LayerPipeline(), InterleavedLayers(), HostExperts(), TensorSplit(),
]
