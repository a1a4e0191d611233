import CSystem

/// Threads that share out rows of work that is no step of a plan, such as converting weights: one on each core, with
/// scratch memory of its own.
///
/// Only the thread that makes a team may use it; it becomes the first member and is pinned to the first core, so give
/// the team a thread of its own (`HostThread.run`).
public final class RowTeam {
  /// Work on rows, with the memory of the thread that does it.
  public typealias Body = @Sendable (Range<Int>, UnsafeMutableRawBufferPointer) -> Void

  /// Threads in the team.
  public var threadCount: Int { team.threadCount }
  private let team: ThreadTeam
  private let scratch: UnsafeMutableRawBufferPointer
  private let scratchBytes: Int

  /// A team on these cores (the operating system's numbers), with `scratchBytes` for each thread.
  ///
  /// - Throws: `DeviceError` where threads cannot be started or there is not as much memory.
  public init(cores: [Int], scratchBytes: Int) throws(DeviceError) {
    precondition(!cores.isEmpty && scratchBytes >= 0, "a team has a core and a size of scratch memory")
    // A cache line apart.
    let stride = (scratchBytes + 127) / 64 * 64
    guard stride <= Int.max / cores.count, let memory = skein_memory_reserve(stride * cores.count) else {
      throw DeviceError(
        .outOfMemory, "\(cores.count) threads need \(stride) bytes of scratch memory each; use fewer cores",
        device: "cpu")
    }
    scratch = UnsafeMutableRawBufferPointer(start: memory, count: stride * cores.count)
    self.scratchBytes = scratchBytes
    do {
      team = try ThreadTeam(cores: cores, device: "cpu")
    } catch {
      skein_memory_release(memory, stride * cores.count)
      throw error
    }
    team.attach()
    team.setWorkspace(memory, stride: stride)
  }

  deinit { skein_memory_release(scratch.baseAddress, scratch.count) }

  /// Calls `body` with runs of 0 ..< `rows`, several threads at once; returns when all rows are done.
  public func run(rows: Int, _ body: @escaping Body) {
    precondition(rows >= 0 && rows <= Int(Int32.max), "a call takes up to 2^31 rows")
    var work = Work(body: body, scratchBytes: scratchBytes)
    team.run(
      { work, begin, end, scratch in
        let work = work!.assumingMemoryBound(to: Work.self).pointee
        let memory = UnsafeMutableRawBufferPointer(start: scratch, count: work.scratchBytes)
        work.body(Int(begin)..<Int(end), memory)
      }, &work, items: rows, grain: team.grain(items: rows))
  }

  private struct Work {
    var body: Body
    var scratchBytes: Int
  }
}
