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
    var events = [event("M", "process_name", thread: 0, ["args": object(["name": quoted(title)])])]
    for (index, device) in timeline.plan.devices.enumerated() {
      let name = quoted(device.device.name)
      events.append(event("M", "thread_name", thread: index + 1, ["args": object(["name": name])]))
      events.append(
        event("M", "thread_sort_index", thread: index + 1, ["args": object(["sort_index": "\(index)"])]))
    }
    append(timeline.prefill, name: "prefill", start: 0, to: &events)
    append(timeline.decode, name: "decode", start: timeline.prefill.seconds, to: &events)
    return "[\n" + events.joined(separator: ",\n") + "\n]\n"
  }

  private func append(_ phase: Timeline.Phase, name: String, start: Double, to events: inout [String]) {
    for span in phase.spans.sorted(by: { ($0.start, $0.device) < ($1.start, $1.device) }) {
      // Both ends are rounded, not the length: spans that touch still touch and never overlap.
      let (first, last) = (nanoseconds(start + span.start), nanoseconds(start + span.end))
      var arguments: KeyValuePairs<String, String> = [:]
      let pass = "\(span.pass + 1)"
      let ends = timeline.ends(of: span.steps, device: span.device)
      let (from, to) = (quoted(ends?.first.description ?? ""), quoted(ends?.last.description ?? ""))
      if let copy = timeline.copy(span, in: phase) {
        let source = quoted(timeline.plan.devices[copy.source].device.name)
        arguments = [
          "phase": quoted(name), "pass": pass, "first": from, "last": to, "from": source,
          "bytes": "\(copy.byteCount)",
        ]
      } else {
        arguments = ["phase": quoted(name), "pass": pass, "first": from, "last": to]
      }
      events.append(
        event(
          "X", span.kind == .copy ? "copy" : "\(name) \(pass)", thread: span.device + 1,
          [
            "cat": quoted(span.kind.rawValue), "ts": microseconds(first), "dur": microseconds(last - first),
            "args": object(arguments),
          ]))
    }
  }

  private func event(
    _ phase: String, _ name: String, thread: Int, _ rest: KeyValuePairs<String, String>
  ) -> String {
    let fields = rest.map { ",\"\($0.key)\":\($0.value)" }.joined()
    return "{\"ph\":\"\(phase)\",\"name\":\(quoted(name)),\"pid\":1,\"tid\":\(thread)\(fields)}"
  }

  private func object(_ fields: KeyValuePairs<String, String>) -> String {
    "{" + fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
  }

  private func nanoseconds(_ seconds: Double) -> Int { Int(min(seconds * 1e9, 1e18).rounded()) }

  private func microseconds(_ nanoseconds: Int) -> String {
    let fraction = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }

  /// A string of JSON.
  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
