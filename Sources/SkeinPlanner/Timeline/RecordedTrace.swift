import SkeinGraph

/// What devices really did, step by step, in the format of `ChromeTrace`: a thread is a device, an event a step.
public struct RecordedTrace {
  /// A step that a device did.
  public struct Event: Hashable, Sendable {
    /// Index into `Plan.devices`.
    public var device: Int
    /// Index into the device's steps.
    public var step: Int
    /// The pass.
    public var pass: Int
    /// Tokens of the pass.
    public var tokens: Int
    /// Nanoseconds on a clock that all devices share.
    public var start: UInt64
    /// Nanoseconds on the same clock.
    public var end: UInt64

    /// A step that took from `start` to `end`.
    public init(device: Int, step: Int, pass: Int, tokens: Int, start: UInt64, end: UInt64) {
      self.device = device
      self.step = step
      self.pass = pass
      self.tokens = tokens
      self.start = start
      self.end = end
    }
  }

  /// The plan that was run.
  public let plan: Plan
  /// What happened, in whatever order.
  public let events: [Event]
  /// What the process is called.
  public let title: String

  /// A trace of a plan.
  public init(_ plan: Plan, events: [Event], title: String) {
    self.plan = plan
    self.events = events
    self.title = title
  }

  /// The file's text. Times are microseconds from the first step, with three places.
  public var json: String {
    let first = events.map(\.start).min() ?? 0
    let inOrder = events.sorted { ($0.start, $0.device, $0.step) < ($1.start, $1.device, $1.step) }
    return TraceEvent.file(
      TraceEvent.names(of: plan, title: title) + inOrder.map { text(of: $0, from: first) })
  }

  private func text(of event: Event, from first: UInt64) -> String {
    let step = plan.devices[event.device].steps[event.step]
    let node = plan.graph[step.node]
    let (category, name) = names(of: step, node)
    let phase = TraceEvent.quoted(event.tokens > 1 ? "prefill" : "decode")
    let (pass, tokens) = ("\(event.pass)", "\(event.tokens)")
    var arguments: KeyValuePairs<String, String> = [
      "phase": phase, "pass": pass, "tokens": tokens, "node": TraceEvent.quoted(node.name.description),
      "op": TraceEvent.quoted(node.op.kernelName),
    ]
    if case .copy(let from, _) = step.kind {
      arguments = [
        "phase": phase, "pass": pass, "tokens": tokens, "node": TraceEvent.quoted(node.name.description),
        "from": TraceEvent.quoted(plan.devices[from.device].device.name),
      ]
    }
    return TraceEvent.event(
      "X", "\(name) \(pass)", thread: event.device + 1,
      [
        "cat": TraceEvent.quoted(category), "ts": TraceEvent.microseconds(Int(event.start - first)),
        "dur": TraceEvent.microseconds(Int(event.end - event.start)), "args": TraceEvent.object(arguments),
      ])
  }

  /// What kind of work a step is, and what it is called.
  private func names(of step: Step, _ node: Node) -> (category: String, name: String) {
    switch step.kind {
    case .compute: ("compute", node.name.description)
    case .reduce: ("compute", "sum of \(node.name)")
    case .join: ("compute", "join \(node.name)")
    case .copy: ("copy", "copy \(node.name)")
    case .fetch: ("fetch", "fetch \(node.name)")
    case .output: ("copy", "output")
    }
  }
}
