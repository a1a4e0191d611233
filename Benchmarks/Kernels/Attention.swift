import CKernels

extension Case {
  /// Attention of a model of a billion parameters (32 heads, 8 of keys and values, 64 wide) for the last tokens of a
  /// context. With one token, caches of several layers take turns, so that keys and values come from memory.
  ///
  /// Held against the peak of BF16 over that, else of float32: over Q8_0 some of its products are of integers, which
  /// may be faster.
  ///
  /// - Parameter type: of the cache.
  static func attention(type: Int, context: Int, tokens: Int) -> Case {
    let cache = CacheMemory(type: Int32(type), context: context, layers: tokens > 1 ? 1 : 0)
    let (heads, width) = (32, CacheMemory.width)
    let queries = Memory.random(count: tokens * heads * width)
    let output = Memory(Float.self, count: tokens * heads * width)
    let sequences = Memory(Int32.self, count: tokens)
    let positions = Memory.counting(tokens, from: Int32(context - tokens))
    var arguments = skein_attention_args()
    arguments.queries = UnsafePointer(queries.floats)
    arguments.y = output.floats
    arguments.sequences = UnsafePointer(sequences.integers)
    arguments.positions = UnsafePointer(positions.integers)
    arguments.tokens = Int32(tokens)
    arguments.heads = Int32(heads)
    arguments.scale = 0.125
    arguments.cache = cache.arguments(0)
    // One thread does all chunks of a context, so that none leaves parts for another.
    arguments.parts = nil
    let workspace = Memory(
      byteCount: skein_attention_workspace_bytes(
        Int32(heads), Int32(CacheMemory.heads), Int32(width), Int32(width), Int32(CacheMemory.pageTokens)))
    let items = skein_attention_items(&arguments)
    // A token sees those before it and itself.
    let seen = Double(tokens) * (Double(context) - Double(tokens - 1) / 2)
    return Case(
      operations: 2 * 2 * seen * Double(heads * width), bytes: Double(cache.byteCountEach),
      peak: type == SKEIN_BF16 ? \.bf16 : \.float32
    ) { [arguments] turn in
      var arguments = arguments
      arguments.cache = cache.arguments(turn)
      kernels.attention(&arguments, 0, items, workspace.address)
      withExtendedLifetime((queries, output, sequences, positions)) {}
    }
  }
}

/// Key-value caches of some layers, filled with the same rows.
private final class CacheMemory {
  static let (heads, width, pageTokens) = (8, 64, 64)
  let byteCountEach: Int
  private let type: Int32
  private let layers: Int
  private let pages: Memory
  private let memory: Memory

  /// - Parameter layers: 0 for as many as no cache of the processor holds.
  init(type: Int32, context: Int, layers: Int) {
    self.type = type
    let pageCount = (context + Self.pageTokens - 1) / Self.pageTokens
    let rowBytes = Int(skein_cache_row_bytes(type, Int32(Self.width)))
    let rows = pageCount * Self.pageTokens * Self.heads
    byteCountEach = 2 * rows * rowBytes
    self.layers = layers > 0 ? layers : (200 << 20) / byteCountEach + 1
    pages = .counting(pageCount)
    memory = Memory(byteCount: self.layers * byteCountEach)
    let positions = Memory.counting(pageCount * Self.pageTokens)
    let sequences = Memory(Int32.self, count: pageCount * Self.pageTokens)
    let values = Memory.random(count: rows * Self.width)
    for layer in 0..<self.layers {
      var arguments = skein_cache_write_args()
      arguments.cache = self.arguments(layer)
      arguments.keys = UnsafePointer(values.floats)
      arguments.values = UnsafePointer(values.floats)
      arguments.sequences = UnsafePointer(sequences.integers)
      arguments.positions = UnsafePointer(positions.integers)
      kernels.cache_write(&arguments, 0, Int32(pageCount * Self.pageTokens), nil)
    }
  }

  /// The cache of a layer; past the last comes the first.
  func arguments(_ layer: Int) -> skein_cache {
    let keys = memory.address + layer % layers * byteCountEach
    var cache = skein_cache()
    cache.keys = keys.assumingMemoryBound(to: UInt8.self)
    cache.values = (keys + byteCountEach / 2).assumingMemoryBound(to: UInt8.self)
    cache.type = type
    cache.page_tokens = Int32(Self.pageTokens)
    cache.kv_heads = Int32(Self.heads)
    cache.key_width = Int32(Self.width)
    cache.value_width = Int32(Self.width)
    cache.page_table = UnsafePointer(pages.integers)
    cache.pages_per_sequence = Int32(pages.byteCount / 4)
    return cache
  }
}
