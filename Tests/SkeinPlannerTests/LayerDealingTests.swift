import SkeinPlanner
import SkeinTestSupport
import Testing

@Suite("Layers dealt by speed")
struct LayerDealingTests {
  @Test func layersAreDealtInRoundsAsFarAsTheBalanceAllows() {
    var generator = SplitMix64(state: 6)
    for _ in 0..<200 {
      let costs = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
        Double(Int.random(in: 1...9, using: &generator))
      }
      let parts = Int.random(in: 1...min(5, costs.count), using: &generator)
      let speeds = (0..<parts).map { _ in Double(Int.random(in: 1...4, using: &generator)) }
      let dealt = LayerDealing.dealtSplit(of: costs, speeds: speeds, mostRounds: 8)
      let single = LayerDealing.contiguousSplit(of: costs, speeds: speeds, into: parts)
      #expect(dealt.count == costs.count && Set(dealt) == Set(0..<parts))
      func longest(_ split: [Int]) -> Double {
        var sums = [Double](repeating: 0, count: parts)
        for (cost, part) in zip(costs, split) { sums[part] += cost / speeds[part] }
        return sums.max()!
      }
      #expect(longest(dealt) <= 1.03 * longest(single) + 1e-9)
    }
    let sixteen = [Double](repeating: 1, count: 16)
    #expect(LayerDealing.dealtSplit(of: sixteen, speeds: [1, 1], mostRounds: 8) == (0..<16).map { $0 % 2 })
    #expect(LayerDealing.dealtSplit(of: sixteen, speeds: [1, 1], mostRounds: 1) == (0..<16).map { $0 / 8 })
  }

  @Test func theDearestRunIsAsCheapAsCanBe() {
    var generator = SplitMix64(state: 5)
    for _ in 0..<200 {
      let costs = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
        Double(Int.random(in: 1...20, using: &generator))
      }
      let parts = Int.random(in: 1...costs.count, using: &generator)
      let speeds = (0..<parts).map { _ in Double(Int.random(in: 1...4, using: &generator)) }
      let runs = LayerDealing.contiguousSplit(of: costs, speeds: speeds, into: parts)
      #expect(runs == runs.sorted() && Set(runs) == Set(0..<parts))
      var sums = [Double](repeating: 0, count: parts)
      for (cost, run) in zip(costs, runs) { sums[run] += cost / speeds[run] }
      #expect(abs(sums.max()! - bruteForce(costs[...], speeds[...])) < 1e-9)
    }
  }

  private func bruteForce(_ costs: ArraySlice<Double>, _ speeds: ArraySlice<Double>) -> Double {
    let speed = speeds.first!
    if speeds.count == 1 { return costs.reduce(0) { $0 + $1 / speed } }
    return (1...(costs.count - speeds.count + 1)).map { count in
      max(
        costs.prefix(count).reduce(0) { $0 + $1 / speed },
        bruteForce(costs.dropFirst(count), speeds.dropFirst()))
    }.min()!
  }
}
