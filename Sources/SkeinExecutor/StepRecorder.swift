/// When a device did a step of a pass.
public struct StepRecord: Hashable, Sendable {
  /// Index into the device's `steps`.
  public var step: Int
  /// The pass, counted from 1 since the executor was made.
  public var pass: Int
  /// Tokens of the pass.
  public var tokenCount: Int
  /// Nanoseconds of the system's clock.
  public var start: UInt64
  /// Nanoseconds of the system's clock.
  public var end: UInt64
}

/// The last steps of one device, in a ring. Written by its worker, read when no pass is in flight.
///
/// On a device whose work is done later than it is enqueued, the times are those of enqueuing.
final class StepRecorder: @unchecked Sendable {
  private let ring: UnsafeMutableBufferPointer<StepRecord>
  private var written = 0

  /// Room for `most` records, touched at once: nothing is allocated later.
  init(most: Int) {
    ring = .allocate(capacity: max(most, 1))
    ring.initialize(repeating: StepRecord(step: 0, pass: 0, tokenCount: 0, start: 0, end: 0))
  }

  deinit { ring.deallocate() }

  func add(_ record: StepRecord) {
    ring[written % ring.count] = record
    written += 1
  }

  /// The records in the order of their making.
  var records: [StepRecord] {
    (max(written - ring.count, 0)..<written).map { ring[$0 % ring.count] }
  }

  /// Records that were overwritten by later ones.
  var lostCount: Int { max(written - ring.count, 0) }
}
