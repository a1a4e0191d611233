import ArgumentParser
import FoundationEssentials
import Skein
import SkeinDevices
import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinPlanner

/// What is planned, and on what: for `plan` and `simulate`.
struct PlanningFlags: ParsableArguments {
  @Argument(
    help: "A .gguf file, a folder of safetensors files, the name of a bundled model, or a config.json alone.")
  var model: String
  @OptionGroup(title: "Devices") var devices: DeviceOptions
  @Option(
    help: ArgumentHelp("A file of devices that need not be here; see docs/fleets.md.", valueName: "file"))
  var fleet: String?
  @Option(help: "Tokens of the prompt that the plan is to be fast at.")
  var promptTokens = 512
  @Option(help: "Tokens to write that the plan is to be fast at.")
  var genTokens = 128
  @Option(help: "Requests at a time.")
  var concurrency = 1
  @Option(help: "Passes in flight; by default as many as devices.")
  var passesInFlight: Int?
  @Option(help: "The most tokens in a pass.")
  var tokensPerPass: Int?
  @Option(help: "What latent attention keeps of a token: compressed rows, or expanded keys and values.")
  var latentCache = LatentCache.compressed

  /// What latent attention keeps of a token.
  enum LatentCache: String, ExpressibleByArgument, CaseIterable {
    case compressed, expanded
  }

  func validate() throws {
    for (name, value) in [
      ("--prompt-tokens", promptTokens), ("--gen-tokens", genTokens), ("--concurrency", concurrency),
      ("--passes-in-flight", passesInFlight ?? 1), ("--tokens-per-pass", tokensPerPass ?? 1),
    ] where !(1...10_000_000).contains(value) {
      throw ValidationError("\(name) is \(value), must be from 1 to 10000000")
    }
    if fleet != nil, devices.devices != nil {
      throw ValidationError("--fleet and --devices are two answers to one question; give one")
    }
  }

  /// The model, by its file or by its configuration alone.
  func description() throws -> any ModelDescription {
    let options = GraphOptions(
      latentCache: latentCache == .compressed ? .compressed : .expanded,
      contextTokens: devices.choice.context ?? promptTokens + genTokens)
    let weights = try devices.weightOptions.weights.map { try WeightFormat($0) }
    let path = try BundledModels.resolve(model)
    let hasWeights =
      !path.hasSuffix(".json") && (!MappedFile.isFolder(path) || SafetensorsCheckpoint.isThere(path))
    if case .bitsPerElement? = weights, MappedFile.isFolder(path) {
      return try ConfiguredModel(path: path, weights: weights, options: options)
    }
    return hasWeights
      ? try ModelDefinition(path: path, weights: weights, options: options)
      : try ConfiguredModel(path: path, weights: weights, options: options)
  }

  /// The model placed.
  func planned() throws -> PlannedModel {
    let description = try description()
    var options = try devices.choice.planningOptions(
      request: RequestShape(promptTokens: promptTokens, genTokens: genTokens, concurrency: concurrency))
    options.passesInFlight = passesInFlight
    if options.contextTokens == nil {
      let needed = promptTokens + genTokens
      options.contextTokens = min(max(needed, 4096), description.configuration.contextLength)
    }
    if let fleet {
      options.tokensPerPass = tokensPerPass ?? 512
      let plain = try Fleet(yaml: try readText(fleet), path: fleet)
      let format = (description as? ConfiguredModel)?.weights
      let machines = format.map { plain.adapted(to: $0) } ?? plain
      return try PlannedModel(
        description, fleet: machines, layouts: machines.layouts(weights: format), options: options,
        plainFleet: plain)
    }
    if let tokensPerPass { options.tokensPerPass = tokensPerPass }
    let bar = ProgressBar("measuring the devices, once")
    defer { bar.end() }
    let here = try DeviceSelection.devices(
      devices.devices ?? "cpu", topology: try CPUTopology(),
      instructionSet: ProcessInfo.processInfo.environment["SKEIN_ISA"])
    return try PlannedModel.plan(
      description, on: here, profiles: .measured, options: options, measuring: bar.update
    ).planned
  }
}

/// `skein plan`
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract:
      "What goes where, how much memory that takes, and how fast it would be; without loading a weight.",
    discussion: """
      Examples:
        skein plan model.gguf
        skein plan model.gguf --devices cpu/2 --explain
        skein plan model.gguf -o placement.yaml      write a placement file, to edit and to run with --placement
        skein plan config.json --weights q8_0 --fleet four-p40.yaml --context 32768
        skein plan model.gguf --placement rules.yaml
        skein plan mixture.gguf --fleet two.yaml --experts-by-usage usage.json
      """)

  @OptionGroup var flags: PlanningFlags
  @Option(name: .customShort("o"), help: ArgumentHelp("Write a placement file.", valueName: "file"))
  var placementPath: String?
  @Flag(help: "Show the critical path of one token: computing, copying and waiting, device by device.")
  var explain = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let planned = try flags.planned()
    if let placementPath {
      let report = PlanReport(planned)
      var file = try PlacementFile(
        describing: planned.plan.placement, of: planned.description.modules, path: placementPath)
      file.strategy = planned.strategy
      file.passesInFlight = planned.plan.limits.passesInFlight
      file.header = report.headline
      try writeText(file.text, to: placementPath)
    }
    let report = PlanReport(planned)
    if output.json { return try Terminal.print(json: report.json(explain: explain)) }
    Terminal.write(report.text(explain: explain) + "\n")
  }
}
