import CSystem

/// Pinned threads that share out the items of a kernel. See `team.c` for how.
final class ThreadTeam {
  /// Items begin ..< end of what the arguments describe, with a thread's scratch memory.
  typealias Kernel = @convention(c) (UnsafeRawPointer?, Int32, Int32, UnsafeMutableRawPointer?) -> Void

  private let handle: OpaquePointer
  let threadCount: Int

  init(cores: [Int], device: String) throws(DeviceError) {
    guard let handle = skein_team_create(cores.map(Int32.init), Int32(cores.count)) else {
      throw DeviceError(.failed, "cannot start \(cores.count) threads", device: device)
    }
    self.handle = handle
    threadCount = cores.count
  }

  deinit { skein_team_destroy(handle) }

  /// Makes the calling thread the team's first member.
  func attach() { _ = skein_team_attach(handle) }

  /// Gives each member its scratch memory.
  func setWorkspace(_ workspace: UnsafeMutableRawPointer, stride: Int) {
    skein_team_set_workspace(handle, workspace, stride)
  }

  /// Runs `kernel` over `items`, `grain` at a time; returns when all are done.
  @inline(__always)
  func run<Arguments>(
    _ kernel: @escaping Kernel, _ arguments: inout Arguments, items: Int, grain: Int
  ) {
    withUnsafePointer(to: &arguments) {
      skein_team_run(handle, kernel, $0, Int32(truncatingIfNeeded: items), Int32(truncatingIfNeeded: grain))
    }
  }

  /// A grain that gives each thread about four runs, in multiples of `unit`.
  func grain(items: Int, unit: Int = 1) -> Int {
    let share = (items + threadCount * 4 - 1) / (threadCount * 4)
    return max((share + unit - 1) / unit * unit, 1)
  }
}
