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
  /// The module that a node is a part of in this family's Hugging Face checkpoints:
  /// `model.layers.3.mlp.experts`.
  func moduleName(of node: NodeName) -> String
  /// A weight's name there: `model.layers.3.mlp.experts.*.up_proj.weight`, with `*` for the number of an expert.
  func moduleName(of weight: WeightName) -> String
  /// The tree of modules, for placement rules; made anew at each call.
  var modules: ModuleTree { get }
}

extension ModelDescription {
  /// Elements of all weights; a tied head counts once.
  public var parameterCount: Int { graph.weights.reduce(0) { $0 + ($1.shape.elementCount ?? 0) } }
}

/// A model known by its configuration alone, for planning. It has no weights and cannot run.
public struct ConfiguredModel: ModelDescription {
  /// The hyper-parameters.
  public var configuration: DecoderConfiguration { written.configuration }
  /// The mathematics.
  public var graph: Graph { written.graph }
  /// How its weights would be stored.
  public let weights: WeightFormat
  private let written: WrittenModel
  private let byteCounts: [Int]

  /// Reads a `config.json` as Hugging Face tools save it.
  ///
  /// - Parameters:
  ///   - path: the file, or a folder that holds a `config.json`.
  ///   - weights: how its weights would be stored; nil for what the file says of its checkpoint.
  ///   - options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(
    path: String, weights: WeightFormat? = nil, options: GraphOptions = GraphOptions()
  ) throws {
    let isFile = path.hasSuffix(".json")
    let translation = try ConfigurationTranslation(path: isFile ? path : path + "/config.json")
    let reader = ConfigurationReader(
      metadata: translation.metadata, weights: translation.weights, architecture: translation.architecture)
    written = try WrittenModel(reader, options: options)
    let weights = try weights ?? translation.storedFormat()
    self.weights = weights
    byteCounts = try written.graph.weights.map { weight in
      // Sums of a few thousand of these stay within an Int.
      guard let bytes = weights.byteCount(of: weight), bytes < 1 << 48 else {
        throw ModelError(
          .invalidConfiguration, "\(weight.name) would have shape \(weight.shape), which no memory holds",
          path: translation.metadata.path)
      }
      return bytes
    }
  }

  /// The format of a weight.
  public func type(of weight: WeightID) -> ElementType { weights.type(of: graph[weight]) }

  /// Bytes of a weight.
  public func byteCount(of weight: WeightID) -> Int { byteCounts[weight.index] }

  /// The module that a node is a part of in this family's Hugging Face checkpoints.
  public func moduleName(of node: NodeName) -> String { written.moduleNames.module(of: node) }

  /// A weight's name there.
  public func moduleName(of weight: WeightName) -> String { written.moduleNames.weight(weight) }

  /// The tree of modules, for placement rules; made anew at each call.
  public var modules: ModuleTree { written.modules }
}
