import CSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A thread of the operating system. Without `join` it is left to end by itself.
///
/// Workers are pinned and wait for devices, so they must not take a thread of the shared pool that
/// structured concurrency runs on.
package final class HostThread: @unchecked Sendable {
  private var handle: pthread_t
  private var isJoined = false

  /// Starts a thread that runs `body`.
  package init(_ body: @escaping @Sendable () -> Void) throws(DeviceError) {
    let box = Unmanaged.passRetained(Body(body))
    #if canImport(Darwin)
      var started: pthread_t?
    #else
      var started = pthread_t()
    #endif
    let code = pthread_create(
      &started, nil,
      { context in
        #if canImport(Darwin)
          Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        #else
          Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        #endif
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw DeviceError(.failed, "cannot start a thread: \(String(cString: strerror(code)))", device: "host")
    }
    #if canImport(Darwin)
      handle = started!
    #else
      handle = started
    #endif
  }

  deinit { if !isJoined { pthread_detach(handle) } }

  /// Returns when the thread has ended.
  package func join() {
    guard !isJoined else { return }
    isJoined = true
    pthread_join(handle, nil)
  }

  /// Runs `body` on a thread of its own and waits for it.
  package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let outcome = Outcome<Value>()
    try HostThread { outcome.result.withLock { $0 = Result(catching: body) } }.join()
    return try outcome.result.withLock { $0! }.get()
  }

  private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
  }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

/// A lock, and ways to wait for what it guards to change.
///
/// Workers spin before they sleep: between the layers of two devices the next change is microseconds away,
/// and a sleeping thread takes tens of them to wake. Whoever waits for the end of it all sleeps at once, on a
/// condition of its own: a thread that wakes or spins beside the workers takes a core from them (decoding a
/// small model was half as fast).
package final class Monitor: @unchecked Sendable {
  package static let workerSpins = 4000
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let progress = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let completion = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let version = Atomic<Int>(0)
  /// Threads that sleep on `progress`; guarded by the lock. A broadcast to nobody still costs.
  private var sleeperCount = 0

  package init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(progress, nil)
    pthread_cond_init(completion, nil)
  }

  deinit {
    pthread_cond_destroy(completion)
    pthread_cond_destroy(progress)
    pthread_mutex_destroy(mutex)
    completion.deallocate()
    progress.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` under the lock.
  @inline(__always)
  package func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Runs `body` under the lock, then wakes all that `await`; where `body` says so, those that
  /// `awaitCompletion` too.
  @inline(__always)
  package func change(_ body: () -> Bool) {
    locked {
      let completes = body()
      version.add(1, ordering: .releasing)
      if sleeperCount > 0 { pthread_cond_broadcast(progress) }
      if completes { pthread_cond_broadcast(completion) }
    }
  }

  /// Runs `body` under the lock, again after every change, until it gives a value.
  ///
  /// - Parameters:
  ///   - spins: how often to look again before sleeping.
  ///   - yielding: while it says so, look again without sleeping, letting others have the core in between.
  @inline(__always)
  package func await<Result>(
    spins most: Int = 0, yielding: () -> Bool = { false }, _ body: () -> Result?
  ) -> Result {
    while true {
      let seen = version.load(ordering: .acquiring)
      if let result = locked(body) { return result }
      var spins = 0
      while version.load(ordering: .acquiring) == seen, spins < most {
        skein_spin_hint()
        spins += 1
      }
      while version.load(ordering: .acquiring) == seen, yielding() { sched_yield() }
      if version.load(ordering: .acquiring) != seen { continue }
      locked {
        sleeperCount += 1
        while version.load(ordering: .relaxed) == seen { pthread_cond_wait(progress, mutex) }
        sleeperCount -= 1
      }
    }
  }

  /// Runs `body` under the lock, again after every change that completes something, until it gives a value.
  @inline(__always)
  package func awaitCompletion<Result>(_ body: () -> Result?) -> Result {
    locked {
      while true {
        if let result = body() { return result }
        pthread_cond_wait(completion, mutex)
      }
    }
  }
}
