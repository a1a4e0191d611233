import SkeinGraph
import SkeinTensor

/// What a family makes of a configuration: hyper-parameters, graph and names.
struct WrittenModel: Sendable {
  let configuration: DecoderConfiguration
  let graph: Graph
  let moduleNames: ModuleNames
  let moduleClasses: ModuleClasses
  /// Tensors that are no weights of a node but were read for hyper-parameters.
  let readTensors: [String]
  /// Where a weight is a run of rows of a larger tensor.
  let fused: @Sendable (WeightName) -> FusedRows?

  /// Finds the family of an architecture, reads its hyper-parameters and writes its graph.
  init(_ reader: ConfigurationReader, options: GraphOptions) throws {
    var reader = reader
    reader.contextTokens = options.contextTokens
    let model = try WrittenModel.family(of: reader.architecture, path: reader.path).init(reader)
    configuration = model.configuration
    moduleNames = model.moduleNames
    moduleClasses = model.moduleClasses
    readTensors = type(of: model).readTensors
    fused = { model.fused($0) }
    var builder = GraphBuilder(
      vocabularySize: configuration.vocabularySize, layerCount: configuration.layerCount,
      options: options, isStored: { [reader] in reader.has(model.fused($0)?.name(for: $0) ?? $0) })
    model.build(&builder)
    graph = try builder.finish()
  }

  private static func family(of architecture: String, path: String) throws(ModelError) -> any Family.Type {
    if let family = families.first(where: { $0.architectures.contains(architecture) }) { return family }
    let known = ModelDefinition.supportedArchitectures
    throw ModelError(
      .unknownArchitecture,
      "the architecture is \"\(architecture.prefix(80))\"; supported are \(known.joined(separator: ", "))"
        + " (the nearest is \(nearestWord(to: architecture, in: known) ?? ""))",
      path: path, place: "general.architecture")
  }

  /// The modules.
  var modules: ModuleTree {
    ModuleTree(graph, classes: moduleClasses, names: moduleNames, tensorName: tensorName)
  }

  /// The tensor of GGUF files that a weight is or is a part of.
  func tensorName(_ weight: WeightName) -> String {
    (fused(weight)?.name(for: weight) ?? weight).ggufName
  }
}
