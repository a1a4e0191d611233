import SkeinDevices

/// One thread that does what it is given, in order.
///
/// A model computes one thing at a time, and computing blocks; the shared threads of structured concurrency
/// must not. Callers suspend instead.
final class SerialThread: Sendable {
  private let queue = JobQueue()

  init() throws {
    // The thread holds the queue alone, so that letting go of this object ends it.
    _ = try HostThread { [queue] in
      while let job = queue.next() { job() }
    }
  }

  deinit { queue.close() }

  /// Queues a job.
  func submit(_ job: @escaping @Sendable () -> Void) { queue.add(job) }

  /// Queues a job and suspends until it is done.
  func run<Value: Sendable>(_ job: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Result(catching: job)) }
    }
  }
}

/// Jobs that wait for their thread.
private final class JobQueue: @unchecked Sendable {
  private let monitor = Monitor()
  // Guarded by the monitor.
  private var jobs: [@Sendable () -> Void] = []
  private var isClosed = false

  func add(_ job: @escaping @Sendable () -> Void) {
    monitor.change {
      jobs.append(job)
      return false
    }
  }

  func close() {
    monitor.change {
      isClosed = true
      return false
    }
  }

  /// The next job, as soon as there is one; nil when there will be none.
  func next() -> (@Sendable () -> Void)? {
    let job: (@Sendable () -> Void)?? = monitor.await {
      if !jobs.isEmpty { return .some(jobs.removeFirst()) }
      return isClosed ? .some(nil) : nil
    }
    return job ?? nil
  }
}
