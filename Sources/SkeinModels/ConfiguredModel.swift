import SkeinFiles
import SkeinGraph
import SkeinTensor

/// What planning has to know of a model: its mathematics, and how its weights are stored.
public protocol ModelDescription: Sendable {
  /// The hyper-parameters.
  var configuration: DecoderConfiguration { get }
  /// The mathematics.
  var graph: Graph { get }
  /// The format of a weight.
  func type(of weight: WeightID) -> ElementType
  /// Bytes of a weight.
  func byteCount(of weight: WeightID) -> Int
}

extension ModelDescription {
  /// Elements of all weights; a tied head counts once.
  public var parameterCount: Int { graph.weights.reduce(0) { $0 + ($1.shape.elementCount ?? 0) } }
}

/// A model known by its configuration alone, for planning. It has no weights and cannot run.
public struct ConfiguredModel: ModelDescription {
  /// The hyper-parameters.
  public let configuration: DecoderConfiguration
  /// The mathematics.
  public let graph: Graph
  /// How its weights would be stored.
  public let weights: WeightFormat
  private let byteCounts: [Int]

  /// Reads a `config.json` as Hugging Face tools save it.
  ///
  /// - Parameters:
  ///   - path: the file, or a folder that holds a `config.json`.
  ///   - weights: how its weights would be stored.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(path: String, weights: WeightFormat) throws {
    let isFile = path.hasSuffix(".json")
    try self.init(ConfigurationTranslation(path: isFile ? path : path + "/config.json"), weights: weights)
  }

  init(_ translation: ConfigurationTranslation, weights: WeightFormat) throws {
    let reader = ConfigurationReader(
      metadata: translation.metadata, weights: translation.weights, architecture: translation.architecture)
    (configuration, graph) = try ModelDefinition.write(reader)
    self.weights = weights
    byteCounts = try graph.weights.map { weight in
      // Sums of a few thousand of these stay within an Int.
      guard let bytes = weights.byteCount(of: weight.shape), bytes < 1 << 48 else {
        throw ModelError(
          .invalidConfiguration, "\(weight.name) would have shape \(weight.shape), which no memory holds",
          path: translation.metadata.path)
      }
      return bytes
    }
  }

  /// The format of a weight.
  public func type(of weight: WeightID) -> ElementType { weights.type(of: graph[weight].shape) }

  /// Bytes of a weight.
  public func byteCount(of weight: WeightID) -> Int { byteCounts[weight.index] }
}
