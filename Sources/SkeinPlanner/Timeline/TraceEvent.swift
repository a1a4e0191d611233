import SkeinGraph

/// Events of Chrome's tracing, as JSON. A thread is a device.
enum TraceEvent {
  /// A file's text.
  static func file(_ events: [String]) -> String { "[\n" + events.joined(separator: ",\n") + "\n]\n" }

  /// The names of the process and of its threads.
  static func names(of plan: Plan, title: String) -> [String] {
    var events = [event("M", "process_name", thread: 0, ["args": object(["name": quoted(title)])])]
    for (index, device) in plan.devices.enumerated() {
      let name = quoted(device.device.name)
      events.append(event("M", "thread_name", thread: index + 1, ["args": object(["name": name])]))
      events.append(
        event("M", "thread_sort_index", thread: index + 1, ["args": object(["sort_index": "\(index)"])]))
    }
    return events
  }

  static func event(
    _ phase: String, _ name: String, thread: Int, _ rest: KeyValuePairs<String, String>
  ) -> String {
    let fields = rest.map { ",\"\($0.key)\":\($0.value)" }.joined()
    return "{\"ph\":\"\(phase)\",\"name\":\(quoted(name)),\"pid\":1,\"tid\":\(thread)\(fields)}"
  }

  static func object(_ fields: KeyValuePairs<String, String>) -> String {
    "{" + fields.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
  }

  static func microseconds(_ nanoseconds: Int) -> String {
    let fraction = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }

  /// A string of JSON.
  static func quoted(_ text: String) -> String {
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
