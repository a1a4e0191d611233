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
