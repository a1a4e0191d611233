import SkeinDevices
import SkeinGraph
import Synchronization

/// The passes in flight, and what each device may do next. The one thing that workers share.
final class PassQueue: @unchecked Sendable {
  /// A run of steps of one pass that a device may do without waiting.
  struct Work {
    var pass: Pass
    var steps: Range<Int>
  }

  private let plan: Plan
  private let monitor = Monitor()
  private let inFlightCount = Atomic<Int>(0)
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
    let result: Result<Pass, ExecutorError> = monitor.awaitCompletion {
      if let failure { return activeCount == 0 ? .failure(failure) : nil }
      // The one that has been free for longest: slots go round in the same order on every run.
      return free.isEmpty ? nil : .success(free.removeFirst())
    }
    return try result.get()
  }

  /// A pass that was taken and will not be sent.
  func giveBack(_ pass: Pass) {
    monitor.change {
      free.append(pass)
      return true
    }
  }

  /// Sends a pass on its way.
  func submit(_ pass: Pass) {
    monitor.change {
      inFlight.append(pass)
      inFlightCount.store(inFlight.count, ordering: .relaxed)
      return false
    }
  }

  /// Returns when no pass is in flight.
  func drain() throws(ExecutorError) {
    let result: Result<Void, ExecutorError> = monitor.awaitCompletion {
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
    // While a pass is on its way the next step of this device is at most milliseconds off.
    let result: Work?? = monitor.await(
      spins: Monitor.workerSpins, yielding: { inFlightCount.load(ordering: .relaxed) > 0 }
    ) {
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
  func advance(_ pass: Pass, device: Int, to step: Int) {
    monitor.change {
      pass.progress[device] = step
      return false
    }
  }

  /// A device has done a run of steps.
  func complete(_ work: Work, device: Int) {
    monitor.change {
      activeCount -= 1
      let pass = work.pass
      pass.progress[device] = work.steps.upperBound
      let isDone = zip(pass.progress, plan.devices).allSatisfy { $0 == $1.steps.count }
      if isDone, let place = inFlight.firstIndex(where: { $0 === pass }) {
        free.append(inFlight.remove(at: place))
        inFlightCount.store(inFlight.count, ordering: .relaxed)
      }
      return isDone || failure != nil
    }
  }

  /// A device could not do a run of steps: no pass of this executor will finish any more.
  func fail(_ error: ExecutorError) {
    monitor.change {
      activeCount -= 1
      if failure == nil { failure = error }
      inFlightCount.store(0, ordering: .relaxed)
      return true
    }
  }

  /// Lets the workers go.
  func stop() {
    monitor.change {
      isStopping = true
      inFlightCount.store(0, ordering: .relaxed)
      return true
    }
  }
}
