/// What an executor takes note of while it works. What is off costs nothing.
public struct ExecutorOptions: Hashable, Sendable {
  /// Whether the times of steps are kept.
  public enum Tracing: Hashable, Sendable {
    /// They are not.
    case off
    /// The last so many of each device, in memory that is reserved beforehand (40 bytes each).
    case steps(most: Int)
  }
  /// Whether it is counted how often routers choose each expert.
  public enum ExpertCounting: Hashable, Sendable {
    /// It is not.
    case off
    /// By the device that runs the router, which reads its result once more.
    case on
  }

  /// Whether the times of steps are kept.
  public var tracing: Tracing
  /// Whether choices of experts are counted.
  public var expertCounting: ExpertCounting

  /// Both off, or as said.
  public init(tracing: Tracing = .off, expertCounting: ExpertCounting = .off) {
    self.tracing = tracing
    self.expertCounting = expertCounting
  }
}
