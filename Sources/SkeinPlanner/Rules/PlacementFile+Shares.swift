import SkeinGraph

/// Why a rule's shares are none of a node.
struct ShareError: Error {
  var message: String
}

extension PlacementFile.Rule {
  /// The shares of a node that the rule matches.
  func shares(of node: Node) throws(ShareError) -> [DeviceShare] {
    let named = shares.filter { $0.experts != nil }
    guard case .experts(let experts) = node.op else {
      if named.isEmpty { return normalizedShares }
      throw ShareError(
        message: "has no experts; give it devices without lists of experts in a rule before this")
    }
    if !named.isEmpty { return try self.named(experts) }
    if shares.count == 1 || cut == .width { return normalizedShares }
    guard let sets = ExpertSet.runs(count: experts.expertCount, fractions: shares.map(\.fraction)) else {
      throw ShareError(message: "has \(experts.expertCount) experts, fewer than devices")
    }
    return zip(shares, sets).map { DeviceShare($0.device, $1, of: experts) }
  }

  /// Shares that sum to exactly 1, where they nearly do.
  private var normalizedShares: [DeviceShare] {
    let sum = shares.reduce(0) { $0 + $1.fraction }
    guard sum != 1, abs(sum - 1) <= PlacementFile.shareTolerance else { return shares }
    return shares.map { DeviceShare($0.device, fraction: $0.fraction / sum) }
  }

  /// Every expert exactly once.
  private func named(_ experts: Experts) throws(ShareError) -> [DeviceShare] {
    var rest = Set(0..<experts.expertCount)
    for share in shares {
      guard let set = share.experts else {
        throw ShareError(message: "has shares by fraction and by expert in one rule; write all in one way")
      }
      for number in set.numbers where rest.remove(number) == nil {
        throw ShareError(
          message: number < experts.expertCount
            ? "has expert \(number) on two devices"
            : "has no expert \(number); the last is \(experts.expertCount - 1)")
      }
    }
    let open = shares.filter { $0.experts?.count == 0 }
    if open.isEmpty, let number = rest.min() {
      throw ShareError(message: "has expert \(number) on no device; give one of the devices the `rest`")
    }
    if open.count > 1 || (open.count == 1 && rest.isEmpty) {
      throw ShareError(message: "has no rest for \(open[open.count - 1].device); leave it out")
    }
    return shares.map {
      DeviceShare($0.device, $0.experts!.count == 0 ? ExpertSet(rest) : $0.experts!, of: experts)
    }
  }
}

extension DeviceShare {
  /// Experts of a mixture, with the fraction that they are.
  init(_ device: DeviceID, _ set: ExpertSet, of experts: Experts) {
    self.init(device, fraction: Double(set.count) / Double(experts.expertCount), experts: set)
  }
}
