import SkeinGraph

/// What one device of a plan holds, for people.
public struct PlacementPart: Hashable, Sendable {
  /// The device's name.
  public var device: String
  /// `embedding, layers 0-7`
  public var contents: String
  /// Bytes that the device has reserved.
  public var bytes: Int
}

extension Model {
  /// What each device of the plan holds, in its order.
  public var placementSummary: [PlacementPart] {
    plan.devices.indices.map { index in
      let nodes = plan.devices[index].steps.filter { $0.kind == .compute }.map { plan.graph[$0.node] }
      var parts: [String] = []
      if nodes.contains(where: { $0.name.role == .tokenEmbedding }) { parts.append("embedding") }
      let layers = Set(nodes.compactMap(\.name.layer)).sorted()
      if let runs = Model.runs(of: layers) { parts.append("layers \(runs)") }
      if nodes.contains(where: { $0.name.role == .head }) { parts.append("head") }
      return PlacementPart(
        device: plan.devices[index].device.name, contents: parts.joined(separator: ", "),
        bytes: plan.byteCount(device: index))
    }
  }

  /// `0-3, 6` for 0, 1, 2, 3 and 6.
  private static func runs(of numbers: [Int]) -> String? {
    guard var first = numbers.first else { return nil }
    var runs: [String] = []
    for (index, number) in numbers.enumerated() {
      let isLast = index == numbers.count - 1 || numbers[index + 1] != number + 1
      guard isLast else { continue }
      runs.append(first == number ? "\(number)" : "\(first)-\(number)")
      if index < numbers.count - 1 { first = numbers[index + 1] }
    }
    return runs.joined(separator: ", ")
  }
}
