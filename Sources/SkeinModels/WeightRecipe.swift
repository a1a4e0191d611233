import SkeinFiles
import SkeinGraph
import SkeinTensor

/// How each tensor of a model that is quantized is to be stored: in one format throughout, or in one of the mixtures
/// that quantizers of the field know by name.
///
/// One format (`q4_k`) is for every matrix, as `WeightFormat.type(of:)` says. A mixture (`q4_k_m`) gives some matrices
/// more bits than the others: the token embedding and the head Q6_K; values, the last matrix of feed-forward networks
/// and the output of attention what the mixture says, in all layers or in those that need it most.
public struct WeightRecipe: Hashable, Sendable, CustomStringConvertible {
  /// The name in lower case: `q4_k_m`.
  public let description: String
  /// The format of most matrices.
  public let base: ElementType
  private let mixture: Mixture?

  /// Reads the name of a format or a mixture, in upper or lower case.
  ///
  /// - Throws: `ModelError` that names the nearest known name.
  public init(_ text: String) throws(ModelError) {
    let name = text.lowercased()
    if let type = ElementType.allCases.first(where: { $0.name.lowercased() == name }) {
      self.init(type)
    } else if let mixture = Mixture.all.first(where: { $0.name == name }) {
      self.init(mixture)
    } else {
      throw ModelError(
        .unsupported,
        "\"\(text.prefix(40))\" is nothing to store weights as; give one of \(Self.names.joined(separator: ", "))"
          + " (the nearest is \(nearestWord(to: name, in: Self.names) ?? ""))",
        path: "--weights")
    }
  }

  /// One format throughout.
  public init(_ type: ElementType) {
    description = type.name.lowercased()
    base = type
    mixture = nil
  }

  private init(_ mixture: Mixture) {
    description = mixture.name
    base = mixture.base
    self.mixture = mixture
  }

  /// All names, formats first.
  public static var names: [String] {
    ElementType.allCases.map { $0.name.lowercased() } + Mixture.all.map(\.name)
  }

  /// The value of `general.file_type` that stands for this; a K-quant throughout counts as its smallest mixture.
  public var fileType: UInt32 { mixture?.fileType ?? base.fileType }

  /// The format of a tensor.
  ///
  /// - Parameters:
  ///   - tensor: its name, its shape, and the format that it has now. What no family knows by name keeps that.
  ///   - layerCount: layers of the model.
  public func type(of tensor: GGUFTensor, layerCount: Int) -> ElementType {
    guard let name = WeightName(ggufName: tensor.name) else { return tensor.type }
    let wanted = mixture?.type(of: name.node, layerCount: layerCount) ?? base
    return WeightFormat.elementType(wanted).type(of: Weight(name: name, shape: tensor.shape))
  }

  /// The number of layers that tensors of these names are of.
  public static func layerCount(_ tensors: [GGUFTensor]) -> Int {
    tensors.reduce(0) { max($0, (WeightName(ggufName: $1.name)?.node.layer ?? -1) + 1) }
  }
}

/// What a mixture stores otherwise than in its base format.
private struct Mixture: Hashable, Sendable {
  /// A format, and the layers that get it.
  struct Finer: Hashable, Sendable {
    var type: ElementType
    var layers = Layers.all
  }

  enum Layers: Hashable, Sendable {
    case all
    /// The first so many.
    case first(Int)
    /// The first of so many equal parts.
    case firstPart(Int)
    /// The first and last eighth, and every third layer between them: errors at both ends cost most.
    case endsAndEveryThird
  }

  var name: String
  var fileType: UInt32
  var base: ElementType
  /// In the order of rising bits; the last that applies is taken.
  var value: [Finer] = []
  var down: [Finer] = []
  var attentionOutput: [Finer] = []

  static let all = [
    Mixture(name: "q3_k_s", fileType: 11, base: .q3_K),
    Mixture(
      name: "q3_k_m", fileType: 12, base: .q3_K,
      value: [Finer(type: .q4_K), Finer(type: .q5_K, layers: .first(2))],
      down: [Finer(type: .q4_K), Finer(type: .q5_K, layers: .firstPart(16))],
      attentionOutput: [Finer(type: .q4_K)]),
    Mixture(
      name: "q3_k_l", fileType: 13, base: .q3_K, value: [Finer(type: .q5_K)], down: [Finer(type: .q5_K)],
      attentionOutput: [Finer(type: .q5_K)]),
    Mixture(
      name: "q4_k_s", fileType: 14, base: .q4_K, value: [Finer(type: .q5_K, layers: .first(4))],
      down: [Finer(type: .q5_K, layers: .firstPart(8))]),
    Mixture(
      name: "q4_k_m", fileType: 15, base: .q4_K, value: [Finer(type: .q6_K, layers: .endsAndEveryThird)],
      down: [Finer(type: .q6_K, layers: .endsAndEveryThird)]),
    Mixture(name: "q5_k_s", fileType: 16, base: .q5_K),
    Mixture(
      name: "q5_k_m", fileType: 17, base: .q5_K, value: [Finer(type: .q6_K, layers: .endsAndEveryThird)],
      down: [Finer(type: .q6_K, layers: .endsAndEveryThird)]),
  ]

  func type(of node: NodeName, layerCount: Int) -> ElementType {
    let finer: [Finer] =
      switch node.role {
      case .tokenEmbedding, .head: [Finer(type: .q6_K)]
      case .value, .valueUp, .keyValueUp: value
      case .down, .expertDown, .sharedDown: down
      case .attentionOutput: attentionOutput
      default: []
      }
    return finer.last { $0.layers.contain(node.layer ?? 0, of: layerCount) }?.type ?? base
  }
}

extension Mixture.Layers {
  fileprivate func contain(_ layer: Int, of count: Int) -> Bool {
    switch self {
    case .all: true
    case .first(let number): layer < number
    case .firstPart(let parts): layer < count / parts
    case .endsAndEveryThird:
      layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2
    }
  }
}

extension ElementType {
  /// The number that `general.file_type` has for files that are mostly of this format.
  fileprivate var fileType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q2_K: 10
    case .q3_K: 11
    case .q4_K: 14
    case .q5_K: 16
    case .q6_K: 18
    case .iq4_NL: 25
    case .iq4_XS: 30
    case .bf16: 32
    case .mxfp4: 38
    }
  }
}
