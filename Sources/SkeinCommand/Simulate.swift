import ArgumentParser
import FoundationEssentials
import Skein
import SkeinGraph
import SkeinPlanner

/// `skein simulate`
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What each device would do when: a request replayed on the plan, as a picture or a trace.",
    discussion: """
      Examples:
        skein simulate model.gguf --devices cpu/2 -o timeline.svg
        skein simulate config.json --weights q8_0 --fleet four-p40.yaml -o timeline.svg --prompt-tokens 4096
        skein simulate model.gguf --placement rules.yaml --trace trace.json   for chrome://tracing or Perfetto
        skein simulate model.gguf --passes-in-flight 2 --send-masks           as engines do that send masks
      """)

  /// Tokens that the picture shows being written: enough to see that they are alike.
  private static let mostWrittenTokens = 3

  @OptionGroup var flags: PlanningFlags
  @Option(name: .customShort("o"), help: ArgumentHelp("Write a picture (SVG).", valueName: "file"))
  var picturePath: String?
  @Option(
    name: .customLong("trace"), help: ArgumentHelp("Write a trace of Chrome's format.", valueName: "file"))
  var tracePath: String?
  @Flag(
    help: "Count attention masks that the host sends to each device for each pass, as other engines do.")
  var sendMasks = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let planned = try flags.planned()
    let simulation = Simulation(planned, sendsMasks: sendMasks)
    let tokens = min(Self.mostWrittenTokens, simulation.price.request.genTokens)
    let timeline = Timeline(planned.plan, price: simulation.price, writtenTokens: tokens)
    if let picturePath {
      let picture = TimelinePicture(
        timeline, title: modelName, lines: simulation.headline, details: simulation.details)
      try writeText(picture.svg, to: picturePath)
    }
    if let tracePath {
      try writeText(ChromeTrace(timeline, title: "skein simulate \(modelName)").json, to: tracePath)
    }
    if output.json { return try Terminal.print(json: SimulationJSON(simulation)) }
    Terminal.write(simulation.text + "\n")
  }

  /// The model as people call it: its file's name, or that of the folder of its configuration.
  private var modelName: String {
    var path = URL(filePath: flags.model)
    if path.lastPathComponent == "config.json", flags.model.contains("/") { path.deleteLastPathComponent() }
    return path.lastPathComponent + (flags.devices.weightOptions.weights.map { " (\($0))" } ?? "")
  }
}

/// A plan priced for a replay, with masks or without.
struct Simulation {
  let planned: PlannedModel
  let price: PlanPrice
  let sendsMasks: Bool

  init(_ planned: PlannedModel, sendsMasks: Bool) {
    self.planned = planned
    self.sendsMasks = sendsMasks
    guard sendsMasks else {
      price = planned.price
      return
    }
    let (fleet, problem) = (planned.problem.fleet, planned.problem)
    let rates = planned.plan.devices.map { device in
      fleet.hostLink(to: fleet.devices.firstIndex { $0.id == device.device } ?? 0)
    }
    price = planned.plan.price(
      problem.model, on: fleet, request: problem.request, masks: MaskTraffic(rates: rates))
  }

  /// The lines of `plan`, and what masks cost.
  var headline: [String] {
    let lines = PlanReport(planned, price: price).headline
    guard sendsMasks else { return lines }
    return lines + [
      "attention masks are sent to each device; without them it reads"
        + " \(Format.number(planned.price.prefillTokensPerSecond)) tokens/s, writes"
        + " \(Format.number(planned.price.decodeTokensPerSecond)) tokens/s"
    ]
  }

  /// What each device is and holds, in a few words.
  var details: [String] {
    zip(planned.plan.devices, planned.plan.placementSummary).map { device, part in
      let profile = planned.problem.fleet.devices.first { $0.id == device.device }
      return "\(profile?.hardware ?? ""): \(part.contents)"
    }
  }

  /// All of it for people.
  var text: String {
    let request = price.request
    return
      (headline + [
        "", "reading \(request.promptTokens) tokens: \(Format.seconds(price.prefill.seconds))",
        table(price.prefill), "",
        "writing a token\(request.concurrency == 1 ? "" : " of each request"):"
          + " \(Format.seconds(price.decode.seconds))",
        table(price.decode),
      ]).joined(separator: "\n")
  }

  private func table(_ phase: PhasePrice) -> String {
    let rows = planned.plan.devices.indices.map { index -> [String] in
      let use = phase.devices[index]
      return [planned.plan.devices[index].device.name]
        + [use.computeSeconds, use.copySeconds, phase.waitSeconds(device: index)].map(Format.seconds)
        + ["\(Format.number(phase.busyShare(device: index) * 100, decimals: 0))%"]
    }
    return Format.table([["device", "computes", "copies", "waits", "busy"]] + rows)
  }
}

extension PhasePrice {
  /// Seconds in which a device neither computes nor copies.
  fileprivate func waitSeconds(device: Int) -> Double {
    max(seconds - devices[device].computeSeconds - devices[device].copySeconds, 0)
  }
}

/// The JSON of `simulate`.
struct SimulationJSON: Encodable {
  var strategy: String
  var context: Int
  var passesInFlight: Int
  var sendsMasks: Bool
  var prefillTokensPerSecond: Double
  var decodeTokensPerSecond: Double
  var timeToFirstTokenSeconds: Double
  var requestSeconds: Double
  var bubbleShare: Double
  var prefill: PhaseJSON
  var decode: PhaseJSON

  struct PhaseJSON: Encodable {
    var seconds: Double
    var devices: [DeviceJSON]
  }

  struct DeviceJSON: Encodable {
    var device: String
    var computeSeconds: Double
    var copySeconds: Double
    var waitSeconds: Double
    var busyShare: Double
    enum CodingKeys: String, CodingKey {
      case device
      case computeSeconds = "compute_seconds"
      case copySeconds = "copy_seconds"
      case waitSeconds = "wait_seconds"
      case busyShare = "busy_share"
    }
  }

  enum CodingKeys: String, CodingKey {
    case strategy, context, prefill, decode
    case passesInFlight = "passes_in_flight"
    case sendsMasks = "send_masks"
    case prefillTokensPerSecond = "prefill_tokens_per_second"
    case decodeTokensPerSecond = "decode_tokens_per_second"
    case timeToFirstTokenSeconds = "time_to_first_token_seconds"
    case requestSeconds = "request_seconds"
    case bubbleShare = "bubble_share"
  }

  init(_ simulation: Simulation) {
    let (plan, price) = (simulation.planned.plan, simulation.price)
    func phase(_ phase: PhasePrice) -> PhaseJSON {
      PhaseJSON(
        seconds: phase.seconds,
        devices: plan.devices.indices.map { index in
          DeviceJSON(
            device: plan.devices[index].device.name, computeSeconds: phase.devices[index].computeSeconds,
            copySeconds: phase.devices[index].copySeconds, waitSeconds: phase.waitSeconds(device: index),
            busyShare: phase.busyShare(device: index))
        })
    }
    strategy = simulation.planned.strategy
    context = plan.limits.contextTokens
    passesInFlight = plan.limits.passesInFlight
    sendsMasks = simulation.sendsMasks
    prefillTokensPerSecond = price.prefillTokensPerSecond
    decodeTokensPerSecond = price.decodeTokensPerSecond
    timeToFirstTokenSeconds = price.timeToFirstTokenSeconds
    requestSeconds = price.requestSeconds
    bubbleShare = price.prefill.bubbleShare
    prefill = phase(price.prefill)
    decode = phase(price.decode)
  }
}
