/// A rectangle of a lane: one span, or neighbours that would be too narrow to see.
struct TimelineBlock: Hashable, Sendable {
  /// What the device does.
  var kind: Span.Kind
  /// The pass, or the first of several.
  var pass: Int
  /// Whether other passes are in it too.
  var isOfSeveral = false
  /// The device's steps, of the first pass.
  var steps: Range<Int>
  /// Points from the start of the lane.
  var start: Double
  /// Points.
  var width: Double
}

/// Turns a lane's spans into rectangles that are wide enough to see, so that a picture is no larger for hundreds
/// of passes than for ten.
///
/// Spans of one pass that touch become one. Of a run of spans narrower than `leastWidth` there is one rectangle
/// of all computing in it and one of all copying, both true to scale: what is left of the run is waiting. Only a
/// copy between two rectangles that are much wider is drawn wider than it is, lest nobody see that there is one.
struct TimelineBlocks {
  private let leastWidth: Double
  private var blocks: [TimelineBlock] = []
  /// The narrow spans that are to be one, in points.
  private var run: [TimelineBlock] = []
  private var wasWide = false

  /// - Parameters:
  ///   - lane: what one device does, in the order of time.
  ///   - pointsPerSecond: the scale of the time axis.
  ///   - leastWidth: points below which spans become one.
  static func blocks(of lane: [Span], pointsPerSecond: Double, leastWidth: Double) -> [TimelineBlock] {
    var maker = TimelineBlocks(leastWidth: leastWidth)
    var last: TimelineBlock?
    for span in lane {
      let block = TimelineBlock(
        kind: span.kind, pass: span.pass, steps: span.steps, start: span.start * pointsPerSecond,
        width: (span.end - span.start) * pointsPerSecond)
      if let before = last, before.kind == block.kind, before.pass == block.pass,
        block.start - (before.start + before.width) < leastWidth / 100
      {
        last!.width = block.start + block.width - before.start
        last!.steps = before.steps.lowerBound..<max(before.steps.upperBound, block.steps.upperBound)
        continue
      }
      if let last { maker.add(last) }
      last = block
    }
    if let last { maker.add(last) }
    maker.endRun(beforeWide: false)
    return maker.blocks
  }

  private init(leastWidth: Double) { self.leastWidth = leastWidth }

  private mutating func add(_ block: TimelineBlock) {
    if block.width >= leastWidth {
      let isWide = block.width >= 8 * leastWidth
      endRun(beforeWide: isWide)
      blocks.append(block)
      wasWide = isWide
      return
    }
    if let first = run.first, block.start + block.width - first.start > leastWidth {
      endRun(beforeWide: false)
      wasWide = false
    }
    run.append(block)
  }

  private mutating func endRun(beforeWide: Bool) {
    defer { run = [] }
    guard let first = run.first else { return }
    var start = first.start
    for kind in [Span.Kind.compute, .copy] {
      guard var block = run.first(where: { $0.kind == kind }) else { continue }
      block.start = start
      block.width = run.reduce(0) { $0 + ($1.kind == kind ? $1.width : 0) }
      block.isOfSeveral = run.contains { $0.kind == kind && $0.pass != block.pass }
      start += block.width
      if kind == .copy, beforeWide, wasWide || blocks.isEmpty { block.width = max(block.width, leastWidth) }
      blocks.append(block)
    }
  }
}
