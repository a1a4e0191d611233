import Skein
import SkeinGraph
import SkeinPlanner

/// A placed model for people and for programs.
struct PlanReport {
  let planned: PlannedModel
  private let price: PlanPrice
  private var plan: Plan { planned.plan }

  /// - Parameter price: of the plan, where it is not the one that the plan was chosen by.
  init(_ planned: PlannedModel, price: PlanPrice? = nil) {
    self.planned = planned
    self.price = price ?? planned.price
  }

  /// What a plan is in a few lines, for the head of a file.
  var headline: [String] {
    let request = price.request
    return [
      "\(planned.strategy) over \(plan.devices.map(\.device.name).joined(separator: ", "))",
      "context \(plan.limits.contextTokens), key-value cache \(plan.limits.cacheType.name); for"
        + " \(request.promptTokens) tokens of prompt and \(request.genTokens) to write, \(request.concurrency) at a time",
      "reads \(Format.number(price.prefillTokensPerSecond)) tokens/s (first token after"
        + " \(Format.seconds(price.timeToFirstTokenSeconds))), writes \(Format.number(price.decodeTokensPerSecond)) tokens/s",
    ]
  }

  /// All of it.
  func text(explain: Bool) -> String {
    var lines = headline + ["", memoryTable]
    lines += linkLines
    if let result = planned.result { lines += choices(result) }
    lines += planned.findings.map(\.description)
    if explain { lines += ["", "one token:"] + CriticalPath(planned).lines }
    return lines.joined(separator: "\n")
  }

  private var memoryTable: String {
    let header = [
      "device", "weights", "cache", "activations", "in flight", "streamed", "runtime", "total", "of",
      "busy reading",
      "busy writing",
    ]
    let rows = plan.devices.indices.map { index -> [String] in
      let use = MemoryUse(planned, device: index)
      return [plan.devices[index].device.name]
        + [
          use.weights, use.cache, use.activations, use.inFlight, use.streamed, use.runtime, use.total,
          use.available,
        ]
        .map(Format.bytes)
        + [
          "\(Format.number(price.prefill.busyShare(device: index) * 100, decimals: 0))%",
          "\(Format.number(price.decode.busyShare(device: index) * 100, decimals: 0))%",
        ]
    }
    let contents = plan.placementSummary.map { "\($0.device): \($0.contents)" }
    return Format.table([header] + rows) + "\n" + contents.joined(separator: "\n")
  }

  private var linkLines: [String] {
    price.prefill.links.map { link in
      let (from, to) = (plan.devices[link.source].device, plan.devices[link.destination].device)
      let written = price.decode.links.first {
        $0.source == link.source && $0.destination == link.destination
      }
      return "link \(from) -> \(to): \(Format.bytes(link.byteCount)) a prompt,"
        + " \(Format.bytes(written?.byteCount ?? 0)) a token"
    } + [
      "waiting while reading: \(Format.number(price.prefill.bubbleShare * 100, decimals: 0))% of all devices' time"
    ]
  }

  private func choices(_ result: PlanningResult) -> [String] {
    var lines = result.leftOut.map(\.description)
    if !result.alternatives.isEmpty { lines += ["", "runners-up:"] }
    lines += result.alternatives.map { other in
      "  \(other.strategy) over \(other.placement.devices.map(\.name).joined(separator: ", ")): reads"
        + " \(Format.number(other.price.prefillTokensPerSecond)), writes"
        + " \(Format.number(other.price.decodeTokensPerSecond)) tokens/s, a request takes"
        + " \(Format.number((other.seconds / result.chosen.seconds - 1) * 100, decimals: 1))% longer"
    }
    if !result.rejected.isEmpty { lines.append("rejected:") }
    lines += result.rejected.prefix(8).map {
      "  \($0.devices.map(\.name).joined(separator: ", ")): \($0.reason)"
    }
    if result.rejected.count > 8 { lines.append("  and \(result.rejected.count - 8) more sets of devices") }
    return lines
  }
}

/// Where a device's memory goes, in bytes.
struct MemoryUse {
  var weights: Int
  var cache: Int
  var activations: Int
  var inFlight: Int
  var streamed: Int
  var runtime: Int
  var total: Int
  var available: Int

  init(_ planned: PlannedModel, device index: Int) {
    let device = planned.plan.devices[index]
    func bytes(_ region: Region) -> Int {
      device.regionBytes[region, default: 0] * device.copies(of: region, limits: planned.plan.limits)
    }
    let profile = planned.problem.fleet.devices.first { $0.id == device.device }
    weights = bytes(.weights)
    cache = bytes(.cache)
    activations = bytes(.scratch) + bytes(.workspace)
    inFlight = bytes(.pass)
    streamed = bytes(.stream)
    runtime = profile?.runtimeBytes ?? 0
    total = planned.plan.byteCount(device: index) + runtime
    available = profile?.memoryBytes ?? 0
  }
}

/// What happens from the start of one token to its end.
struct CriticalPath {
  private let planned: PlannedModel

  init(_ planned: PlannedModel) { self.planned = planned }

  /// The path step by step, then how each device spends the time.
  var lines: [String] {
    let spans = planned.price.decode.spans.sorted { ($0.start, $0.device) < ($1.start, $1.device) }
    var lines = spans.prefix(40).map { span in
      let device = planned.plan.devices[span.device]
      let what =
        span.kind == .copy
        ? "fetches \(planned.plan.graph[device.steps[span.steps.lowerBound].node].name)" : describe(span)
      return
        "  \(Format.seconds(span.start)) \(device.device) \(what): \(Format.seconds(span.end - span.start))"
    }
    if spans.count > 40 { lines.append("  and \(spans.count - 40) more") }
    let decode = planned.price.decode
    let header = ["  device", "computes", "copies", "waits"]
    let rows = planned.plan.devices.indices.map { index -> [String] in
      let use = decode.devices[index]
      return ["  " + planned.plan.devices[index].device.name]
        + [use.computeSeconds, use.copySeconds, decode.seconds - use.computeSeconds - use.copySeconds].map(
          Format.seconds)
    }
    return lines + [Format.table([header] + rows)]
  }

  private func describe(_ span: Span) -> String {
    let device = planned.plan.devices[span.device]
    let names = device.steps[span.steps].filter { $0.kind == .compute }.map {
      planned.plan.graph[$0.node].name
    }
    guard let first = names.first, let last = names.last else { return "hands over" }
    return first == last ? "computes \(first)" : "computes \(first) to \(last) (\(names.count) steps)"
  }
}
