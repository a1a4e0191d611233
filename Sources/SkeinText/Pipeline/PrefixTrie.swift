/// Byte strings by their first bytes, for finding all that start at a place. Edges are in one hash table,
/// which takes vocabularies of any shape.
struct PrefixTrie: Sendable {
  private struct Edge {
    /// The node above and the byte, or ``empty``.
    var key: UInt64
    var node: Int32
  }

  private var edges: [Edge]
  private var mask: Int
  private var edgeCount = 0
  /// The value of the string that ends at each node, or -1.
  private var values: [Int32] = [-1]
  private static let empty = UInt64.max

  init(expectedByteCount: Int = 0) {
    var capacity = 64
    while capacity < expectedByteCount { capacity *= 2 }
    edges = Array(repeating: Edge(key: Self.empty, node: 0), count: capacity)
    mask = capacity - 1
  }

  /// Sets the value of a string that is not empty; a later one takes the place of an earlier one.
  mutating func insert(_ text: some Collection<UInt8>, value: Int32) {
    var node: Int32 = 0
    for byte in text {
      let next = step(node, byte)
      if next >= 0 {
        node = next
        continue
      }
      if (edgeCount + 1) * 2 > edges.count { grow() }
      let child = Int32(values.count)
      values.append(-1)
      place(Edge(key: Self.key(node, byte), node: child))
      edgeCount += 1
      node = child
    }
    if node > 0 { values[Int(node)] = value }
  }

  /// The node below `node` by `byte`, or -1. The root is node 0.
  @inline(__always)
  func step(_ node: Int32, _ byte: UInt8) -> Int32 {
    let key = Self.key(node, byte)
    var slot = Self.hash(key) & mask
    while true {
      let edge = edges[slot]
      if edge.key == key { return edge.node }
      if edge.key == Self.empty { return -1 }
      slot = (slot &+ 1) & mask
    }
  }

  @inline(__always)
  func value(_ node: Int32) -> Int32 { values[Int(node)] }

  /// The longest string at the start of the text: its value and length; nil where none is.
  func longestPrefix(_ text: UnsafePointer<UInt8>, count: Int) -> (value: Int32, byteCount: Int)? {
    var node: Int32 = 0
    var found: (Int32, Int)?
    var index = 0
    while index < count {
      node = step(node, text[index])
      if node < 0 { break }
      index += 1
      if values[Int(node)] >= 0 { found = (values[Int(node)], index) }
    }
    return found
  }

  var isEmpty: Bool { values.count == 1 }

  private mutating func grow() {
    let old = edges
    edges = Array(repeating: Edge(key: Self.empty, node: 0), count: old.count * 2)
    mask = edges.count - 1
    for edge in old where edge.key != Self.empty { place(edge) }
  }

  private mutating func place(_ edge: Edge) {
    var slot = Self.hash(edge.key) & mask
    while edges[slot].key != Self.empty { slot = (slot &+ 1) & mask }
    edges[slot] = edge
  }

  @inline(__always)
  private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
    UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> Int {
    let product = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product &>> 24)
  }
}
