import CSystem
import Testing

@testable import SkeinDevices

@Suite struct ThreadTeamTests {
  /// How often each item was done, and by how many it was done at once.
  struct Tally {
    var counts: UnsafeMutablePointer<Int32>
  }

  private func runEachOnce(_ team: ThreadTeam, items: Int, grain: Int) {
    let counts = UnsafeMutablePointer<Int32>.allocate(capacity: max(items, 1))
    counts.initialize(repeating: 0, count: max(items, 1))
    defer { counts.deallocate() }
    var tally = Tally(counts: counts)
    team.run(
      { arguments, begin, end, _ in
        let tally = arguments!.assumingMemoryBound(to: Tally.self).pointee
        for item in begin..<end { tally.counts[Int(item)] += 1 }
      }, &tally, items: items, grain: grain)
    let wrong = (0..<items).filter { counts[$0] != 1 }
    #expect(wrong.isEmpty, "\(items) items by \(grain): \(wrong.prefix(5))")
  }

  /// More threads than cores, so that some are always late.
  @Test(arguments: [1, 2, 5]) func everyItemIsDoneOnce(threads: Int) throws {
    let core = try CPUTopology().cores[0]
    let team = try ThreadTeam(cores: [Int](repeating: core, count: threads), device: "test")
    for items in [0, 1, 2, 3, 7, 64, 1000] {
      for grain in [1, 2, 3, 64, 5000] { runEachOnce(team, items: items, grain: grain) }
    }
    // Jobs follow each other at once: a thread that is late for one must not disturb the next.
    for turn in 0..<3000 { runEachOnce(team, items: turn % 9, grain: 1) }
    // More runs than the counter has bits for.
    runEachOnce(team, items: 3_000_000, grain: 1)
  }

  @Test func threadsThatFellAsleepWakeUp() throws {
    let cores = try CPUTopology().cores
    let team = try ThreadTeam(cores: [cores[0], cores[cores.count - 1]], device: "test")
    for _ in 0..<5 {
      runEachOnce(team, items: 100, grain: 1)
      let start = skein_clock_nanoseconds()
      while skein_clock_nanoseconds() - start < 20_000_000 { skein_spin_hint() }
    }
  }

  @Test func eachThreadHasItsOwnWorkspace() throws {
    let core = try CPUTopology().cores[0]
    let team = try ThreadTeam(cores: [core, core, core], device: "test")
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: 3 * 128, alignment: 128)
    defer { workspace.deallocate() }
    workspace.initializeMemory(as: UInt8.self, repeating: 0, count: 3 * 128)
    team.setWorkspace(workspace, stride: 128)
    var nothing = 0
    for _ in 0..<200 {
      team.run(
        { _, begin, end, own in
          // Were it shared, two threads would lose each other's additions.
          own!.assumingMemoryBound(to: Int64.self).pointee += Int64(end - begin)
        }, &nothing, items: 500, grain: 1)
    }
    let total = (0..<3).reduce(Int64(0)) { $0 + workspace.load(fromByteOffset: $1 * 128, as: Int64.self) }
    #expect(total == 200 * 500)
  }
}
