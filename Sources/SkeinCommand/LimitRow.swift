import SkeinDevices

/// A line of the limits that `skein devices` measures.
struct LimitRow: Encodable {
  private let limits: ProcessorLimits

  private enum Key: String, CodingKey {
    case cores, threads
    case int8Instructions = "int8_instructions"
    case int8 = "int8_operations_per_second"
    case int8Median = "int8_median_operations_per_second"
    case bf16Instructions = "bf16_instructions"
    case bf16 = "bf16_operations_per_second"
    case bf16Median = "bf16_median_operations_per_second"
    case float32Instructions = "f32_instructions"
    case float32 = "f32_operations_per_second"
    case float32Median = "f32_median_operations_per_second"
    case read = "read_bytes_per_second"
    case readMedian = "read_median_bytes_per_second"
    case readByteCount = "read_pass_bytes"
  }

  /// Measures the first core, the cores of each device, and all of them together; each set once.
  static func measure(_ devices: [any Device], topology: CPUTopology) throws -> [LimitRow] {
    let lists = devices.compactMap { ($0 as? CPUDevice)?.cores }
    guard let first = lists.first?.first else { return [] }
    var sets: [[Int]] = []
    for cores in [[first]] + lists + [lists.flatMap { $0 }] {
      let cores = Set(cores).sorted()
      if !sets.contains(cores) { sets.append(cores) }
    }
    return try sets.map {
      LimitRow(limits: try .measure(cores: $0, availableBytes: topology.availableBytes))
    }
  }

  private init(limits: ProcessorLimits) { self.limits = limits }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    func encode(_ rate: ProcessorLimits.Rate?, _ instructions: Key, _ best: Key, _ median: Key) throws {
      try container.encodeIfPresent(rate?.instructions, forKey: instructions)
      try container.encodeIfPresent(rate?.best, forKey: best)
      try container.encodeIfPresent(rate?.median, forKey: median)
    }
    try container.encode(limits.cores, forKey: .cores)
    try container.encode(limits.cores.count, forKey: .threads)
    try encode(limits.int8, .int8Instructions, .int8, .int8Median)
    try encode(limits.bf16, .bf16Instructions, .bf16, .bf16Median)
    try encode(limits.float32, .float32Instructions, .float32, .float32Median)
    try container.encode(limits.read.best, forKey: .read)
    try container.encode(limits.read.median, forKey: .readMedian)
    try container.encode(limits.readByteCount, forKey: .readByteCount)
  }

  static let header = ["at most", "int8", "bf16", "f32", "reads", "median"]

  var cells: [String] {
    func operations(_ rate: ProcessorLimits.Rate?) -> String {
      rate.map { "\(Format.number($0.best / 1e9, decimals: 0)) GOP/s" } ?? "-"
    }
    let cores = limits.cores.map(String.init).joined(separator: ",")
    return [
      "cpu@\(cores)", operations(limits.int8), operations(limits.bf16), operations(limits.float32),
      "\(Format.number(limits.read.best / 1e9)) GB/s", "\(Format.number(limits.read.median / 1e9)) GB/s",
    ]
  }
}
