import SkeinTensor

extension ExpertSet {
  /// Cuts experts 0 ..< count into runs, one for each fraction, as near to the fractions as whole experts allow
  /// (largest remainder), each with at least one; nil where there are fewer experts than fractions.
  public static func runs(count: Int, fractions: [Double]) -> [ExpertSet]? {
    guard let sizes = apportion(count, fractions) else { return nil }
    var first = 0
    return sizes.map { size in
      defer { first += size }
      return ExpertSet(first..<first + size)
    }
  }
}

/// Whole units for each of some fractions that sum to about 1: the nearest by largest remainder, each at least
/// one; nil where there are too few units.
func apportion(_ units: Int, _ fractions: [Double]) -> [Int]? {
  guard units >= fractions.count, !fractions.isEmpty else { return nil }
  let sum = fractions.reduce(0, +)
  let exact = fractions.map { $0 / sum * Double(units) }
  var sizes = exact.map { Int($0) }
  let byRemainder = fractions.indices.sorted {
    let (a, b) = (exact[$0] - Double(sizes[$0]), exact[$1] - Double(sizes[$1]))
    return a != b ? a > b : $0 < $1
  }
  for index in byRemainder.prefix(max(units - sizes.reduce(0, +), 0)) { sizes[index] += 1 }
  while let empty = sizes.firstIndex(of: 0) {
    let largest = sizes.indices.max { sizes[$0] < sizes[$1] }!
    sizes[largest] -= 1
    sizes[empty] += 1
  }
  return sizes
}

/// Cuts a mixture between the devices of its shares.
///
/// Where the shares name their experts, so. Else every expert is cut, if its inner values can be cut about at the
/// fractions: whichever experts a token chooses, each device then has its part of the work, while whole experts
/// leave it to chance (of 4 chosen from 32 in two halves, the busier device has 2.7 on average). Where the blocks
/// of the weights' format are too large for that, whole experts are dealt.
struct ExpertSplit {
  /// Inner values are cut at multiples of this many: a vector, and what the activations' rounding goes with.
  static let innerUnit = 32
  /// How much farther from the fractions a cut of every expert may be than one of whole experts.
  static let tolerance = 0.05

  let node: Node
  let experts: Experts
  let shares: [Share]
  /// The format of down, whose columns the inner values are.
  let innerType: ElementType

  /// The parts in the order of the shares.
  func slices() throws(GraphError) -> [ExpertSlice] {
    if shares.contains(where: { $0.experts != nil }) { return try named() }
    let fractions = shares.map(\.fraction)
    let byInner = inner(fractions)
    let byExpert = whole(fractions)
    switch (byInner, byExpert) {
    case (nil, nil):
      throw fail(
        "\(fractions.count) devices cannot share \(experts.expertCount) experts of \(experts.expertWidth)"
          + " values; give it to fewer")
    case (let slices?, nil), (nil, let slices?): return slices
    case (let byInner?, let byExpert?):
      return error(of: byInner) <= error(of: byExpert) + Self.tolerance ? byInner : byExpert
    }
  }

  private func fail(_ message: String) -> GraphError {
    GraphError(.invalidPlacement, message, at: node.name.description)
  }

  /// The largest difference between a part and its share.
  private func error(of parts: [ExpertSlice]) -> Double {
    let all = Double(experts.expertCount * experts.expertWidth)
    return zip(parts, shares).map {
      abs(Double($0.experts.count * $0.inner.count) / all - $1.fraction)
    }.max() ?? 0
  }

  /// Experts that the shares name: each exactly once.
  private func named() throws(GraphError) -> [ExpertSlice] {
    var owners = [Int](repeating: 0, count: experts.expertCount)
    for share in shares {
      guard let set = share.experts, set.count > 0 else {
        throw fail("some of its shares name their experts; all must")
      }
      for number in set.numbers {
        guard owners.indices.contains(number) else {
          throw fail("there is no expert \(number); there are \(experts.expertCount), from 0")
        }
        owners[number] += 1
      }
    }
    if let twice = owners.firstIndex(where: { $0 > 1 }) { throw fail("expert \(twice) is in two shares") }
    if let none = owners.firstIndex(of: 0) { throw fail("no share has expert \(none)") }
    return shares.map {
      ExpertSlice(experts: $0.experts!, inner: 0..<experts.expertWidth)
    }
  }

  private func inner(_ fractions: [Double]) -> [ExpertSlice]? {
    // What a node takes beside its three stacks would have to be cut as well.
    guard node.weights.count == 3 else { return nil }
    let unit = max(Self.innerUnit, innerType.blockElementCount)
    let units = experts.expertWidth.dividedUp(by: unit)
    guard let sizes = apportion(units, fractions) else { return nil }
    var first = 0
    return sizes.map { size in
      let end = min(first + size * unit, experts.expertWidth)
      defer { first = end }
      return ExpertSlice(experts: experts.whole.experts, inner: first..<end)
    }
  }

  private func whole(_ fractions: [Double]) -> [ExpertSlice]? {
    ExpertSet.runs(count: experts.expertCount, fractions: fractions)?.map {
      ExpertSlice(experts: $0, inner: 0..<experts.expertWidth)
    }
  }
}
