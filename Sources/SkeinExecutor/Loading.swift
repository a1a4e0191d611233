import SkeinDevices
import SkeinGraph

/// The state of loading, between the thread that waits for it and the workers that load.
final class Loading: @unchecked Sendable {
  private let monitor = Monitor()
  private let progress: @Sendable (Int, Int) -> Void
  private let totalBytes: Int
  // Guarded by the monitor.
  private var remaining: Int
  private var loadedBytes = 0
  private var failure: (any Error)?

  init(deviceCount: Int, plan: Plan, progress: @escaping @Sendable (Int, Int) -> Void) {
    remaining = deviceCount
    totalBytes = plan.devices.reduce(0) { $0 + $1.weights.reduce(0) { $0 + $1.buffer.byteCount } }
    self.progress = progress
  }

  /// Takes note of bytes loaded; false where loading has failed elsewhere.
  func add(_ bytes: Int) -> Bool {
    let (loaded, goesOn) = monitor.locked {
      loadedBytes += bytes
      return (loadedBytes, failure == nil)
    }
    progress(loaded, totalBytes)
    return goesOn
  }

  /// Runs one worker's loading; false where this or another worker failed.
  func perform(_ body: () throws -> Void) -> Bool {
    var thrown: (any Error)?
    do { try body() } catch { thrown = error }
    var hasFailed = false
    monitor.change {
      if failure == nil { failure = thrown }
      remaining -= 1
      hasFailed = failure != nil
      return remaining == 0
    }
    return !hasFailed
  }

  /// Another worker could not be started.
  func abandon() {
    monitor.change {
      if failure == nil { failure = ExecutorError(.stopped, "loading was abandoned") }
      return false
    }
  }

  /// Returns when all workers are done; throws what the first failure was.
  func wait() throws {
    let result: Result<Void, any Error> = monitor.awaitCompletion {
      guard remaining == 0 else { return nil }
      return failure.map { .failure($0) } ?? .success(())
    }
    try result.get()
  }
}
