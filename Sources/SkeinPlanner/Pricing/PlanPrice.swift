import SkeinGraph

/// The request that a plan is priced for.
public struct RequestShape: Hashable, Sendable {
  /// Tokens of the prompt.
  public var promptTokens: Int
  /// Tokens to write after it.
  public var genTokens: Int
  /// Requests at a time.
  public var concurrency: Int

  /// A request.
  public init(promptTokens: Int = 512, genTokens: Int = 128, concurrency: Int = 1) {
    self.promptTokens = promptTokens
    self.genTokens = genTokens
    self.concurrency = concurrency
  }
}

/// What a plan would take, phase by phase.
public struct PlanPrice: Hashable, Sendable {
  /// Reading the prompt (of one request).
  public var prefill: PhasePrice
  /// One pass that writes a token of every request, in the middle of the writing.
  public var decode: PhasePrice
  /// What it was priced for.
  public var request: RequestShape

  /// Seconds from the start of the prompt to the first token's logits.
  public var timeToFirstTokenSeconds: Double { prefill.seconds }
  /// Tokens of the prompt read a second.
  public var prefillTokensPerSecond: Double { Double(request.promptTokens) / prefill.seconds }
  /// Tokens written a second, of all requests together.
  public var decodeTokensPerSecond: Double { Double(request.concurrency) / decode.seconds }
  /// Seconds of all requests from the start of the first prompt to the last token: what plans are compared by.
  public var requestSeconds: Double {
    Double(request.concurrency) * prefill.seconds + Double(request.genTokens) * decode.seconds
  }
}

/// What one phase of a request takes.
public struct PhasePrice: Hashable, Sendable {
  /// Seconds from start to end.
  public var seconds: Double
  /// For each device of the plan, what it does meanwhile.
  public var devices: [DeviceUse]
  /// Bytes over each link that is used.
  public var links: [LinkUse]
  /// What each device did when.
  public var spans: [Span]

  /// What a device does in a phase; the rest of the phase it waits.
  public struct DeviceUse: Hashable, Sendable {
    /// Seconds of computing.
    public var computeSeconds: Double
    /// Seconds of fetching values from other devices.
    public var copySeconds: Double
  }

  /// Bytes over a link.
  public struct LinkUse: Hashable, Sendable {
    /// Index into `Plan.devices`.
    public var source: Int
    /// Index into `Plan.devices`.
    public var destination: Int
    /// Bytes in the phase.
    public var byteCount: Int
  }

  /// The part of the phase in which a device computes.
  public func busyShare(device: Int) -> Double {
    seconds > 0 ? devices[device].computeSeconds / seconds : 0
  }

  /// The part of all devices' time in which they wait.
  public var bubbleShare: Double {
    guard seconds > 0, !devices.isEmpty else { return 0 }
    let busy = devices.reduce(0) { $0 + $1.computeSeconds + $1.copySeconds }
    return max(1 - busy / (seconds * Double(devices.count)), 0)
  }
}

extension Plan.Shape {
  /// The passes that the executor cuts a prompt into.
  func prefillLoads(promptTokens: Int) -> [PassLoad] {
    let size = passTokens(for: promptTokens)
    return stride(from: 0, to: promptTokens, by: size).map { start in
      let end = min(start + size, promptTokens)
      return PassLoad(tokens: end - start, outputs: end == promptTokens ? 1 : 0, position: start)
    }
  }

  /// The passes of one step of writing, half-way through the answers.
  func decodeLoads(_ request: RequestShape) -> [PassLoad] {
    let position = request.promptTokens + request.genTokens / 2
    let size = min(passTokens(for: request.concurrency), limits.outputsPerPass)
    return stride(from: 0, to: request.concurrency, by: size).map { start in
      let count = min(size, request.concurrency - start)
      return PassLoad(tokens: count, outputs: count, position: position, sequences: count)
    }
  }

}

extension Plan {
  /// Prices the plan by walking its steps.
  ///
  /// - Parameters:
  ///   - model: formats and sizes of the weights.
  ///   - fleet: has a profile for every device of the plan.
  ///   - masks: sent beside activations, to price what other engines do; nil for none.
  public func price(
    _ model: PricedModel, on fleet: Fleet, request: RequestShape, masks: MaskTraffic? = nil
  ) -> PlanPrice {
    var walk = PlanWalk(self, model: model, fleet: fleet, masks: masks)
    return PlanPrice(
      prefill: walk.phase(shape.prefillLoads(promptTokens: request.promptTokens)),
      decode: walk.phase(shape.decodeLoads(request)), request: request)
  }
}

extension PlanWalk {
  /// Walks the passes and adds up.
  mutating func phase(_ loads: [PassLoad]) -> PhasePrice {
    let spans = run(loads)
    var uses = segments.map { _ in PhasePrice.DeviceUse(computeSeconds: 0, copySeconds: 0) }
    for span in spans {
      switch span.kind {
      case .compute: uses[span.device].computeSeconds += span.end - span.start
      case .copy: uses[span.device].copySeconds += span.end - span.start
      }
    }
    var bytes = segments.map { _ in segments.map { _ in 0 } }
    for load in loads {
      for (source, row) in linkBytes(load).enumerated() {
        for (destination, count) in row.enumerated() { bytes[source][destination] += count }
      }
    }
    let links = bytes.enumerated().flatMap { source, row in
      row.enumerated().compactMap { destination, count in
        count > 0 ? PhasePrice.LinkUse(source: source, destination: destination, byteCount: count) : nil
      }
    }
    return PhasePrice(seconds: spans.map(\.end).max() ?? 0, devices: uses, links: links, spans: spans)
  }
}
