import CKernels
import CSystem
import Testing

@testable import SkeinDevices

@Suite(.serialized) struct ProcessorLimitsTests {
  @Test func aCoreHasLimits() throws {
    let core = try CPUTopology().cores[0]
    let limits = try ProcessorLimits.measure(cores: [core], availableBytes: 512 << 20)
    #expect(limits.cores == [core] && limits.readByteCount == 128 << 20)
    for rate in [limits.int8, limits.float32, limits.read] + [limits.bf16].compactMap(\.self) {
      #expect(rate.best >= rate.median && rate.median > 0 && !rate.instructions.isEmpty)
    }
    // A loop that a compiler left out would be faster than any core.
    for rate in [limits.int8, limits.float32] + [limits.bf16].compactMap(\.self) {
      #expect((1e8...2e13).contains(rate.best), "\(rate)")
    }
    #expect((1e8...1e12).contains(limits.read.best), "\(limits.read)")
  }

  /// A probe's item is work that nothing leaves out: twice the items are twice the time.
  @Test(arguments: [SKEIN_PROBE_INT8, SKEIN_PROBE_BF16, SKEIN_PROBE_F32].map { Int32($0) })
  func workGrowsWithItems(kind: Int32) {
    let probe = skein_probe_of(kind)
    guard let kernel = probe.kernel else { return }
    let workspace = UnsafeMutableRawPointer.allocate(
      byteCount: Int(SKEIN_PROBE_WORKSPACE_BYTES), alignment: 64)
    defer { workspace.deallocate() }
    func leastSeconds(items: Int32) -> Double {
      (0..<20).map { _ in
        let start = skein_clock_nanoseconds()
        kernel(nil, 0, items, workspace)
        return Double(skein_clock_nanoseconds() - start) / 1e9
      }.min()!
    }
    let (few, many) = (leastSeconds(items: 8), leastSeconds(items: 64))
    #expect(many > 4 * few, "8 items took \(few) s, 64 \(many) s")
  }

  @Test func readingCountsEveryByte() {
    let unit = Int(SKEIN_PROBE_READ_BYTES)
    let probe = skein_probe_of(Int32(SKEIN_PROBE_READ))
    #expect(probe.amount == Double(unit))
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 3 * unit, alignment: 64)
    let workspace = UnsafeMutableRawPointer.allocate(
      byteCount: Int(SKEIN_PROBE_WORKSPACE_BYTES), alignment: 64)
    defer {
      memory.deallocate()
      workspace.deallocate()
    }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 3 * unit)
    var arguments = skein_probe_read_args(memory: memory.assumingMemoryBound(to: UInt8.self))
    /// Whether the bytes of item 1 hold a one anywhere, by what the probe leaves: the bits of all it read.
    func finds(at offset: Int) -> Bool {
      memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
      defer { memory.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
      workspace.initializeMemory(as: UInt8.self, repeating: 0, count: Int(SKEIN_PROBE_WORKSPACE_BYTES))
      probe.kernel(&arguments, 1, 2, workspace)
      return UnsafeRawBufferPointer(start: workspace, count: Int(SKEIN_PROBE_WORKSPACE_BYTES)).contains(1)
    }
    for offset in Array(stride(from: unit, to: 2 * unit, by: 1031)) + [2 * unit - 1] {
      guard finds(at: offset) else {
        Issue.record("byte \(offset) was not read")
        return
      }
    }
    #expect(!finds(at: unit - 1) && !finds(at: 2 * unit))
  }
}
