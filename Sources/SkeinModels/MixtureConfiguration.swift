import SkeinGraph

/// The hyper-parameters of a mixture of experts, as GGUF files of all families say them.
public struct MixtureConfiguration: Hashable, Sendable {
  /// How experts are chosen; also how many there are, and how many a token goes through.
  public var router: ExpertRouter
  /// Values a token inside one expert.
  public var expertWidth: Int
  /// Values a token inside the network that every token goes through beside its experts; 0 for none.
  public var sharedWidth: Int
  /// Layers that have an ordinary feed-forward network in place of experts.
  public var denseLayers: Set<Int>

  /// The operation.
  var experts: Experts {
    Experts(expertCount: router.expertCount, chosenCount: router.chosenCount, expertWidth: expertWidth)
  }
}

extension MixtureConfiguration {
  /// Reads the keys of a mixture; nil where the file has no experts.
  ///
  /// - Parameter normalizesWeights: what the family does where the file does not say.
  init?(_ reader: ConfigurationReader, _ decoder: DecoderConfiguration, normalizesWeights: Bool) throws {
    guard let count = try reader.optionalSize("expert_count"), count > 0 else { return nil }
    let chosen = try reader.size("expert_used_count")
    let scoring = try Self.scoring(reader)
    router = ExpertRouter(
      expertCount: count, chosenCount: chosen, scoring: scoring,
      normalizesWeights: try reader.flag("expert_weights_norm") ?? normalizesWeights,
      scale: try reader.positiveNumber("expert_weights_scale") ?? 1,
      groups: try Self.groups(reader, scoring: scoring))
    if let problem = router.problem {
      throw reader.error(.invalidConfiguration, problem, at: "expert_used_count")
    }
    expertWidth = try reader.optionalSize("expert_feed_forward_length") ?? decoder.feedForwardWidth
    guard expertWidth > 0 else {
      throw reader.error(.invalidConfiguration, "must be above zero", at: "expert_feed_forward_length")
    }
    // Files say which layers are dense in several ways or not at all, and so how wide the shared network is; but
    // they have the matrices.
    func has(_ role: Role, _ layer: Int) -> Bool { reader.has(WeightName(NodeName(layer: layer, role))) }
    denseLayers = Set((0..<decoder.layerCount).filter { has(.gate, $0) })
    guard denseLayers.count < decoder.layerCount else {
      throw reader.error(.invalidConfiguration, "is \(count), but no layer has experts", at: "expert_count")
    }
    let shared = (0..<decoder.layerCount).first { has(.sharedGate, $0) }
    sharedWidth = try shared.map { try reader.rows(of: WeightName(NodeName(layer: $0, .sharedGate))) } ?? 0
  }

  private static func scoring(_ reader: ConfigurationReader) throws -> ExpertRouter.Scoring {
    switch try reader.optionalSize("expert_gating_func") ?? 0 {
    case 0, 1: return .softmax
    case 2: return .sigmoid
    case 3: return .softmaxOfChosen
    case let other:
      throw reader.error(
        .unsupported, "is \(other); softmax (1), sigmoid (2) and softmax of the chosen (3) are supported",
        at: "expert_gating_func")
    }
  }

  /// Files do not say what a group is measured by. DeepSeek-V2 takes the best expert, DeepSeek-V3, which
  /// scores by sigmoids, the two best.
  private static func groups(
    _ reader: ConfigurationReader, scoring: ExpertRouter.Scoring
  ) throws -> ExpertRouter.Groups? {
    guard let count = try reader.optionalSize("expert_group_count"), count > 1 else { return nil }
    return ExpertRouter.Groups(
      count: count, chosenCount: try reader.optionalSize("expert_group_used_count") ?? count,
      score: scoring == .sigmoid ? .sumOfTwoLargest : .largest)
  }
}
