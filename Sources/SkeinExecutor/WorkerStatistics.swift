import Synchronization

/// What a device has done so far. Written by its worker, read by anyone.
final class WorkerStatistics: Sendable {
  private let busyNanoseconds = Atomic<UInt64>(0)
  private let tokens = Atomic<Int>(0)

  func add(nanoseconds: UInt64, tokens count: Int) {
    busyNanoseconds.add(nanoseconds, ordering: .relaxed)
    tokens.add(count, ordering: .relaxed)
  }

  var busySeconds: Double { Double(busyNanoseconds.load(ordering: .relaxed)) / 1e9 }
}
