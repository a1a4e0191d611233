import SkeinDevices
import SkeinExecutor
import SkeinFiles
import SkeinGraph
import SkeinModels
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
  /// Text to tokens and back.
  public let tokenizer: Tokenizer
  /// What each device holds and does.
  public let plan: Plan
  /// What each device of the plan is, in its order.
  public let devices: [DeviceProperties]
  let engine: Engine
  let thread: SerialThread

  /// Reads a checkpoint, places it on devices, proves that it fits, and loads it.
  ///
  /// - Parameters:
  ///   - path: a `.gguf` file; of a model in several parts, any of them.
  ///   - progress: told the bytes loaded so far, and all there are; called from several threads.
  /// - Throws: an error that describes itself in one line, with the file, tensor or option and the remedy.
  public static func load(
    _ path: String, options: LoadOptions = LoadOptions(),
    progress: @escaping @Sendable (_ loadedBytes: Int, _ totalBytes: Int) -> Void = { _, _ in }
  ) async throws -> Model {
    let thread = try SerialThread()
    return try await thread.run { try Model(path, options, thread, progress) }
  }

  /// The main path, from a file to an engine.
  private init(
    _ path: String, _ options: LoadOptions, _ thread: SerialThread,
    _ progress: @escaping @Sendable (Int, Int) -> Void
  ) throws {
    let checkpoint = try GGUFFile(path: path)
    let definition = try ModelDefinition(checkpoint, options: options.graph)
    tokenizer = try Tokenizer(Vocabulary(checkpoint.metadata))
    let available = try Model.devices(options)
    // Devices that share memory hand over for next to nothing.
    let shareMemory = Set(available.map(\.layout.memoryPool)).count == 1
    let placement = Placement.layerSplit(
      of: definition.graph, over: available.map(\.id),
      speeds: available.map { Double($0.properties.coreCount) },
      mostRounds: shareMemory ? 8 : 1, weightBytes: definition.byteCount)
    let used = Array(available.prefix(placement.devices.count))
    plan = try lower(
      definition.graph, placement, limits: try Model.limits(options, definition, deviceCount: used.count),
      layouts: used.map(\.layout), type: definition.type)
    let executor = try Executor(
      plan: plan, devices: used, weights: CheckpointWeights(definition), progress: progress)
    devices = used.map(\.properties)
    self.definition = definition
    self.thread = thread
    engine = Engine(executor, tokenizer)
  }

  private static func devices(_ options: LoadOptions) throws -> [any Device] {
    let topology = try CPUTopology()
    let list = if case .list(let list) = options.devices { list } else { "cpu" }
    return try DeviceSelection.devices(list, topology: topology, instructionSet: options.instructionSet)
  }

  private static func limits(
    _ options: LoadOptions, _ definition: ModelDefinition, deviceCount: Int
  ) throws(SkeinError) -> PlanLimits {
    let longest = definition.configuration.contextLength
    if let context = options.contextTokens, !(1...longest).contains(context) {
      throw SkeinError(.invalidOption, "a context of \(context) is not within the model's 1...\(longest)")
    }
    let context = options.contextTokens ?? min(longest, LoadOptions.defaultContextTokens)
    let passes = options.passesInFlight ?? deviceCount
    return PlanLimits(
      tokensPerPass: min(options.tokensPerPass, context), outputsPerPass: options.outputsPerPass,
      passesInFlight: passes, contextTokens: context, sequenceCount: options.sequenceCount)
  }

  /// Seconds that each device has worked so far, in the order of the plan.
  public var busySeconds: [Double] { engine.executor.busySeconds }

  /// Bytes that each device has reserved, by name.
  public var reservedBytes: [DeviceID: Int] {
    Dictionary(uniqueKeysWithValues: zip(plan.devices.map(\.device), engine.executor.reservedBytes))
  }
}

/// The weights of a checkpoint, straight from the mapped file.
private struct CheckpointWeights: WeightSource {
  let definition: ModelDefinition

  init(_ definition: ModelDefinition) { self.definition = definition }

  func bytes(of weight: WeightID) throws -> UnsafeRawBufferPointer {
    definition.checkpoint.bytes(of: definition.tensors[weight.index])
  }

  func release(_ weight: WeightID) {
    definition.checkpoint.release(bytesOf: definition.tensors[weight.index])
  }
}
