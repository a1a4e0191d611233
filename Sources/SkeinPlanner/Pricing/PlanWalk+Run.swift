import SkeinGraph

extension PlanWalk {
  /// Walks the passes through the plan in the executor's order.
  ///
  /// - Returns: what each device did when; the last end is the time that all passes take.
  mutating func run(_ loads: [PassLoad]) -> [Span] {
    var state = WalkState(passCount: loads.count, deviceCount: segments.count, limits: plan.limits)
    var spans: [Span] = []
    while true {
      for device in segments.indices where state.running[device] == nil {
        begin(device, loads, &state)
      }
      guard let event = nextEvent(&state) else { break }
      spans.append(finish(event, &state))
    }
    return spans
  }

  /// Gives an idle device the next run of segments that it may do, if there is one.
  private mutating func begin(_ device: Int, _ loads: [PassLoad], _ state: inout WalkState) {
    var bound = segments[device].count
    for pass in state.firstOpen..<min(state.firstOpen + plan.limits.passesInFlight, loads.count) {
      let first = state.progress[pass][device]
      let last = end(device, pass, from: first, bound: bound, state)
      if last > first {
        state.runEnd[device] = last
        start(device, pass, segment: first, loads, &state)
        return
      }
      bound = first
    }
  }

  private func end(_ device: Int, _ pass: Int, from first: Int, bound: Int, _ state: WalkState) -> Int {
    for index in first..<max(first, bound) {
      if let source = segments[device][index].source, state.progress[pass][source.device] <= source.segment {
        return index
      }
    }
    return max(first, bound)
  }

  private mutating func start(
    _ device: Int, _ pass: Int, segment: Int, _ loads: [PassLoad], _ state: inout WalkState
  ) {
    let seconds = seconds(loads[pass], device: device, segment: segment)
    state.running[device] = WalkState.Running(
      pass: pass, segment: segment, remaining: seconds, start: state.now)
    state.loads = loads
  }

  /// Moves the clock to the next end of a segment; nil where all is done.
  private func nextEvent(_ state: inout WalkState) -> Int? {
    let busy = state.running.map { $0 != nil }
    var best: (device: Int, seconds: Double)?
    var speeds = [Double](repeating: 1, count: busy.count)
    for device in busy.indices where busy[device] {
      speeds[device] = speed(of: device, busy: busy)
      let seconds = state.running[device]!.remaining / speeds[device]
      if best == nil || seconds < best!.seconds { best = (device, seconds) }
    }
    guard let best else { return nil }
    state.now += best.seconds
    for device in busy.indices where busy[device] {
      state.running[device]!.remaining -= best.seconds * speeds[device]
    }
    state.running[best.device]!.remaining = 0
    return best.device
  }

  /// A device has done a segment: it goes on with its run, or is idle.
  private mutating func finish(_ device: Int, _ state: inout WalkState) -> Span {
    let done = state.running[device]!
    let segment = segments[device][done.segment]
    state.running[device] = nil
    state.progress[done.pass][device] = done.segment + 1
    while state.firstOpen < state.progress.count,
      zip(state.progress[state.firstOpen], segments).allSatisfy({ $0 == $1.count })
    {
      state.firstOpen += 1
    }
    let span = Span(
      kind: segment.source == nil ? .compute : .copy, device: device, pass: done.pass, steps: segment.steps,
      start: done.start, end: state.now)
    if done.segment + 1 < state.runEnd[device] {
      start(device, done.pass, segment: done.segment + 1, state.loads, &state)
    }
    return span
  }
}

/// Where a walk stands.
private struct WalkState {
  struct Running {
    var pass: Int
    var segment: Int
    /// Seconds still to do, at the device's own speed.
    var remaining: Double
    var start: Double
  }

  var now = 0.0
  var running: [Running?]
  var runEnd: [Int]
  /// For each pass and device, the segments that are done.
  var progress: [[Int]]
  /// The oldest pass that is not done on every device.
  var firstOpen = 0
  var loads: [PassLoad] = []

  init(passCount: Int, deviceCount: Int, limits: PlanLimits) {
    running = [Running?](repeating: nil, count: deviceCount)
    runEnd = [Int](repeating: 0, count: deviceCount)
    progress = [[Int]](repeating: [Int](repeating: 0, count: deviceCount), count: passCount)
  }
}
