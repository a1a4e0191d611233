import SkeinFiles
import SkeinGraph
import SkeinTensor

/// A checkpoint understood: its graph, and where the values of each of the graph's weights lie.
public struct ModelDefinition: ModelDescription {
  /// The checkpoint's path: a file or a folder.
  public let path: String
  /// The checkpoint's files; `StoredRun.part` counts in them.
  public let files: [MappedFile]
  /// For each weight of the graph, by its index, where its values are.
  public let stored: [StoredWeight]
  /// The hyper-parameters.
  public var configuration: DecoderConfiguration { written.configuration }
  /// The mathematics.
  public var graph: Graph { written.graph }
  /// The hyper-parameters in the words of GGUF, and of a `.gguf` file everything else that it says.
  public let metadata: Metadata
  /// Small vectors that are no weights of a node, by their names in GGUF files, where a configuration says them; those
  /// of a `.gguf` file are among its tensors.
  public let vectors: [String: [Float]]
  private let written: WrittenModel

  /// A model whose weights were found.
  init(
    path: String, files: [MappedFile], metadata: Metadata, written: WrittenModel, stored: [StoredWeight],
    vectors: [String: [Float]] = [:]
  ) {
    self.path = path
    self.files = files
    self.metadata = metadata
    self.written = written
    self.stored = stored
    self.vectors = vectors
  }

  /// Finds the family of a checkpoint, writes its graph, and finds every weight, with its shape checked.
  ///
  /// - Parameters:
  ///   - path: a `.gguf` file, or a folder as Hugging Face tools save it.
  ///   - weights: the format that devices are to be given; nil for what the checkpoint has.
  ///   - options: what families leave open.
  /// - Throws: `ModelError`, `CheckpointError` or `GraphError`.
  public init(path: String, weights: WeightFormat? = nil, options: GraphOptions = GraphOptions()) throws {
    if MappedFile.isFolder(path) {
      try self.init(SafetensorsCheckpoint(folder: path), weights: weights, options: options)
    } else {
      try self.init(GGUFFile(path: path), weights: weights, options: options)
    }
  }

  /// The architectures that have a family.
  public static var supportedArchitectures: [String] { families.flatMap { $0.architectures } }

  /// The format in which devices are given a weight.
  public func type(of weight: WeightID) -> ElementType { stored[weight.index].type }

  /// Bytes of a weight in that format.
  public func byteCount(of weight: WeightID) -> Int { stored[weight.index].byteCount }

  /// The module that a node is a part of in this family's Hugging Face checkpoints.
  public func moduleName(of node: NodeName) -> String { written.moduleNames.module(of: node) }

  /// A weight's name there.
  public func moduleName(of weight: WeightName) -> String { written.moduleNames.weight(weight) }

  /// The tree of modules, for placement rules; made anew at each call.
  public var modules: ModuleTree { written.modules }

  /// Where this family's checkpoints hold a weight as a run of rows of a larger tensor; nil for one of its own.
  public func fused(_ weight: WeightName) -> FusedRows? { written.fused(weight) }

  /// The tensor of GGUF files that a weight is or is a part of: `blk.3.attn_qkv.weight`.
  public func tensorName(of weight: WeightName) -> String { written.tensorName(weight) }
}
