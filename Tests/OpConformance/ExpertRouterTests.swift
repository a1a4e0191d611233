import CKernels
import Testing

@Suite struct ExpertRouterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var experts: Int
    var chosen: Int
    var scoring = SKEIN_SCORING_SOFTMAX
    var hasBias = false
    var normalizes = false
    var scale: Float = 1
    var groups = 0
    var chosenGroups = 0
    var groupScore = SKEIN_GROUP_LARGEST
    var testDescription: String {
      "\(chosen) of \(experts), scoring \(scoring), \(chosenGroups)/\(groups) groups"
    }

    var arguments: skein_expert_router_args {
      var args = skein_expert_router_args()
      args.experts = Int32(experts)
      args.chosen = Int32(chosen)
      args.scoring = Int32(scoring)
      args.normalizes = normalizes
      args.scale = scale
      args.groups = Int32(groups)
      args.chosen_groups = Int32(chosenGroups)
      args.group_score = Int32(groupScore)
      return args
    }
  }

  static let cases = [
    Case(experts: 8, chosen: 2, normalizes: true),
    Case(experts: 1, chosen: 1),
    Case(experts: 60, chosen: 4, scale: 1.5),
    Case(experts: 128, chosen: 8, scoring: SKEIN_SCORING_SOFTMAX_OF_CHOSEN),
    Case(experts: 17, chosen: 17, normalizes: true),
    Case(experts: 160, chosen: 6, scale: 16, groups: 8, chosenGroups: 3),
    Case(
      experts: 256, chosen: 8, scoring: SKEIN_SCORING_SIGMOID, hasBias: true, normalizes: true, scale: 2.5,
      groups: 8, chosenGroups: 4, groupScore: SKEIN_GROUP_SUM_OF_TWO_LARGEST),
    Case(
      experts: 6, chosen: 2, scoring: SKEIN_SCORING_SIGMOID, hasBias: true, groups: 6, chosenGroups: 2,
      groupScore: SKEIN_GROUP_SUM_OF_TWO_LARGEST),
  ]

  private func choose(_ c: Case, _ logits: [Float], bias: [Float]?, set: String, piece: Int? = nil) -> [Float]
  {
    let tokens = logits.count / c.experts
    let input = GuardedBuffer(logits)
    let biases = bias.map { GuardedBuffer($0) }
    let y = GuardedBuffer<Float>(count: tokens * 2 * c.chosen, repeating: .nan)
    var args = c.arguments
    args.logits = UnsafePointer(input.pointer)
    args.bias = biases.map { UnsafePointer($0.pointer) }
    args.y = y.pointer
    run(
      kernels(set).expert_router, args, items: tokens, piece: piece,
      workspaceBytes: skein_expert_router_workspace_bytes(args.experts, args.groups))
    return y.array
  }

  /// Logits that differ by more than any rounding.
  private func logits(_ c: Case, tokens: Int) -> [Float] {
    var random = SeededGenerator(seed: UInt64(c.experts))
    return (0..<tokens).flatMap { _ in
      (0..<c.experts).shuffled(using: &random).map { Float($0) * 12 / Float(c.experts) - 6 }
    }
  }

  @Test(arguments: instructionSets, cases)
  func followsTheDefinition(set: String, routerCase c: Case) {
    let tokens = 7
    let logits = logits(c, tokens: tokens)
    // Small enough to change the choice of some, and never the same for two.
    let bias = (0..<c.experts).map { Float($0 * 7 % c.experts) * 0.3 / Float(c.experts) }
    let y = choose(c, logits, bias: c.hasBias ? bias : nil, set: set, piece: 3)
    #expect(sameBits(y, choose(c, logits, bias: c.hasBias ? bias : nil, set: set)))
    for token in 0..<tokens {
      let row = logits[token * c.experts..<(token + 1) * c.experts].map(Double.init)
      let (numbers, weights) = expected(c, row, bias: c.hasBias ? bias.map(Double.init) : nil)
      let mine = y[token * 2 * c.chosen..<(token + 1) * 2 * c.chosen]
      #expect(mine.prefix(c.chosen).map { Int($0) } == numbers)
      #expect(maximumRelativeError(Array(mine.suffix(c.chosen)), weights, elementwise: true) < 2e-6)
    }
  }

  /// In double, by sorting.
  private func expected(_ c: Case, _ logits: [Double], bias: [Double]?) -> ([Int], [Double]) {
    func softmax(_ x: [Double]) -> [Double] {
      let e = x.map { exponential($0 - x.max()!) }
      return e.map { $0 / e.reduce(0, +) }
    }
    let scores: [Double] =
      switch c.scoring {
      case SKEIN_SCORING_SOFTMAX: softmax(logits)
      case SKEIN_SCORING_SIGMOID: logits.map { 1 / (1 + exponential(-$0)) }
      default: logits
      }
    let choice = zip(scores, bias ?? scores.map { _ in 0 }).map { $0 + $1 }
    var open = Set(0..<c.experts)
    if c.groups > 1 {
      let size = c.experts / c.groups
      let best = (0..<c.groups).map { group in
        let sorted = choice[group * size..<(group + 1) * size].sorted(by: >)
        return c.groupScore == SKEIN_GROUP_LARGEST ? sorted[0] : sorted.prefix(2).reduce(0, +)
      }
      let groups = (0..<c.groups).sorted { best[$0] > best[$1] }.prefix(c.chosenGroups)
      open = Set(groups.flatMap { $0 * size..<($0 + 1) * size })
    }
    let numbers = Array(open.sorted { choice[$0] > choice[$1] }.prefix(c.chosen))
    var weights = numbers.map { scores[$0] }
    if c.scoring == SKEIN_SCORING_SOFTMAX_OF_CHOSEN { weights = softmax(weights) }
    let sum = c.normalizes ? weights.reduce(0, +) : 1
    return (numbers, weights.map { $0 / sum * Double(c.scale) })
  }

  /// Whatever the logits are, the numbers are different and exist; ties go to the lower number.
  @Test(arguments: instructionSets, cases)
  func numbersAreAlwaysGood(set: String, routerCase c: Case) {
    for value in [Float.nan, .infinity, -.infinity, 0, 1e30] {
      let y = choose(c, [Float](repeating: value, count: c.experts), bias: nil, set: set)
      let numbers = y.prefix(c.chosen).map { Int($0) }
      #expect(Set(numbers).count == c.chosen && numbers.allSatisfy { (0..<c.experts).contains($0) })
      if value == 0, c.groups <= 1 { #expect(numbers == Array(0..<c.chosen)) }
    }
    var mixed = logits(c, tokens: 1)
    mixed[0] = .nan
    let y = choose(c, mixed, bias: nil, set: set)
    #expect(Set(y.prefix(c.chosen)).count == c.chosen)
  }

  @Test func tokensAreGroupedByExpert() {
    let choice: [Float] = [5, 2, 0.5, 0.25, 2, 7, 1, 2, 5, 2, 3, 4]
    var (numbers, starts) = ([Int32](repeating: -1, count: 8), [Int32](repeating: -1, count: 9))
    var (tokens, weights) = ([Int32](repeating: -1, count: 6), [Float](repeating: -1, count: 6))
    var groups = skein_expert_groups()
    numbers.withUnsafeMutableBufferPointer { n in
      starts.withUnsafeMutableBufferPointer { s in
        tokens.withUnsafeMutableBufferPointer { t in
          weights.withUnsafeMutableBufferPointer { w in
            groups.experts = n.baseAddress
            groups.starts = s.baseAddress
            groups.tokens = t.baseAddress
            groups.weights = w.baseAddress
            skein_group_by_expert(choice, 3, 2, 8, nil, &groups)
          }
        }
      }
    }
    #expect(groups.count == 3 && groups.slots == 6)
    #expect(numbers.prefix(3) == [2, 5, 7] && starts.prefix(4) == [0, 3, 5, 6])
    #expect(tokens == [0, 1, 2, 0, 2, 1] && weights == [0.25, 1, 4, 0.5, 3, 2])
  }
}
