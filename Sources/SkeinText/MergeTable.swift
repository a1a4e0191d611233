/// From a pair of tokens to the token that they join to: the merges of a BPE vocabulary.
struct MergeTable: Sendable {
  private struct Entry {
    var pair: UInt64
    var rank: UInt32
    var id: Int32
  }

  private var entries: [Entry]
  private let mask: Int
  /// No pair has this key: token ids are not negative.
  private static let empty = UInt64.max

  init(capacity count: Int) {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    entries = Array(repeating: Entry(pair: Self.empty, rank: 0, id: 0), count: capacity)
    mask = capacity - 1
  }

  /// Adds a merge; where the pair is there already, the earlier and so better rank stays.
  mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32, id: Int32) {
    let pair = Self.key(left, right)
    let slot = locate(pair)
    if entries[slot].pair == Self.empty { entries[slot] = Entry(pair: pair, rank: rank, id: id) }
  }

  /// Adds a merge; where the pair is there already, the later one takes its place.
  mutating func replace(_ left: Int32, _ right: Int32, rank: UInt32, id: Int32) {
    let pair = Self.key(left, right)
    entries[locate(pair)] = Entry(pair: pair, rank: rank, id: id)
  }

  @inline(__always)
  func find(_ left: Int32, _ right: Int32) -> (rank: UInt32, id: Int32)? {
    if left < 0 || right < 0 { return nil }
    let entry = entries[locate(Self.key(left, right))]
    return entry.pair == Self.empty ? nil : (entry.rank, entry.id)
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func locate(_ pair: UInt64) -> Int {
    var hash = pair &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash &>> 32
    var slot = Int(truncatingIfNeeded: hash) & mask
    while entries[slot].pair != pair && entries[slot].pair != Self.empty { slot = (slot &+ 1) & mask }
    return slot
  }
}
