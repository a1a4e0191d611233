import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinTensor

@testable import SkeinPlanner

/// The files of `Examples/fleets`, from which the published cases are planned.
enum PublishedCases {
  private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")

  /// The path of a file there.
  static func path(_ name: String) -> String { root + "/Examples/fleets/" + name }

  /// The text of a file there.
  static func text(_ name: String) throws -> String { try contents(path(name)) }

  /// `docs/planner.md`, which has the figures.
  static func document() throws -> String { try contents(root + "/docs/planner.md") }

  private static func contents(_ path: String) throws -> String {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
  }

  /// A fleet of which the first devices take part; all of them without a count.
  static func fleet(_ name: String, count: Int? = nil) throws -> Fleet {
    var fleet = try Fleet(yaml: try text(name), path: name)
    if let count { fleet.devices = Array(fleet.devices.prefix(count)) }
    return fleet
  }

  /// A model on a fleet, as `skein plan --fleet` plans it.
  static func problem(
    _ model: ConfiguredModel, _ fleet: Fleet, request: RequestShape, contextTokens: Int = 32_768,
    passesInFlight: Int? = nil, usesAllDevices: Bool = false
  ) -> PlanningProblem {
    let ids = model.graph.weights.indices.map { WeightID($0) }
    let adapted = fleet.adapted(to: model.weights)
    var problem = PlanningProblem(
      model: PricedModel(
        graph: model.graph, types: ids.map { model.type(of: $0) },
        weightBytes: ids.map { model.byteCount(of: $0) }),
      fleet: adapted, layouts: adapted.layouts(weights: model.weights),
      limits: PlanLimits(tokensPerPass: 512, contextTokens: contextTokens), request: request,
      usesAllDevices: usesAllDevices, passesInFlight: passesInFlight)
    problem.plainFleet = fleet
    return problem
  }
}

extension PlanningProblem {
  /// Runs of whole layers, so many on each device in the fleet's order.
  func layers(_ counts: [Int]) -> Placement {
    var end = 0
    let ends = counts.map { count in
      end += count
      return end
    }
    return Pipeline(devices: Array(counts.indices), ends: ends).placement(self)
  }
}
