/// Which experts of a mixture each token goes to, and with what weight.
///
/// The result has `2 * chosenCount` values a token: the numbers of the chosen experts, as floats, the one with
/// the highest score first, then their weights in the same order. Ties go to the lower number.
public struct ExpertRouter: Hashable, Sendable {
  /// How a row of the router matrix times the token, a logit, becomes a score.
  public enum Scoring: Hashable, Sendable {
    /// Softmax over all experts.
    case softmax
    /// The logit itself chooses; the weights are the softmax over the chosen.
    case softmaxOfChosen
    /// `1 / (1 + exp(-logit))`, each expert by itself (DeepSeek-V3, arXiv 2412.19437).
    case sigmoid
  }

  /// Only experts of the best groups may be chosen (DeepSeek-V2, arXiv 2405.04434): with a group a device, a
  /// token then goes to few devices.
  public struct Groups: Hashable, Sendable {
    /// What a group is measured by.
    public enum Score: Hashable, Sendable {
      /// Its best expert's score (DeepSeek-V2).
      case largest
      /// The sum of its two best experts' scores (DeepSeek-V3).
      case sumOfTwoLargest
    }
    /// Groups of experts with consecutive numbers; divides the number of experts.
    public var count: Int
    /// Groups that a token may choose from.
    public var chosenCount: Int
    /// What a group is measured by.
    public var score: Score

    /// `count` groups of which `chosenCount` are open to a token.
    public init(count: Int, chosenCount: Int, score: Score) {
      self.count = count
      self.chosenCount = chosenCount
      self.score = score
    }
  }

  /// Experts there are.
  public var expertCount: Int
  /// Experts a token.
  public var chosenCount: Int
  /// How a logit becomes a score.
  public var scoring: Scoring
  /// Whether the weights of the chosen are divided by their sum.
  public var normalizesWeights: Bool
  /// Multiplies all weights, after that.
  public var scale: Float
  /// Limits the choice to groups; nil for none.
  public var groups: Groups?

  /// A choice of `chosenCount` from `expertCount` experts.
  public init(
    expertCount: Int, chosenCount: Int, scoring: Scoring = .softmax, normalizesWeights: Bool = true,
    scale: Float = 1, groups: Groups? = nil
  ) {
    self.expertCount = expertCount
    self.chosenCount = chosenCount
    self.scoring = scoring
    self.normalizesWeights = normalizesWeights
    self.scale = scale
    self.groups = groups
  }

  /// Values a token in the result.
  public var resultWidth: Int { 2 * chosenCount }

  /// What is wrong with the numbers, if anything.
  public var problem: String? {
    // Numbers of experts are floats in the result.
    if !(1...1 << 20).contains(expertCount) { return "\(expertCount) experts are not within 1...\(1 << 20)" }
    if !(1...expertCount).contains(chosenCount) {
      return "cannot choose \(chosenCount) of \(expertCount) experts"
    }
    guard let groups else { return nil }
    if groups.count < 1 || expertCount % groups.count != 0 {
      return "\(expertCount) experts cannot be cut into \(groups.count) groups"
    }
    if !(1...groups.count).contains(groups.chosenCount) {
      return "cannot choose \(groups.chosenCount) of \(groups.count) groups"
    }
    if expertCount / groups.count * groups.chosenCount < chosenCount {
      return "\(groups.chosenCount) groups of experts hold fewer than \(chosenCount)"
    }
    return nil
  }
}

/// Feed-forward networks of which each token goes through those that its router chose.
public struct Experts: Hashable, Sendable {
  /// Experts there are.
  public var expertCount: Int
  /// Experts a token.
  public var chosenCount: Int
  /// Values a token inside one expert.
  public var expertWidth: Int
  /// What gate and up become one by.
  public var activation: Activation

  /// `expertCount` networks of inner width `expertWidth`.
  public init(expertCount: Int, chosenCount: Int, expertWidth: Int, activation: Activation = .silu) {
    self.expertCount = expertCount
    self.chosenCount = chosenCount
    self.expertWidth = expertWidth
    self.activation = activation
  }

  /// How many different experts `tokens` tokens are expected to choose, if every expert is as likely:
  /// `E (1 - (1 - k / E)^tokens)`. Only their weights are read.
  public func expectedCount(tokens: Int) -> Double {
    let missed = 1 - Double(chosenCount) / Double(expertCount)
    var allMissed = 1.0
    var power = missed
    var rest = max(tokens, 0)
    while rest > 0 {
      if rest & 1 == 1 { allMissed *= power }
      power *= power
      rest >>= 1
    }
    return Double(expertCount) * (1 - allMissed)
  }
}
