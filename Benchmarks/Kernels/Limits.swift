import CKernels

/// What one thread can do at most, measured in the process that runs a benchmark, just before it.
struct Limits {
  /// Multiplications and additions a second of 8-bit integers, of BF16 (of float32 where there is no BF16), of float32.
  var int8: Double
  var bf16: Double
  var float32: Double
  /// Bytes read a second.
  var read: Double

  init() {
    float32 = Limits.best(SKEIN_PROBE_F32, items: 32)!
    int8 = Limits.best(SKEIN_PROBE_INT8, items: 32)!
    bf16 = Limits.best(SKEIN_PROBE_BF16, items: 32) ?? float32
    let items = 256
    let memory = Memory(byteCount: items * Int(SKEIN_PROBE_READ_BYTES))
    var arguments = skein_probe_read_args(memory: memory.address.assumingMemoryBound(to: UInt8.self))
    read = withUnsafePointer(to: &arguments) { Limits.best(SKEIN_PROBE_READ, $0, items: Int32(items))! }
  }

  /// The best of nine passes.
  private static func best(_ kind: Int, _ arguments: UnsafeRawPointer? = nil, items: Int32) -> Double? {
    let probe = skein_probe_of(Int32(kind))
    guard let kernel = probe.kernel else { return nil }
    let workspace = Memory(byteCount: Int(SKEIN_PROBE_WORKSPACE_BYTES))
    let seconds = (0..<9).map { _ in
      secondsOf { kernel(arguments, 0, items, workspace.address) }
    }.min()!
    return probe.amount * Double(items) / seconds
  }
}

/// How long some work takes.
func secondsOf(_ work: () -> Void) -> Double {
  let duration = ContinuousClock().measure(work)
  let (seconds, attoseconds) = duration.components
  return Double(seconds) + Double(attoseconds) * 1e-18
}
