/// Gives every value that a device makes a place in memory.
///
/// A value lives from the step that makes it to the last step that reads it; where another device reads it, to
/// the first step that cannot begin before that has happened. It goes to the pass's own
/// region where another device reads it or where it lives across a wait, since the device may work on
/// another pass meanwhile; all other values share the scratch region between passes. Within a region,
/// values that do not live at the same time share bytes: the first gap that is large enough is taken.
///
/// - Returns: bytes of the pass and scratch regions.
func placeValues(
  _ steps: inout [Step], device: Int, order: HappensBefore, graph: Graph, values: PlanValues,
  limits: PlanLimits, inputBytes: Int
) -> [Region: Int] {
  let lives = liveRanges(steps, device: device, order, values)
  // Passes keep their inputs in front of their values.
  var arenas: [Region: Arena] = [.pass: Arena(start: inputBytes), .scratch: Arena(start: 0)]
  var place = [Buffer?](repeating: nil, count: values.count)
  for index in steps.indices {
    if case .fetch = steps[index].kind { continue }
    let node = graph[steps[index].node]
    let value = values.index(of: node.id, part: steps[index].part)!
    steps[index].inputs = values.inputs(of: steps[index]).map { place[$0]! }
    if steps[index].kind == .output {
      steps[index].result = place[value]!
      continue
    }
    let life = lives[value]
    let region: Region = life.isShared ? .pass : .scratch
    let rows = node.rows.count(tokens: limits.tokensPerPass, outputs: limits.outputsPerPass)
    let bytes = rows * values.width(of: node.id, part: steps[index].part) * 4
    let offset = arenas[region]!.take(bytes, from: index, through: life.last)
    let buffer = Buffer(region, offset: offset, byteCount: bytes)
    place[value] = buffer
    steps[index].result = buffer
  }
  return arenas.mapValues(\.peak)
}

private struct LiveRange {
  /// The last step that reads the value.
  var last = 0
  /// Whether it must survive while the device works on another pass.
  var isShared = false
}

/// How long each value lives on a device.
private func liveRanges(
  _ steps: [Step], device: Int, _ order: HappensBefore, _ values: PlanValues
) -> [LiveRange] {
  var lives = [LiveRange](repeating: LiveRange(), count: values.count)
  for (index, step) in steps.enumerated() {
    lives[values.index(of: step.node, part: step.part)!].last = index
    for input in values.inputs(of: step) { lives[input].last = index }
  }
  let waits = steps.indices.filter { steps[$0].waits }
  for (made, step) in steps.enumerated() where step.makesValue {
    let value = values.index(of: step.node, part: step.part)!
    var life = lives[value]
    if step.isAwaited {
      life.last = max(life.last, order.lastRemoteUse(of: StepReference(device: device, step: made)))
    }
    life.isShared = step.isAwaited || waits.contains { $0 > made && $0 <= life.last }
    lives[value] = life
  }
  return lives
}

/// Memory given out and taken back by step: first fit.
private struct Arena {
  private var live: [(range: Range<Int>, last: Int)] = []
  private let start: Int
  private(set) var peak: Int

  init(start: Int) {
    self.start = start
    peak = start
  }

  /// The offset of `bytes` that nothing else uses from step `first` through `last`.
  mutating func take(_ bytes: Int, from first: Int, through last: Int) -> Int {
    let size = bytes.roundedUp(to: Plan.bufferAlignment)
    live.removeAll { $0.last < first }
    var offset = start
    var place = live.endIndex
    for (index, other) in live.enumerated() {
      if other.range.lowerBound - offset >= size {
        place = index
        break
      }
      offset = other.range.upperBound
    }
    live.insert((offset..<offset + size, last), at: place)
    peak = max(peak, offset + size)
    return offset
  }
}
