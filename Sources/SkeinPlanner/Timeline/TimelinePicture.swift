import SkeinGraph

/// A timeline as an SVG picture: for the prompt and for the written tokens a lane a device, each with its own time
/// axis, since a prompt may take a thousand times as long as a token.
///
/// Its size is bounded: a few megabytes for the largest fleets, tens of kilobytes for a few devices, whatever
/// the number of passes.
public struct TimelinePicture {
  /// What happens when.
  public let timeline: Timeline
  /// The first line: the model.
  public let title: String
  /// Lines below it: the plan and its speeds.
  public let lines: [String]
  /// What to say of each device below its name: what it is, what it holds.
  public let details: [String]

  /// A picture of `timeline`, with a line of details for each device of its plan, or none at all.
  public init(_ timeline: Timeline, title: String, lines: [String] = [], details: [String] = []) {
    precondition(details.isEmpty || details.count == timeline.plan.devices.count, "details of other devices")
    self.timeline = timeline
    self.title = title
    self.lines = lines
    self.details = details
  }

  // All in points.
  private static let width = 1240.0
  private static let margin = 20.0
  private static let busyWidth = 64.0
  private static let laneHeight = 28.0
  private static let lanePitch = 38.0
  // Of all lanes of a phase together.
  private static let mostBlocks = 20_000.0
  private static let mostNotes = 5_000.0

  /// The file's text.
  public var svg: String {
    var body: [String] = []
    var y = Self.margin + 18
    body.append(text(title, x: Self.margin, y: y, "title", most: 120))
    for line in lines {
      y += 19
      body.append(text(line, x: Self.margin, y: y, "muted", most: 190))
    }
    y += 30
    var panels: [String] = []
    let prefillEnd = panel(timeline.prefill, title: prefillTitle, y: y + 30, to: &panels)
    let end = panel(timeline.decode, title: decodeTitle, y: prefillEnd + 26, to: &panels)
    body += legend(y: y, hasSeveral: panels.contains { $0.hasPrefix("<path class=\"many\"") }) + panels
    let height = decimal(end + Self.margin, places: 1)
    let head = """
      <svg xmlns="http://www.w3.org/2000/svg" width="1240" height="\(height)" viewBox="0 0 1240 \(height)" \
      role="img" font-family="system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="12">
      <title>\(escaped(title))</title>
      <style>\(Self.style)</style>
      <rect class="page" width="1240" height="\(height)"/>
      """
    return head + "\n" + body.joined(separator: "\n") + "\n</svg>\n"
  }

  // Colours that differ in lightness as well as in hue, for those who tell hues badly.
  private static let style = """
    .page{fill:#fff}text{fill:#1f2328}.title{font-size:18px;font-weight:600}.head{font-size:14px;font-weight:600}
    .muted{fill:#57606a}.small{font-size:10px;fill:#57606a}.name{font-weight:600}.wait{fill:#e6e9ed}
    .even{fill:#1f5f9e}.odd{fill:#6fa8dc}.many{fill:#4784bd}.copy{fill:#e8730c}.grid{stroke:#8c959f;stroke-opacity:.35}
    .on-even{font-size:10px;fill:#fff}.on-odd{font-size:10px;fill:#0b2239}.middle{text-anchor:middle}.end{text-anchor:end}
    @media (prefers-color-scheme:dark){.page{fill:#0f1419}text{fill:#e6edf3}.muted,.small{fill:#9aa7b4}
    .wait{fill:#262d36}.even{fill:#2f7fd0}.odd{fill:#9ccbf5}.many{fill:#66a5e2}.copy{fill:#ff9440}.on-even{fill:#fff}.on-odd{fill:#0b2239}}
    """

  private var prefillTitle: String {
    let passes = timeline.prefill.loads.count
    let tokens = timeline.price.request.promptTokens
    return "Reading the prompt: \(tokens) tokens in \(passes) \(passes == 1 ? "pass" : "passes"),"
      + " \(TimeUnit.text(timeline.prefill.seconds))"
  }

  private var decodeTitle: String {
    let (phase, requests) = (timeline.decode, timeline.price.request.concurrency)
    let passes = phase.passesPerRepeat
    return "Writing \(phase.repeats == 1 ? "a token" : "\(phase.repeats) tokens")"
      + (requests == 1 ? "" : " of each of \(requests) requests")
      + ": \(TimeUnit.text(phase.price.seconds)) each"
      + (passes == 1 ? "" : ", in \(passes) passes")
  }

  private func legend(y: Double, hasSeveral: Bool) -> [String] {
    var x = Self.margin
    var parts: [String] = []
    let entries: [(classes: [String], text: String)] = [
      (["even", "odd"], "computes: a pass dark, the next light, counted from 1"),
      (["many"], "computes several passes, too short to tell apart"),
      (["copy"], "fetches values from another device"), (["wait"], "waits"),
    ]
    for entry in entries where entry.classes != ["many"] || hasSeveral {
      for name in entry.classes {
        parts.append(rectangle(x: x, y: y - 10, width: 18, height: 12, name))
        x += 18
      }
      parts.append(text(entry.text, x: x + 7, y: y, ""))
      x += 7 + Double(entry.text.count) * 6.4 + 22
    }
    return parts
  }

  /// Draws a phase and returns where it ends.
  private func panel(_ phase: Timeline.Phase, title: String, y top: Double, to body: inout [String]) -> Double
  {
    let devices = timeline.plan.devices.indices
    let left = Self.margin + labelWidth
    let plotWidth = Self.width - Self.margin - Self.busyWidth - left
    let scale = phase.seconds > 0 ? plotWidth / phase.seconds : 0
    body.append(text(title, x: Self.margin, y: top, "head"))
    body.append(text("busy", x: Self.width - Self.margin, y: top, "small end"))
    let first = top + 14
    let bottom = first + Double(devices.count) * Self.lanePitch - (Self.lanePitch - Self.laneHeight)
    var labels: [String] = []
    for device in devices {
      let y = first + Double(device) * Self.lanePitch
      let detail = details.isEmpty ? nil : details[device]
      let name = timeline.plan.devices[device].device.name
      body.append(
        text(name, x: Self.margin, y: y + (detail == nil ? 18 : 12), "name", most: detail == nil ? 28 : 24))
      if let detail { body.append(text(detail, x: Self.margin, y: y + 25, "small", most: Self.mostDetail)) }
      body.append(rectangle(x: left, y: y, width: plotWidth, height: Self.laneHeight, "wait"))
      let lane = lane(device, phase, x: left, y: y, width: plotWidth, scale: scale)
      body += lane.shapes
      labels += lane.labels
      let busy = decimal(phase.price.busyShare(device: device) * 100, places: 0)
      body.append(text("\(busy)%", x: Self.width - Self.margin, y: y + 18, "name end"))
    }
    for tick in TimelineAxis(seconds: phase.seconds, mostTicks: 10).ticks {
      let x = left + tick.seconds * scale
      body.append(line(x: x, from: first - 3, to: bottom + 5))
      body.append(text(tick.label, x: x, y: bottom + 18, "small middle"))
    }
    // Above the lines of the axis.
    body += labels
    return bottom + 22
  }

  private static let mostDetail = 42

  /// Points of the names on the left.
  private var labelWidth: Double {
    let names = timeline.plan.devices.map { Double(min($0.device.name.count, 24)) * 7.6 }
    let small = details.map { Double(min($0.count, Self.mostDetail)) * 5.6 }
    return min(max((names + small).max() ?? 0, 60), 240) + 14
  }

  private func lane(
    _ device: Int, _ phase: Timeline.Phase, x left: Double, y: Double, width: Double, scale: Double
  ) -> (shapes: [String], labels: [String]) {
    let lanes = Double(timeline.plan.devices.count)
    let blocks = TimelineBlocks.blocks(
      of: phase.lane(device), pointsPerSecond: scale, leastWidth: max(1, lanes * width / Self.mostBlocks))
    let leastNoted = max(4, lanes * width / Self.mostNotes)
    var (shapes, labels): ([String], [String]) = ([], [])
    // What is too narrow for a note of its own: one path for each colour, copies on top.
    var narrow: [String: String] = [:]
    for block in blocks {
      let shade = block.pass % 2 == 0 ? "even" : "odd"
      let name = block.kind == .copy ? "copy" : block.isOfSeveral ? "many" : shade
      let gap = block.width >= 6 ? 0.6 : 0
      let x = left + block.start
      let path = outline(x: x, y: y, width: block.width - gap)
      guard block.width >= leastNoted else {
        narrow[name, default: ""] += path
        continue
      }
      let note = escaped(note(block, device, phase, seconds: block.width / scale))
      shapes.append("<path class=\"\(name)\" d=\"\(path)\"><title>\(note)</title></path>")
      let number = "\(block.pass + 1)"
      if block.kind == .compute, block.width >= Double(number.count) * 6.5 + 5 {
        labels.append(text(number, x: x + block.width / 2, y: y + 18, "on-\(shade) middle"))
      }
    }
    for name in ["even", "odd", "many", "copy"] {
      if let path = narrow[name] { shapes.append("<path class=\"\(name)\" d=\"\(path)\"/>") }
    }
    return (shapes, labels)
  }

  /// What viewers show beside the pointer.
  private func note(_ block: TimelineBlock, _ device: Int, _ phase: Timeline.Phase, seconds: Double) -> String
  {
    let ends = timeline.ends(of: block.steps, device: device)
    let names = ends.map { $0.first == $0.last ? "\($0.first)" : "\($0.first) to \($0.last)" } ?? ""
    return "pass \(block.pass + 1), \(block.kind == .copy ? "fetches" : "computes") \(names):"
      + " \(TimeUnit.text(seconds))"
  }

  // MARK: - Shapes

  private func outline(x: Double, y: Double, width: Double) -> String {
    let width = decimal(max(width, 0.05), places: 2)
    let height = decimal(Self.laneHeight, places: 1)
    return "M\(decimal(x, places: 2)) \(decimal(y, places: 1))h\(width)v\(height)h-\(width)z"
  }

  private func rectangle(x: Double, y: Double, width: Double, height: Double, _ name: String) -> String {
    "<rect class=\"\(name)\" x=\"\(decimal(x, places: 2))\" y=\"\(decimal(y, places: 1))\""
      + " width=\"\(decimal(width, places: 2))\" height=\"\(decimal(height, places: 1))\"/>"
  }

  private func line(x: Double, from top: Double, to bottom: Double) -> String {
    let place = decimal(x, places: 2)
    return "<path class=\"grid\" d=\"M\(place) \(decimal(top, places: 1))V\(decimal(bottom, places: 1))\"/>"
  }

  private func text(_ text: String, x: Double, y: Double, _ name: String, most: Int = .max) -> String {
    let shown = text.count > most ? text.prefix(most - 1) + "\u{2026}" : text
    return "<text class=\"\(name)\" x=\"\(decimal(x, places: 2))\" y=\"\(decimal(y, places: 1))\">"
      + escaped(shown) + "</text>"
  }

  /// Text as XML has it; characters that XML does not allow are left out.
  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n": result += " "
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: break
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
