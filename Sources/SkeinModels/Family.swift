import SkeinGraph

/// One architecture: its hyper-parameters, and its mathematics written down once.
///
/// A family knows nothing of weight formats, devices or batches.
protocol Family: Sendable {
  /// The names that `general.architecture` may have.
  static var architectures: [String] { get }
  /// Reads and checks the hyper-parameters.
  init(_ reader: ConfigurationReader) throws
  /// The hyper-parameters that all families have.
  var configuration: DecoderConfiguration { get }
  /// Writes the graph.
  func build(_ g: inout GraphBuilder)
}

/// All families. To add one: write its file, add its line here.
let families: [any Family.Type] = [
  Llama.self,
  Qwen2.self,
  Qwen3.self,
]
