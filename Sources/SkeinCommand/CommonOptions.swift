import ArgumentParser
import FoundationEssentials
import Skein
import SkeinDevices
import SkeinModels
import SkeinPlanner

/// What every command takes.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON value instead of text.")
  var json = false
}

/// The devices to run on, and the sizes to run with.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Devices, separated by commas: cpu (all cores), cpu/2 (the cores cut in two), cpu@0-7 (these cores).",
      valueName: "list"))
  var devices: String?

  @Option(help: ArgumentHelp("The most tokens of prompt and answer together.", valueName: "n"))
  var context: Int?
  @OptionGroup var cache: CacheOptions
  @OptionGroup var weightOptions: WeightOptions

  @Option(
    help: ArgumentHelp(
      "A file that says what goes where: of Skein (see docs/placement.md), KTransformers, accelerate or llama.cpp;"
        + " or options of llama.cpp themselves, as in --placement=\"-ot exps=CPU\".",
      valueName: "file"))
  var placement: String?

  @Flag(help: "Use all of the devices, also where that is slower.")
  var useAllDevices = false
  @OptionGroup var expertUsage: ExpertUsageOptions

  /// The choice that these flags make.
  var choice: DeviceChoice {
    DeviceChoice(
      devices: devices, context: context, cacheType: cache.cacheType, weights: weightOptions.weights,
      weightMemory: weightOptions.weightMemory,
      placement: placement, usesAllDevices: useAllDevices, expertUsage: expertUsage.path)
  }
}

/// The format of weights in memory.
struct WeightOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Convert weights while loading: f32, bf16, f16, q8_0, q6_k, q4_k... To plan only, bits each as in 10.6bpw.",
      valueName: "format"))
  var weights: String?
  @Option(
    help: ArgumentHelp(
      "Weights on the CPU: copied, or mapped (they stay in the pages of the file, which other processes share).",
      valueName: "memory"))
  var weightMemory = PlanningOptions.WeightMemory.copied
}

extension PlanningOptions.WeightMemory: ExpressibleByArgument {}

/// Devices, and how a model is to be placed on them.
struct DeviceChoice {
  var devices: String?
  var context: Int?
  var cacheType = PlanningOptions.CacheType.automatic
  var weights: String?
  var weightMemory = PlanningOptions.WeightMemory.copied
  var placement: String?
  var usesAllDevices = false
  /// The file of `--experts-by-usage`.
  var expertUsage: String?

  /// Options for loading a model on these devices.
  func loadOptions(request: RequestShape = RequestShape(), outputsPerPass: Int = 1) throws -> LoadOptions {
    var options = LoadOptions()
    if let devices { options.devices = .list(devices) }
    options.weights = try weights.map { try WeightFormat($0) }
    options.planning = try planningOptions(request: request)
    options.planning.outputsPerPass = outputsPerPass
    // `SKEIN_ISA` names the CPU kernels to use.
    options.instructionSet = ProcessInfo.processInfo.environment["SKEIN_ISA"]
    return options
  }

  /// Whether a list of devices names one.
  static func isSingle(_ list: String) throws -> Bool {
    try DeviceSelection.devices(list, topology: CPUTopology()).count == 1
  }

  /// Options for computing logits: speed is no matter, so nothing is measured and all devices take part. They share
  /// layers only where a placement says so: then all choices of devices give the same bits.
  func scoringOptions(outputsPerPass: Int) throws -> LoadOptions {
    var options = try loadOptions(outputsPerPass: outputsPerPass)
    options.planning.usesAllDevices = true
    options.planning.layerSharing = .never
    options.profiles = .estimated
    return options
  }

  /// What the planner is asked.
  func planningOptions(request: RequestShape) throws -> PlanningOptions {
    var options = PlanningOptions()
    options.contextTokens = context
    options.cacheType = cacheType
    options.weightMemory = weightMemory
    options.request = request
    options.usesAllDevices = usesAllDevices
    options.expertUsage = try expertUsage.map {
      try PlanningOptions.ExpertUsageFile(parsing: readText($0), path: $0)
    }
    if let placement {
      // Options of llama.cpp may stand in the place of a file.
      let isText = placement.hasPrefix("-") && placement != "-"
      options.placing = .rules(
        text: isText ? placement : try readText(placement), path: isText ? "--placement" : placement)
    }
    return options
  }
}

/// How the key-value cache is stored.
struct CacheOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The key-value cache: f16; bf16, coarser, which processors with AVX512_BF16 compute with faster; q8_0 in about half the memory; f32 in twice the memory, without rounding;"
        + " automatic for f32 where the weights are, else f16.",
      valueName: "type"))
  var cacheType = PlanningOptions.CacheType.automatic
}

extension PlanningOptions.CacheType: ExpressibleByArgument {}

/// The sampling flags of `run`.
struct SamplingFlags: ParsableArguments {
  @Option(help: "Randomness of the choice; 0 always takes the likeliest token.")
  var temperature: Float = 0.8
  @Option(name: .customLong("top-k"), help: "Choose among the k likeliest tokens; 0 for all.")
  var topK = 40
  @Option(name: .customLong("top-p"), help: "Choose among the likeliest tokens of this total probability.")
  var topP: Float = 0.95
  @Option(
    name: .customLong("min-p"), help: "Choose among tokens at least this fraction as likely as the likeliest."
  )
  var minP: Float = 0.05
  @Option(help: "Above 1, makes recent tokens less likely.")
  var repetitionPenalty: Float = 1
  @Option(help: "The same seed gives the same text.")
  var seed: UInt64?

  var options: SamplingOptions {
    var options = SamplingOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.minP = minP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    return options
  }

  func validate() throws {
    do { try options.validate() } catch { throw ValidationError(error.description) }
  }
}

/// Token ids as people write them: `1,2,3`.
func parseTokens(_ list: String) throws -> [Int32] {
  try list.split(separator: ",", omittingEmptySubsequences: false).map { part in
    guard let token = Int32(part.filter { $0 != " " }) else {
      throw ValidationError("\"\(part)\" is not a token id; write ids as 1,2,3")
    }
    return token
  }
}

/// The text of a file, or of standard input for `-`.
func readText(_ path: String) throws -> String {
  let data: Data
  if path == "-" {
    data = readStandardInput()
  } else {
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw SkeinError(.notFound, "\(path): cannot be read; give the path of a text file")
    }
  }
  guard let text = String(data: data, encoding: .utf8) else {
    throw SkeinError(.invalidInput, "\(path): is not UTF-8 text")
  }
  return text
}

/// Writes a file whole or not at all.
func writeText(_ text: String, to path: String) throws {
  do {
    try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
  } catch {
    throw SkeinError(.notFound, "\(path): cannot be written; name a file in a folder that exists")
  }
}
