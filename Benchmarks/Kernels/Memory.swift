import CKernels

/// Memory that kernels work on, at the boundary of a cache line.
final class Memory {
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    address = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
    address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { address.deallocate() }

  /// Room for so many values.
  convenience init<Value>(_ type: Value.Type, count: Int) {
    self.init(byteCount: count * MemoryLayout<Value>.stride)
  }

  /// So many float32 between -1 and 1, always the same.
  static func random(count: Int) -> Memory {
    let memory = Memory(Float.self, count: count)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for index in 0..<count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      memory.floats[index] = Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
    }
    return memory
  }

  /// The numbers 0, 1, 2, ...
  static func counting(_ count: Int, from first: Int32 = 0, step: Int32 = 1) -> Memory {
    let memory = Memory(Int32.self, count: count)
    for index in 0..<count { memory.integers[index] = first + Int32(index) * step }
    return memory
  }

  var floats: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }
  var integers: UnsafeMutablePointer<Int32> { address.assumingMemoryBound(to: Int32.self) }
}

/// A format of weights.
struct Format {
  var name: String
  var type: Int32
  var blockElements: Int
  var blockBytes: Int

  init(_ name: String, _ type: Int, _ blockElements: Int, _ blockBytes: Int) {
    self.name = name
    self.type = Int32(type)
    self.blockElements = blockElements
    self.blockBytes = blockBytes
  }

  func rowBytes(_ columns: Int) -> Int { columns / blockElements * blockBytes }

  /// Which limit products with it are held against.
  var isInteger: Bool { skein_linear_takes_quantized(type) }

  static let all = [
    Format("Q8_0", SKEIN_Q8_0, 32, 34), Format("Q4_0", SKEIN_Q4_0, 32, 18),
    Format("Q4_K", SKEIN_Q4_K, 256, 144), Format("Q6_K", SKEIN_Q6_K, 256, 210),
    Format("BF16", SKEIN_BF16, 1, 2), Format("F16", SKEIN_F16, 1, 2),
  ]
}

/// Several matrices of one shape, the same rows again and again: so many that no cache holds them all, where weights
/// are to come from memory.
final class Matrices {
  let format: Format
  let rows: Int
  let columns: Int
  let count: Int
  let byteCountEach: Int
  private let memory: Memory

  init(_ format: Format, rows: Int, columns: Int, count: Int) {
    self.format = format
    self.rows = rows
    self.columns = columns
    self.count = count
    let rowBytes = format.rowBytes(columns)
    byteCountEach = rows * rowBytes
    memory = Memory(byteCount: count * byteCountEach)
    // Quantizing is slow in some formats; what a row holds is no matter, but that it is no zeros or infinities.
    let (distinct, faults) = (min(16, rows), Memory(UInt8.self, count: 16))
    var arguments = skein_quantize_rows_args()
    let values = Memory.random(count: distinct * columns)
    arguments.x = UnsafePointer(values.floats)
    arguments.type = format.type
    arguments.columns = Int32(columns)
    arguments.y = memory.address
    arguments.row_bytes = Int64(rowBytes)
    arguments.faults = faults.address.assumingMemoryBound(to: UInt8.self)
    skein_quantize_rows(&arguments, 0, Int32(distinct), nil)
    var filled = distinct * rowBytes
    while filled < memory.byteCount {
      let part = min(filled, memory.byteCount - filled)
      (memory.address + filled).copyMemory(from: memory.address, byteCount: part)
      filled += part
    }
  }

  /// A matrix; past the last comes the first.
  subscript(index: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(memory.address + index % count * byteCountEach)
  }

  /// How many matrices of this shape are 200 MB: more than caches hold.
  static func countBeyondCaches(_ format: Format, rows: Int, columns: Int) -> Int {
    (200 << 20) / (rows * format.rowBytes(columns)) + 1
  }
}
