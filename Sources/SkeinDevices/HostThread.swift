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

/// A lock, and a way to wait for what it guards to change.
///
/// Workers spin before they sleep: between the layers of two devices the next change is microseconds away,
/// and a sleeping thread takes tens of them to wake. Others sleep at once: a thread that spins beside the
/// workers takes a core from them (decoding a small model was half as fast).
package final class Monitor: @unchecked Sendable {
  package static let workerSpins = 4000
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let version = Atomic<Int>(0)

  package init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` under the lock.
  @inline(__always)
  package func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Runs `body` under the lock, then wakes all that wait.
  @inline(__always)
  package func change(_ body: () -> Void) {
    locked {
      body()
      version.add(1, ordering: .releasing)
      pthread_cond_broadcast(condition)
    }
  }

  /// Runs `body` under the lock, again after every change, until it gives a value.
  ///
  /// - Parameter spins: how often to look again before sleeping.
  @inline(__always)
  package func await<Result>(spins most: Int = 0, _ body: () -> Result?) -> Result {
    while true {
      let seen = version.load(ordering: .acquiring)
      if let result = locked(body) { return result }
      var spins = 0
      while version.load(ordering: .acquiring) == seen, spins < most {
        skein_spin_hint()
        spins += 1
      }
      if version.load(ordering: .acquiring) != seen { continue }
      locked {
        while version.load(ordering: .relaxed) == seen { pthread_cond_wait(condition, mutex) }
      }
    }
  }
}
