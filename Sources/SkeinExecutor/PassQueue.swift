import SkeinDevices
import SkeinGraph

/// The passes in flight, and what each device may do next. The one thing that workers share.
final class PassQueue: @unchecked Sendable {
  /// A run of steps of one pass that a device may do without waiting.
  struct Work {
    var pass: Pass
    var steps: Range<Int>
  }

  private let plan: Plan
  private let monitor = Monitor()
  // All guarded by the monitor.
  private var inFlight: [Pass] = []
  private var free: [Pass]
  private var failure: ExecutorError?
  private var isStopping = false
  /// Workers that are in the middle of a run. None may still write when a caller is told of a failure.
  private var activeCount = 0

  init(plan: Plan, passes: [Pass]) {
    self.plan = plan
    free = passes
    inFlight.reserveCapacity(passes.count)
  }

  /// A free pass, as soon as there is one.
  func take() throws(ExecutorError) -> Pass {
    let result: Result<Pass, ExecutorError> = monitor.await {
      if let failure { return activeCount == 0 ? .failure(failure) : nil }
      // The one that has been free for longest: slots go round in the same order on every run.
      return free.isEmpty ? nil : .success(free.removeFirst())
    }
    return try result.get()
  }

  /// A pass that was taken and will not be sent.
  func giveBack(_ pass: Pass) { monitor.change { free.append(pass) } }

  /// Sends a pass on its way.
  func submit(_ pass: Pass) { monitor.change { inFlight.append(pass) } }

  /// Returns when no pass is in flight.
  func drain() throws(ExecutorError) {
    let result: Result<Void, ExecutorError> = monitor.await {
      if let failure { return activeCount == 0 ? .failure(failure) : nil }
      return inFlight.isEmpty ? .success(()) : nil
    }
    try result.get()
  }

  /// The next work of a device, as soon as there is some; nil when the executor stops.
  ///
  /// The oldest pass that is ready comes first, and no pass overtakes an older one on a device: a token may
  /// attend to what the pass before it stores.
  func next(device: Int) -> Work? {
    let result: Work?? = monitor.await(spins: Monitor.workerSpins) {
      if isStopping || failure != nil { return .some(nil) }
      var bound = plan.devices[device].steps.count
      for pass in inFlight {
        let first = pass.progress[device]
        let last = end(of: pass, device: device, from: first, bound: bound)
        if last > first {
          activeCount += 1
          return .some(Work(pass: pass, steps: first..<last))
        }
        bound = first
      }
      return nil
    }
    return result ?? nil
  }

  /// The end of the run of steps, from `first` and below `bound`, that a device may do now.
  private func end(of pass: Pass, device: Int, from first: Int, bound: Int) -> Int {
    let steps = plan.devices[device].steps
    for index in first..<max(first, bound) {
      if case .copy(let from, _) = steps[index].kind, pass.progress[from.device] <= from.step { return index }
    }
    return max(first, bound)
  }

  /// A device has done the steps of a pass up to `step`, which others await, and goes on.
  ///
  /// The run is not cut there: what it holds in scratch memory would not survive work on another pass.
  func advance(_ pass: Pass, device: Int, to step: Int) { monitor.change { pass.progress[device] = step } }

  /// A device has done a run of steps.
  func complete(_ work: Work, device: Int) {
    monitor.change {
      activeCount -= 1
      let pass = work.pass
      pass.progress[device] = work.steps.upperBound
      let isDone = zip(pass.progress, plan.devices).allSatisfy { $0 == $1.steps.count }
      guard isDone, let place = inFlight.firstIndex(where: { $0 === pass }) else { return }
      free.append(inFlight.remove(at: place))
    }
  }

  /// A device could not do a run of steps: no pass of this executor will finish any more.
  func fail(_ error: ExecutorError) {
    monitor.change {
      activeCount -= 1
      if failure == nil { failure = error }
    }
  }

  /// Lets the workers go.
  func stop() { monitor.change { isStopping = true } }
}
