import SkeinFiles
import SkeinGraph

extension Activation {
  /// The activation that PyTorch code calls so.
  init?(name: String) {
    switch name {
    case "silu", "swish": self = .silu
    case "gelu": self = .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": self = .geluTanh
    default: return nil
    }
  }

  /// For messages.
  static let names = "silu, gelu, gelu_new and gelu_pytorch_tanh"
}

/// Reads hyper-parameters of one architecture, each with bounds: a family may trust what it is given.
///
/// The keys are those of GGUF files. Other configurations are translated to them first, so that a family reads
/// one vocabulary only.
struct ConfigurationReader {
  /// Bounds far beyond any model, that keep products of a few of them within an `Int`.
  static let largestWidth = 1 << 20
  static let largestContext = 1 << 26

  let metadata: Metadata
  let weights: any WeightInventory
  let architecture: String
  /// The longest sequence that was asked for; nil where nothing was said.
  var contextTokens: Int?

  var path: String { metadata.path }

  private func key(_ name: String) -> String { "\(architecture).\(name)" }

  func error(_ code: ModelError.Code, _ message: String, at name: String) -> ModelError {
    ModelError(code, message, path: path, place: key(name))
  }

  /// A size that must be there.
  func size(_ name: String, most: Int = largestWidth) throws -> Int {
    try metadata.requiredInteger(key(name), in: 1...most)
  }

  /// A size that may be missing.
  func optionalSize(_ name: String, most: Int = largestWidth) throws -> Int? {
    try metadata.integer(key(name), in: 0...most)
  }

  /// A size that may be given once, or for each layer as long as all are the same.
  func sizeOfEveryLayer(_ name: String) throws -> Int? {
    guard case .array? = metadata[key(name)] else { return try optionalSize(name) }
    let sizes = try metadata.integers(key(name)) ?? []
    guard let first = sizes.first, (1...Self.largestWidth).contains(first) else {
      throw error(.invalidConfiguration, "must hold sizes above zero", at: name)
    }
    guard sizes.allSatisfy({ $0 == first }) else {
      throw error(.unsupported, "differs between layers, which this family does not support", at: name)
    }
    return first
  }

  /// A finite number that may be missing.
  func number(_ name: String) throws -> Float? {
    guard let value = try metadata.float(key(name)) else { return nil }
    guard value.isFinite else { throw error(.invalidConfiguration, "is \(value)", at: name) }
    return value
  }

  /// A number above zero that may be missing.
  func positiveNumber(_ name: String) throws -> Float? {
    guard let value = try number(name) else { return nil }
    guard value > 0 else { throw error(.invalidConfiguration, "is \(value), must be above zero", at: name) }
    return value
  }

  /// A yes or no that may be missing.
  func flag(_ name: String) throws -> Bool? { try metadata.bool(key(name)) }

  /// A word that may be missing.
  func word(_ name: String) throws -> String? { try metadata.string(key(name)) }

  /// A yes or no for each layer, that may be missing or of another kind: a single number.
  func flags(_ name: String) throws -> [Bool]? {
    guard case .array(let array)? = metadata[key(name)] else { return nil }
    if array.elementType == .bool { return try metadata.bools(key(name)) }
    return try metadata.integers(key(name))?.map { $0 != 0 }
  }

  /// What large numbers stay below, by its key.
  enum Cap: String {
    case scoreCap = "attn_logit_softcapping"
    case logitCap = "final_logit_softcapping"
  }

  /// A cap; nil for none.
  func cap(_ cap: Cap) throws -> Float? {
    guard let value = try number(cap.rawValue), value != 0 else { return nil }
    guard value > 0 else {
      throw error(.invalidConfiguration, "is \(value), must be above zero", at: cap.rawValue)
    }
    return value
  }

  /// The activation of feed-forward networks, by the names of PyTorch.
  ///
  /// - Parameter usual: that of the family's models, whose files do not say it.
  func activation(_ usual: Activation) throws -> Activation {
    guard let name = try word("hidden_activation") else { return usual }
    guard let activation = Activation(name: name) else {
      throw error(
        .unsupported, "\"\(name.prefix(40))\" is not supported; \(Activation.names) are",
        at: "hidden_activation")
    }
    return activation
  }

  /// Whether the model has a weight.
  func has(_ weight: WeightName) -> Bool { weights.has(weight) }

  /// Rows of a matrix.
  func rows(of weight: WeightName) throws -> Int { try weights.rows(of: weight) }

  /// Throws where the file has experts: for families that have none.
  func refuseExperts() throws {
    if let experts = try optionalSize("expert_count"), experts > 0 {
      throw error(.unsupported, "is \(experts), but this architecture has no experts", at: "expert_count")
    }
  }

  /// The mixture of a family that always has one.
  func requiredMixture(
    _ decoder: DecoderConfiguration, normalizesWeights: Bool
  ) throws -> MixtureConfiguration {
    guard
      let mixture = try MixtureConfiguration(self, decoder, normalizesWeights: normalizesWeights)
    else {
      throw error(.invalidConfiguration, "must be given and above zero", at: "expert_count")
    }
    return mixture
  }

  /// A small vector of float32 values that is no weight of a node.
  func vector(_ tensorName: String) throws -> [Float]? { try weights.vector(tensorName) }
}
