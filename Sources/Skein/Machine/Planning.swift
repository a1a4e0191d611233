import SkeinDevices
import SkeinGraph
import SkeinModels
import SkeinPlanner
import SkeinTensor

/// How a model is to be placed.
public struct PlanningOptions: Hashable, Sendable {
  /// Says what runs where.
  public enum Placing: Hashable, Sendable {
    /// The planner: the fastest that fits.
    case planned
    /// Rules: the text of a placement file of Skein or of another program, and its path for messages.
    case rules(text: String, path: String)
  }

  /// What says where things run.
  public var placing = Placing.planned
  /// The request to be fast at.
  public var request = RequestShape()
  /// How often each expert is chosen, and the file that says so, for messages: the most used ones then stay on the
  /// fast devices. Nil where that is not known.
  public var expertUsage: ExpertUsageFile?
  /// Whether every device takes part, where there are layers enough. Otherwise one that would make a request
  /// slower is left out.
  public var usesAllDevices = false
  /// Whether the planner may have devices share layers. Logits then differ in their last bits from those of one device,
  /// since sums are taken in another order.
  public enum LayerSharing: Hashable, Sendable {
    /// Where that is faster.
    case allowed
    /// Every node runs on one device, so that all choices of devices give the same bits. Placement files may still ask
    /// for shares.
    case never
  }
  /// Whether the planner may have devices share layers.
  public var layerSharing = LayerSharing.allowed
  /// The most positions of a sequence; nil for what the model was made for, but at most 4,096, since memory
  /// for all of them is reserved.
  public var contextTokens: Int?
  /// The most sequences at a time.
  public var sequenceCount = 1
  /// How the key-value cache is stored.
  public enum CacheType: String, Hashable, Sendable, CaseIterable {
    /// As exact as the weights: F32 where most bytes of the model's matrices are given to devices in F32, else F16.
    case automatic
    /// 16-bit floating-point numbers.
    case f16
    /// 16-bit floating-point numbers of three bits less, for processors that multiply them (AVX512_BF16): a prompt's
    /// attention takes two thirds of the time. Others read them as they read F16. Queries and softmax weights are
    /// rounded as well.
    case bf16
    /// Blocks of 32 numbers of 8 bits with a scale: 17/32 of the memory, and of what is read for a token.
    case q8_0
    /// 32-bit floating-point numbers: nothing is rounded, in twice the memory of F16.
    case f32
  }

  /// Where weights on the CPU are.
  public enum WeightMemory: String, Hashable, Sendable, CaseIterable {
    /// In memory of the device's own.
    case copied
    /// In the pages of the mapped checkpoint, as far as they are stored as they are computed with: loading takes no
    /// time, and processes that run the same checkpoint share them.
    case mapped
  }
  /// Where weights on the CPU are.
  public var weightMemory = WeightMemory.copied
  /// How the key-value cache is stored.
  public var cacheType = CacheType.automatic
  /// How products with matrices in BF16 take their inputs.
  public var inputs = PlanLimits.Inputs.automatic
  /// The most tokens in one pass through the devices.
  public var tokensPerPass = 256
  /// The most tokens in one pass whose logits are wanted. Generating needs one a sequence; scoring a text
  /// is faster with more. Each takes four bytes for every token of the vocabulary.
  public var outputsPerPass = 1
  /// Passes in flight at once; nil for as many as there are devices, which keeps all of them busy while a
  /// prompt is read. With more, a device that is a moment early begins a young pass instead of waiting for
  /// the oldest; all then end together and the last one goes alone (17% slower on two cores).
  public var passesInFlight: Int?

  /// How often each expert is chosen, as a file says.
  public struct ExpertUsageFile: Hashable, Sendable {
    /// What it says.
    public var usage: ExpertUsage
    /// Its path, for messages.
    public var path: String

    /// The text of a file that `skein run --expert-stats` wrote.
    ///
    /// - Throws: `PlannerError` where it is none.
    public init(parsing text: String, path: String) throws(PlannerError) {
      usage = try ExpertUsage(parsing: text, path: path)
      self.path = path
    }
  }

  /// The defaults.
  public init() {}

  static let defaultContextTokens = 4096
}

/// A model placed on devices: proved to fit, and priced.
public struct PlannedModel: Sendable {
  /// The model.
  public let description: any ModelDescription
  /// The problem that was solved.
  public let problem: PlanningProblem
  /// What each device holds and does.
  public let plan: Plan
  /// What it takes.
  public let price: PlanPrice
  /// The word for how it came about: a strategy, or a file.
  public let strategy: String
  /// What else was considered; nil where rules said what goes where.
  public let result: PlanningResult?
  /// What is worth saying about the rules.
  public let findings: [Finding]

  /// Places a model.
  ///
  /// - Parameters:
  ///   - fleet: the devices with their speeds; of weights with an average number of bits, `Fleet.adapted(to:)`.
  ///   - layouts: how they lay out what they hold, in the fleet's order.
  ///   - plainFleet: the fleet before it was adapted; nil where it was not.
  /// - Throws: `PlannerError` or `GraphError` where nothing fits or the rules are wrong, `SkeinError` where the
  ///   options are.
  public init(
    _ description: any ModelDescription, fleet: Fleet, layouts: [any DeviceLayout], options: PlanningOptions,
    plainFleet: Fleet? = nil
  ) throws {
    self.description = description
    var model = PricedModel(description)
    model.cacheType = options.cacheType.elementType(for: description)
    if options.weightMemory == .mapped, let definition = description as? ModelDefinition {
      model.mapping = definition.stored.map { $0.mappableRange.map { $0.lowerBound % Plan.regionAlignment } }
    }
    if let file = options.expertUsage {
      try file.usage.check(of: model.graph, path: file.path)
      model.usage = file.usage
    }
    var problem = PlanningProblem(
      model: model, fleet: fleet, layouts: layouts, limits: try PlannedModel.limits(options, description),
      request: options.request, usesAllDevices: options.usesAllDevices, passesInFlight: options.passesInFlight
    )
    problem.plainFleet = plainFleet
    problem.sharesLayers = options.layerSharing == .allowed
    switch options.placing {
    case .planned:
      let found = try Planner(problem).bestOrRefusal()
      result = found
      findings = []
      (plan, price, strategy) = (found.chosen.plan, found.chosen.price, found.chosen.strategy)
    case .rules(let text, let path):
      let source = try readPlacement(text, path: path)
      if let file = source as? PlacementFile {
        if let passes = file.passesInFlight { problem.passesInFlight = passes }
        if let tokens = file.tokensPerPass { problem.limits.tokensPerPass = tokens }
        if let type = file.cacheType { try problem.useCache(type, path: path, description) }
      }
      let context = PlacementContext(
        modules: description.modules, knownDevices: fleet.devices.map(\.id),
        hostDevice: fleet.devices.first { $0.kind == .cpu }?.id ?? DeviceID("cpu"))
      let (placement, findings) = try source.resolve(context)
      self.findings = findings
      if let refusal = try problem.refusal(of: placement, subject: "\(path) does not fit") {
        throw refusal.error
      }
      (plan, price) = try problem.price(placement)
      strategy = path
      result = nil
    }
    self.problem = problem
  }

  /// Places a model on devices of this machine.
  ///
  /// What does not fit is refused before anything is measured: by what is known of the devices already.
  ///
  /// - Parameter measuring: told how many of all measurements are done, where there are any.
  public static func plan(
    _ description: any ModelDescription, on devices: [any Device], profiles: Machine.Profiles,
    options: PlanningOptions, measuring: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> (machine: Machine, planned: PlannedModel) {
    func planned(_ machine: Machine) throws -> PlannedModel {
      try PlannedModel(description, fleet: machine.fleet, layouts: machine.layouts, options: options)
    }
    let types = description.matrixTypes
    if profiles == .measured || profiles == .measuredAnew {
      _ = try planned(try Machine(devices: devices, profiles: .known, types: types))
    }
    let machine = try Machine(devices: devices, profiles: profiles, types: types, progress: measuring)
    return (machine, try planned(machine))
  }

  /// The sizes to run with.
  private static func limits(
    _ options: PlanningOptions, _ description: any ModelDescription
  ) throws(SkeinError) -> PlanLimits {
    let longest = description.configuration.contextLength
    if let context = options.contextTokens, !(1...longest).contains(context) {
      throw SkeinError(.invalidOption, "a context of \(context) is not within the model's 1...\(longest)")
    }
    let context = options.contextTokens ?? min(longest, PlanningOptions.defaultContextTokens)
    var limits = PlanLimits(
      tokensPerPass: min(options.tokensPerPass, context),
      outputsPerPass: max(options.outputsPerPass, options.request.concurrency),
      contextTokens: context, sequenceCount: max(options.sequenceCount, options.request.concurrency),
      cacheType: options.cacheType.elementType(for: description))
    limits.inputs = options.inputs
    return limits
  }
}

extension PlanningProblem {
  /// Takes the type of cache that a placement file names.
  fileprivate mutating func useCache(
    _ name: String, path: String, _ description: any ModelDescription
  ) throws(SkeinError) {
    guard let type = PlanningOptions.CacheType(rawValue: name.lowercased()) else {
      throw SkeinError(
        .invalidOption, "\(path): cache_type is \(name); it may be automatic, f16, bf16, q8_0 or f32")
    }
    limits.cacheType = type.elementType(for: description)
    model.cacheType = limits.cacheType
  }
}

extension PricedModel {
  /// The mathematics of a model, with its weights' formats and sizes.
  public init(_ description: any ModelDescription) {
    let ids = description.graph.weights.indices.map { WeightID($0) }
    self.init(
      graph: description.graph, types: ids.map { description.type(of: $0) },
      weightBytes: ids.map { description.byteCount(of: $0) })
  }
}

extension PlanningOptions.CacheType {
  /// The format of the cache of a model.
  public func elementType(for description: any ModelDescription) -> ElementType {
    switch self {
    case .automatic: description.commonMatrixType == .f32 ? .f32 : .f16
    case .f16: .f16
    case .bf16: .bf16
    case .q8_0: .q8_0
    case .f32: .f32
    }
  }
}

extension ModelDescription {
  /// The format that most bytes of matrices are given to devices in; nil where there is no matrix. Of two with as
  /// many bytes, the one that the first matrix of theirs has.
  public var commonMatrixType: ElementType? {
    var bytes: [ElementType: Int] = [:]
    for index in graph.weights.indices where isMatrix(graph.weights[index]) {
      bytes[type(of: WeightID(index)), default: 0] += byteCount(of: WeightID(index))
    }
    let most = bytes.values.max()
    return matrixTypes.first { bytes[$0] == most }
  }

  /// The formats of the matrices, each once: those whose speed matters.
  public var matrixTypes: [ElementType] {
    var seen: Set<ElementType> = []
    return graph.weights.indices.compactMap { index in
      let type = type(of: WeightID(index))
      return isMatrix(graph.weights[index]) && seen.insert(type).inserted ? type : nil
    }
  }

  /// Not a vector, nor the vectors of many experts.
  private func isMatrix(_ weight: Weight) -> Bool {
    weight.shape.extents.count > 1 && weight.name.part == .weight
  }
}
