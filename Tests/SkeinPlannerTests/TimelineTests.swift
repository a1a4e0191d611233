import Foundation
import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinPlanner

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What `simulate` writes: pictures and traces.
@Suite("Timelines")
struct TimelineTests {
  /// A request over `count` devices, each with a run of layers.
  private func timeline(_ count: Int, promptTokens: Int = 512, name: String = "gpu") throws -> Timeline {
    let model = PricedModel.f16(TinyGraph.decoder(layerCount: max(8, count), width: 256, feedForward: 512))
    let fleet = Fleet(
      devices: (0..<count).map { index in
        DeviceProfile(
          id: DeviceID("\(name):\(index)"), kind: .gpu, hardware: "even", memoryBytes: 1 << 30,
          rates: .simple(bytesPerSecond: 1e10, operationsPerSecond: 1e11))
      })
    let placement = Placement.layerSplit(
      of: model.graph, over: fleet.devices.map(\.id), weightBytes: { model.weightBytes[$0.index] })
    var problem = problem(
      model, fleet, request: RequestShape(promptTokens: promptTokens, genTokens: 16))
    problem.limits.contextTokens = promptTokens + 16
    let (plan, price) = try problem.price(placement)
    return Timeline(plan, price: price)
  }

  @Test("A device does one thing at a time, for as long as its price says")
  func lanes() throws {
    let timeline = try timeline(4)
    #expect(timeline.decode.repeats == 3)
    #expect(abs(timeline.decode.seconds - 3 * timeline.price.decode.seconds) < 1e-12)
    for phase in [timeline.prefill, timeline.decode] {
      #expect((phase.spans.map(\.pass).max() ?? 0) == phase.loads.count - 1)
      for device in timeline.plan.devices.indices {
        let lane = phase.lane(device)
        for (before, after) in zip(lane, lane.dropFirst()) { #expect(after.start >= before.end - 1e-12) }
        let busy = lane.reduce(0) { $0 + ($1.kind == .compute ? $1.end - $1.start : 0) }
        let expected = phase.price.devices[device].computeSeconds * Double(phase.repeats)
        #expect(abs(busy - expected) < 1e-9)
      }
    }
  }

  @Test("A picture is XML with a lane a device in both phases", arguments: [1, 2, 4, 30])
  func picture(count: Int) throws {
    let timeline = try timeline(count)
    let picture = TimelinePicture(
      timeline, title: "a <model> & \"more\"\u{1}", lines: ["one & two"],
      details: timeline.plan.devices.map { "\($0.device) <details>" })
    let elements = try #require(Elements(picture.svg))
    #expect(elements.texts.contains("a <model> & \"more\"") && elements.texts.contains("one & two"))
    for device in timeline.plan.devices {
      #expect(elements.texts.count { $0 == device.device.name } == 2)
      #expect(elements.texts.count { $0 == "\(device.device) <details>" } == 2)
    }
    // One of the waits is in the legend.
    #expect(elements.classes["wait"] == 2 * count + 1)
    #expect((elements.classes["even"] ?? 0) > count)
    #expect(elements.texts.count { $0.hasSuffix("%") } == 2 * count)
    #expect(elements.texts.contains { $0.hasPrefix("Reading the prompt: 512 tokens in") })
  }

  @Test("A picture of many passes is no larger than its points allow")
  func pictureIsBounded() throws {
    let timeline = try timeline(3, promptTokens: 100_000)
    #expect(timeline.prefill.loads.count > 390)
    let svg = TimelinePicture(timeline, title: "long").svg
    #expect(Elements(svg) != nil)
    #expect(svg.utf8.count < 300_000, "\(svg.utf8.count) bytes")
  }

  @Test("Narrow spans become one block of the same length, and copies stay visible")
  func blocks() {
    func span(_ kind: Span.Kind, _ pass: Int, _ start: Double, _ end: Double) -> Span {
      Span(kind: kind, device: 0, pass: pass, steps: 0..<1, start: start, end: end)
    }
    let narrow = (0..<1000).map { span(.compute, $0, Double($0) * 0.1, Double($0) * 0.1 + 0.05) }
    let blocks = TimelineBlocks.blocks(of: narrow, pointsPerSecond: 1, leastWidth: 1)
    #expect((90...120).contains(blocks.count))
    #expect(abs(blocks.reduce(0) { $0 + $1.width } - 50) < 1e-6)
    for (before, after) in zip(blocks, blocks.dropFirst()) {
      #expect(after.start >= before.start + before.width)
    }
    let wide = [
      span(.compute, 0, 0, 20), span(.compute, 0, 20, 40), span(.copy, 1, 40, 40.01),
      span(.compute, 1, 41, 80),
    ]
    let seen = TimelineBlocks.blocks(of: wide, pointsPerSecond: 1, leastWidth: 1)
    #expect(seen.map(\.kind) == [.compute, .copy, .compute] && seen.map(\.width) == [40, 1, 39])
  }

  @Test(
    "An axis has round numbers", arguments: [0.0, 3e-7, 1.2e-4, 0.0099, 0.01, 0.5, 1, 7, 10, 99, 12_345])
  func axis(seconds: Double) {
    let ticks = TimelineAxis(seconds: seconds, mostTicks: 10).ticks
    #expect(ticks.first?.seconds == 0 && Set(ticks.map(\.label)).count == ticks.count)
    if seconds > 0 { #expect((4...11).contains(ticks.count), "\(ticks.map(\.label))") }
    #expect(ticks.allSatisfy { $0.seconds <= seconds * (1 + 1e-9) })
    let units: [Substring: Double] = ["s": 1, "ms": 1e-3, "us": 1e-6]
    for tick in ticks {
      let parts = tick.label.split(separator: " ")
      let stated: Double = (Double(parts[0]) ?? -1) * (units[parts[1]] ?? 0)
      #expect(abs(stated - tick.seconds) <= 1e-9 * seconds, "\(tick)")
    }
  }

  @Test("A trace has a thread a device, and lengths that add up")
  func trace() throws {
    let timeline = try timeline(3, name: "a\"b\\")
    let text = ChromeTrace(timeline, title: "line\nbreak").json
    let events = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    func name(_ event: [String: Any]) -> String? { (event["args"] as? [String: Any])?["name"] as? String }
    let threads = events.filter { $0["name"] as? String == "thread_name" }
    #expect(threads.map(name) == timeline.plan.devices.map(\.device.name))
    let spans = events.filter { $0["ph"] as? String == "X" }
    #expect(spans.count == timeline.prefill.spans.count + timeline.decode.spans.count)
    for device in timeline.plan.devices.indices {
      let lane = spans.filter { $0["tid"] as? Int == device + 1 }
      let times = lane.map { ($0["ts"] as? Double ?? -1, $0["dur"] as? Double ?? -1) }
      #expect(times.allSatisfy { $0.0 >= 0 && $0.1 >= 0 })
      for (before, after) in zip(times, times.dropFirst()) { #expect(after.0 >= before.0 + before.1 - 1e-6) }
      let total = times.reduce(0) { $0 + $1.1 }
      let uses = [timeline.prefill, timeline.decode].map { phase in
        (phase.price.devices[device].computeSeconds + phase.price.devices[device].copySeconds)
          * Double(phase.repeats)
      }
      #expect(abs(total / 1e6 - uses[0] - uses[1]) < 1e-9 * Double(lane.count + 1))
    }
    let copied = spans.filter { $0["cat"] as? String == "copy" }.compactMap { $0["args"] as? [String: Any] }
    let bytes = copied.filter { $0["phase"] as? String == "prefill" }.reduce(0) {
      $0 + ($1["bytes"] as? Int ?? 0)
    }
    #expect(bytes == timeline.price.prefill.links.reduce(0) { $0 + $1.byteCount } && bytes > 0)
    let computed = try #require(spans.first?["args"] as? [String: Any])
    #expect(computed["first"] as? String == "tokenEmbedding" && computed["pass"] as? Int == 1)
  }
}

/// What an SVG holds, or nil where it is not XML.
private final class Elements: NSObject, XMLParserDelegate {
  /// The text of each `text` element.
  private(set) var texts: [String] = []
  /// Elements by class.
  private(set) var classes: [String: Int] = [:]
  private var text: String?

  init?(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    guard parser.parse() else { return nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    if name == "text" { text = "" }
    if let value = attributes["class"] { classes[value, default: 0] += 1 }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text? += string }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if name == "text" {
      texts.append(text ?? "")
      text = nil
    }
  }
}
