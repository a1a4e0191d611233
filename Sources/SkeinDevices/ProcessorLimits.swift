import CKernels
import CSystem

/// What some cores can do at most, measured with instructions alone: what kernels and models are measured against.
///
/// Arithmetic runs in registers, reading goes over more memory than any cache holds. Others who use the machine
/// make less of both, memory most of all, so measure in the same run as what is compared with it.
public struct ProcessorLimits: Hashable, Sendable {
  /// A rate over several passes.
  public struct Rate: Hashable, Sendable {
    /// What was run, such as `vpdpbusd 512`.
    public var instructions: String
    /// Of the fastest pass, a second.
    public var best: Double
    /// Of the pass in the middle, a second.
    public var median: Double
  }

  /// Processor numbers (the operating system's), one a thread.
  public var cores: [Int]
  /// Multiplications and additions of 8-bit integers.
  public var int8: Rate
  /// Multiplications and additions of BF16; nil where the processor has no instruction for them.
  public var bf16: Rate?
  /// Multiplications and additions of float32.
  public var float32: Rate
  /// Bytes of memory read.
  public var read: Rate
  /// Bytes that a pass read.
  public var readByteCount: Int

  /// Measures, on threads of its own, in a second or three.
  ///
  /// - Parameters:
  ///   - cores: processor numbers, one a thread.
  ///   - availableBytes: memory that there is; 1 GB is read, but at most a quarter of this. More gives the same rate,
  ///     and taking it can cost more than all else: 2.3 s a GB on a virtual machine whose host has to find it.
  /// - Throws: `DeviceError` where threads cannot be started or memory cannot be reserved.
  public static func measure(cores: [Int], availableBytes: Int) throws -> ProcessorLimits {
    precondition(!cores.isEmpty, "limits are those of a core or more")
    return try HostThread.run {
      let bench = try ProbeBench(cores: cores)
      let (read, byteCount) = try bench.read(atMost: min(1 << 30, availableBytes / 4))
      return ProcessorLimits(
        cores: cores, int8: bench.arithmetic(SKEIN_PROBE_INT8)!, bf16: bench.arithmetic(SKEIN_PROBE_BF16),
        float32: bench.arithmetic(SKEIN_PROBE_F32)!, read: read, readByteCount: byteCount)
    }
  }
}

/// A team that runs probes. Used on the thread that made it.
private final class ProbeBench {
  private let team: ThreadTeam
  private let workspace: HostMemory
  init(cores: [Int]) throws(DeviceError) {
    let stride = Int(SKEIN_PROBE_WORKSPACE_BYTES)
    workspace = try HostMemory(byteCount: stride * cores.count, device: "cpu")
    team = try ThreadTeam(cores: cores, device: "cpu")
    team.attach()
    team.setWorkspace(workspace.hostAddress!, stride: stride)
  }

  /// Some 2 milliseconds a pass: long beside handing out work, and short enough to fit between what else runs on a
  /// core. Passes of 20 gave a twentieth of the peak on a machine with ten times as many threads as cores.
  func arithmetic(_ kind: some BinaryInteger) -> ProcessorLimits.Rate? {
    let probe = skein_probe_of(Int32(kind))
    guard let kernel = probe.kernel else { return nil }
    var none: Void = ()
    return rate(of: probe, items: 24 * team.threadCount, passes: 61) { items in
      team.run(kernel, &none, items: items, grain: 1)
    }
  }

  /// Reads memory of which the reading threads touched the pages first.
  func read(atMost most: Int) throws(DeviceError) -> (ProcessorLimits.Rate, byteCount: Int) {
    let unit = Int(SKEIN_PROBE_READ_BYTES)
    let items = max(most / unit, 1)
    let memory = try HostMemory(byteCount: items * unit, device: "cpu")
    let probe = skein_probe_of(Int32(SKEIN_PROBE_READ))
    var arguments = skein_probe_read_args(memory: memory.hostAddress!.assumingMemoryBound(to: UInt8.self))
    team.run(
      { arguments, begin, end, _ in
        let unit = Int(SKEIN_PROBE_READ_BYTES)
        let memory = arguments!.assumingMemoryBound(to: skein_probe_read_args.self).pointee.memory!
        let item = UnsafeMutableRawPointer(mutating: memory) + Int(begin) * unit
        item.initializeMemory(as: UInt8.self, repeating: 1, count: Int(end - begin) * unit)
      }, &arguments, items: items, grain: 16)
    let rate = rate(of: probe, items: items, passes: 9) { items in
      team.run(probe.kernel, &arguments, items: items, grain: 16)
    }
    return (rate, items * unit)
  }

  private func rate(
    of probe: skein_probe, items: Int, passes: Int, _ pass: (Int) -> Void
  ) -> ProcessorLimits.Rate {
    var rates: [Double] = []
    for _ in 0...passes {
      let start = skein_clock_nanoseconds()
      pass(items)
      let seconds = Double(max(skein_clock_nanoseconds() - start, 1)) / 1e9
      rates.append(Double(items) * probe.amount / seconds)
    }
    let sorted = rates.dropFirst().sorted()
    return ProcessorLimits.Rate(
      instructions: String(cString: probe.instructions), best: sorted.last!, median: sorted[passes / 2])
  }
}
