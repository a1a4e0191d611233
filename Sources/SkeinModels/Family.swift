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
  /// Where this family's modules are called otherwise in Hugging Face checkpoints than most families'.
  var moduleNames: ModuleNames { get }
  /// The Python classes of this family's modules, which placement rules of other programs name.
  var moduleClasses: ModuleClasses { get }
  /// Where this model's checkpoint holds a weight as a run of rows of a larger tensor; nil for a tensor of its own.
  func fused(_ weight: WeightName) -> FusedRows?
  /// Tensors that are no weights of a node but are read for hyper-parameters.
  static var readTensors: [String] { get }
  /// Writes the graph.
  func build(_ g: inout GraphBuilder)
}

extension Family {
  var moduleNames: ModuleNames { ModuleNames() }
  func fused(_ weight: WeightName) -> FusedRows? { nil }
  /// The factors of rotation frequencies that `DecoderConfiguration` reads.
  static var readTensors: [String] { ["rope_freqs.weight"] }
}

/// All families. To add one: write its file, add its line here.
let families: [any Family.Type] = [
  Llama.self,
  Qwen2.self,
  Qwen2Moe.self,
  Qwen3.self,
  Qwen3Moe.self,
  DeepSeek2.self,
  Gemma.self,
  Gemma2.self,
  Gemma3.self,
  Phi3.self,
  GPT2.self,
  GPTNeoX.self,
  GPTOSS.self,
]
