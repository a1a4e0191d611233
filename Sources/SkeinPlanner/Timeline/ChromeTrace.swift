import SkeinGraph

/// A timeline as Chrome's tracing, Perfetto and Speedscope read it: an array of trace events in JSON.
///
/// A thread is a device. Times are microseconds from the start of the prompt, with three places; the prompt and
/// the written tokens follow each other.
public struct ChromeTrace {
  /// What happens when.
  public let timeline: Timeline
  /// What the process is called.
  public let title: String

  /// A trace of `timeline`.
  public init(_ timeline: Timeline, title: String) {
    self.timeline = timeline
    self.title = title
  }

  /// The file's text.
  public var json: String {
    var events = TraceEvent.names(of: timeline.plan, title: title)
    append(timeline.prefill, name: "prefill", start: 0, to: &events)
    append(timeline.decode, name: "decode", start: timeline.prefill.seconds, to: &events)
    return TraceEvent.file(events)
  }

  private func nanoseconds(_ seconds: Double) -> Int { Int(min(seconds * 1e9, 1e18).rounded()) }

  private func append(_ phase: Timeline.Phase, name: String, start: Double, to events: inout [String]) {
    for span in phase.spans.sorted(by: { ($0.start, $0.device) < ($1.start, $1.device) }) {
      // Both ends are rounded, not the length: spans that touch still touch and never overlap.
      let (first, last) = (nanoseconds(start + span.start), nanoseconds(start + span.end))
      var arguments: KeyValuePairs<String, String> = [:]
      let pass = "\(span.pass + 1)"
      let ends = timeline.ends(of: span.steps, device: span.device)
      let (from, to) = (
        TraceEvent.quoted(ends?.first.description ?? ""), TraceEvent.quoted(ends?.last.description ?? "")
      )
      if let copy = timeline.copy(span, in: phase) {
        let source = TraceEvent.quoted(timeline.plan.devices[copy.source].device.name)
        arguments = [
          "phase": TraceEvent.quoted(name), "pass": pass, "first": from, "last": to, "from": source,
          "bytes": "\(copy.byteCount)",
        ]
      } else {
        arguments = ["phase": TraceEvent.quoted(name), "pass": pass, "first": from, "last": to]
      }
      events.append(
        TraceEvent.event(
          "X", span.kind == .copy ? "copy" : "\(name) \(pass)", thread: span.device + 1,
          [
            "cat": TraceEvent.quoted(span.kind.rawValue), "ts": TraceEvent.microseconds(first),
            "dur": TraceEvent.microseconds(last - first),
            "args": TraceEvent.object(arguments),
          ]))
    }
  }
}
