import Synchronization

/// What a device has done so far. Written by its worker, read by anyone.
final class WorkerStatistics: Sendable {
  private let busyNanoseconds = Atomic<UInt64>(0)

  func add(nanoseconds: UInt64) { busyNanoseconds.add(nanoseconds, ordering: .relaxed) }

  var busySeconds: Double { Double(busyNanoseconds.load(ordering: .relaxed)) / 1e9 }
}
