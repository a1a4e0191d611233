import SkeinGraph
import SkeinPlanner

extension PlanReport {
  /// The report for programs.
  func json(explain: Bool) -> PlanJSON { PlanJSON(self, explain: explain) }
}

/// The JSON of `plan`.
struct PlanJSON: Encodable {
  var strategy: String
  var context: Int
  var cacheType: String
  var passesInFlight: Int
  var prefillTokensPerSecond: Double
  var decodeTokensPerSecond: Double
  var timeToFirstTokenSeconds: Double
  var requestSeconds: Double
  var bubbleShare: Double
  var devices: [DeviceJSON]
  var links: [LinkJSON]
  var alternatives: [AlternativeJSON]
  var leftOut: [LeftOutJSON]
  var rejected: [RejectedJSON]
  var findings: [String]
  var criticalPath: [String]?

  struct DeviceJSON: Encodable {
    var device: String
    var contents: String
    var weightBytes: Int
    var cacheBytes: Int
    var activationBytes: Int
    var inFlightBytes: Int
    var streamedBytes: Int
    var runtimeBytes: Int
    var bytes: Int
    var availableBytes: Int
    var busySharePrefill: Double
    var busyShareDecode: Double
    enum CodingKeys: String, CodingKey {
      case device, contents, bytes
      case weightBytes = "weight_bytes"
      case cacheBytes = "cache_bytes"
      case activationBytes = "activation_bytes"
      case inFlightBytes = "in_flight_bytes"
      case streamedBytes = "streamed_bytes"
      case runtimeBytes = "runtime_bytes"
      case availableBytes = "available_bytes"
      case busySharePrefill = "busy_share_prefill"
      case busyShareDecode = "busy_share_decode"
    }
  }

  struct LinkJSON: Encodable {
    var from: String
    var to: String
    var bytesPerPrompt: Int
    var bytesPerToken: Int
    enum CodingKeys: String, CodingKey {
      case from, to
      case bytesPerPrompt = "bytes_per_prompt"
      case bytesPerToken = "bytes_per_token"
    }
  }

  struct AlternativeJSON: Encodable {
    var devices: [String]
    var strategy: String
    var prefillTokensPerSecond: Double
    var decodeTokensPerSecond: Double
    var requestSeconds: Double
    enum CodingKeys: String, CodingKey {
      case devices, strategy
      case prefillTokensPerSecond = "prefill_tokens_per_second"
      case decodeTokensPerSecond = "decode_tokens_per_second"
      case requestSeconds = "request_seconds"
    }
  }

  struct LeftOutJSON: Encodable {
    var device: String
    var costShare: Double?
    var reason: String
    enum CodingKeys: String, CodingKey {
      case device, reason
      case costShare = "cost_share"
    }
  }

  struct RejectedJSON: Encodable {
    var devices: [String]
    var reason: String
  }

  enum CodingKeys: String, CodingKey {
    case strategy, context, devices, links, alternatives, rejected, findings
    case cacheType = "cache_type"
    case passesInFlight = "passes_in_flight"
    case prefillTokensPerSecond = "prefill_tokens_per_second"
    case decodeTokensPerSecond = "decode_tokens_per_second"
    case timeToFirstTokenSeconds = "time_to_first_token_seconds"
    case requestSeconds = "request_seconds"
    case bubbleShare = "bubble_share"
    case leftOut = "left_out"
    case criticalPath = "critical_path"
  }

  init(_ report: PlanReport, explain: Bool) {
    let planned = report.planned
    let (plan, price) = (planned.plan, planned.price)
    strategy = planned.strategy
    context = plan.limits.contextTokens
    cacheType = plan.limits.cacheType.name
    passesInFlight = plan.limits.passesInFlight
    prefillTokensPerSecond = price.prefillTokensPerSecond
    decodeTokensPerSecond = price.decodeTokensPerSecond
    timeToFirstTokenSeconds = price.timeToFirstTokenSeconds
    requestSeconds = price.requestSeconds
    bubbleShare = price.prefill.bubbleShare
    devices = zip(plan.devices.indices, plan.placementSummary).map { index, part in
      let use = MemoryUse(planned, device: index)
      return DeviceJSON(
        device: part.device, contents: part.contents, weightBytes: use.weights, cacheBytes: use.cache,
        activationBytes: use.activations, inFlightBytes: use.inFlight, streamedBytes: use.streamed,
        runtimeBytes: use.runtime, bytes: use.total, availableBytes: use.available,
        busySharePrefill: price.prefill.busyShare(device: index),
        busyShareDecode: price.decode.busyShare(device: index))
    }
    links = price.prefill.links.map { link in
      let written = price.decode.links.first {
        $0.source == link.source && $0.destination == link.destination
      }
      return LinkJSON(
        from: plan.devices[link.source].device.name, to: plan.devices[link.destination].device.name,
        bytesPerPrompt: link.byteCount, bytesPerToken: written?.byteCount ?? 0)
    }
    alternatives = (planned.result?.alternatives ?? []).map {
      AlternativeJSON(
        devices: $0.placement.devices.map(\.name), strategy: $0.strategy,
        prefillTokensPerSecond: $0.price.prefillTokensPerSecond,
        decodeTokensPerSecond: $0.price.decodeTokensPerSecond, requestSeconds: $0.seconds)
    }
    leftOut = (planned.result?.leftOut ?? []).map {
      LeftOutJSON(device: $0.device.name, costShare: $0.costShare, reason: $0.reason)
    }
    rejected = (planned.result?.rejected ?? []).map {
      RejectedJSON(devices: $0.devices.map(\.name), reason: $0.reason)
    }
    findings = planned.findings.map(\.description)
    criticalPath = explain ? CriticalPath(planned).lines : nil
  }
}
