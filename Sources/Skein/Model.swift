import CSystem
import SkeinDevices
import SkeinExecutor
import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinPlanner
import SkeinText

/// A model on its devices, ready to run.
///
///     let model = try await Model.load("llama-3-8b.gguf")
///     for try await piece in model.generate("Once upon a time") { print(piece, terminator: "") }
///
/// Calls may come from any task; they are served one after the other.
public final class Model: Sendable {
  /// What the checkpoint holds.
  public let definition: ModelDefinition
  /// Text to tokens and back. Throws where the checkpoint has no tokenizer, or one that is not supported: tokens
  /// can be computed with all the same.
  public var tokenizer: Tokenizer { get throws { try foundTokenizer.get() } }
  private let foundTokenizer: Result<Tokenizer, any Error>
  /// Where everything lives, why, and what it takes.
  public let planned: PlannedModel
  /// What each device of the plan is, in its order.
  public let devices: [DeviceProperties]
  /// The devices that there were to choose from, with their profiles.
  public let machine: Machine
  let engine: Engine
  let thread: SerialThread

  /// What each device holds and does.
  public var plan: Plan { planned.plan }

  /// Reads a checkpoint, places it on devices, proves that it fits, and loads it.
  ///
  /// - Parameters:
  ///   - path: a `.gguf` file (of a model in several parts, any of them), or a folder as Hugging Face tools save it.
  ///   - measuring: told how many measurements are done, and how many there are, where devices have to be
  ///     measured first.
  ///   - progress: told the bytes loaded so far, and all there are; called from several threads.
  /// - Throws: an error that describes itself in one line, with the file, tensor or option and the remedy.
  public static func load(
    _ path: String, options: LoadOptions = LoadOptions(),
    measuring: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in },
    progress: @escaping @Sendable (_ loadedBytes: Int, _ totalBytes: Int) -> Void = { _, _ in }
  ) async throws -> Model {
    let thread = try SerialThread()
    return try await thread.run { try Model(path, options, thread, measuring, progress) }
  }

  /// The main path, from a file to an engine.
  private init(
    _ path: String, _ options: LoadOptions, _ thread: SerialThread,
    _ measuring: @escaping @Sendable (Int, Int) -> Void,
    _ progress: @escaping @Sendable (Int, Int) -> Void
  ) throws {
    var graphOptions = options.graph
    graphOptions.contextTokens = graphOptions.contextTokens ?? options.planning.contextTokens
    let definition = try ModelDefinition(path: path, weights: options.weights, options: graphOptions)
    foundTokenizer = Result { try Tokenizer.load(definition) }
    let (machine, planned) = try PlannedModel.plan(
      definition, on: try Model.devices(options), profiles: options.profiles, options: options.planning,
      measuring: measuring)
    let plan = planned.plan
    let used = plan.devices.map { part in machine.devices.first { $0.id == part.device }! }
    let executor = try Executor(
      plan: plan, devices: used, weights: CheckpointWeights(definition), options: options.executor,
      progress: progress)
    devices = used.map(\.properties)
    self.machine = machine
    self.planned = planned
    self.definition = definition
    self.thread = thread
    engine = Engine(executor, foundTokenizer)
  }

  private static func devices(_ options: LoadOptions) throws -> [any Device] {
    let topology = try CPUTopology()
    let list = if case .list(let list) = options.devices { list } else { "cpu" }
    return try DeviceSelection.devices(list, topology: topology, instructionSet: options.instructionSet)
  }

  /// Seconds that each device has worked so far, in the order of the plan.
  public var busySeconds: [Double] { engine.executor.busySeconds }

  /// Bytes of memory that this process has now; 0 where the system does not say. What it should have is the
  /// `runtimeBytes` of the host's profile, which it had before, and the bytes of all devices that are processors.
  public static var residentBytes: Int { Int(skein_memory_resident()) }

  /// Bytes that this process should have, by the plan.
  public var predictedResidentBytes: Int {
    let runtime = machine.fleet.devices.reduce(0) { $0 + ($1.kind == .cpu ? $1.runtimeBytes : 0) }
    return zip(plan.devices.indices, devices).reduce(runtime) {
      $0 + ($1.1.kind == .cpu ? plan.byteCount(device: $1.0) : 0)
    }
  }

  /// Bytes that each device has reserved, by name.
  public var reservedBytes: [DeviceID: Int] {
    Dictionary(uniqueKeysWithValues: zip(plan.devices.map(\.device), engine.executor.reservedBytes))
  }
}
