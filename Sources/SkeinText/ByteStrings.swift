/// Many byte strings end to end in one allocation.
struct ByteStrings: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var ends: [Int] = [0]

  var count: Int { ends.count - 1 }

  init(reservingCount count: Int) {
    ends.reserveCapacity(count + 1)
    bytes.reserveCapacity(count * 8)
  }

  func range(_ index: Int) -> Range<Int> { ends[index]..<ends[index + 1] }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

  mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }
}

/// A fast hash of `count` bytes; not for keys that an enemy chooses.
@inline(__always)
func hashBytes(_ pointer: UnsafePointer<UInt8>, count: Int) -> UInt64 {
  let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
  var hash = UInt64(truncatingIfNeeded: count) &* multiplier
  var index = 0
  while index &+ 8 <= count {
    let word = UnsafeRawPointer(pointer + index).loadUnaligned(as: UInt64.self)
    hash = (hash ^ word) &* multiplier
    hash ^= hash &>> 32
    index &+= 8
  }
  var tail: UInt64 = 0
  while index < count {
    tail = tail &<< 8 | UInt64(pointer[index])
    index &+= 1
  }
  hash = (hash ^ tail) &* multiplier
  return hash ^ (hash &>> 29)
}

/// From byte strings to token ids.
///
/// Not a `Dictionary` of `String`: Swift's strings are equal when they are canonically equivalent, and
/// vocabularies hold both the composed and the decomposed form of a character as tokens of their own.
struct TokenTable: Sendable {
  private let strings: ByteStrings
  private var slots: [Int32]
  private let mask: Int
  /// The length of the longest entry; anything longer is not in the table.
  private(set) var longestByteCount = 0

  static let absent: Int32 = -1

  /// An empty table that can hold all of `strings`; ``insert(_:)`` puts them in.
  init(of strings: ByteStrings) {
    self.strings = strings
    var capacity = 16
    while capacity < strings.count * 2 { capacity *= 2 }
    slots = Array(repeating: Self.absent, count: capacity)
    mask = capacity - 1
  }

  /// Puts string `index` in; returns the index that is there already where the table has that string.
  mutating func insert(_ index: Int) -> Int32? {
    let range = strings.range(index)
    let (slot, found) = strings.bytes.withUnsafeBufferPointer { bytes -> (Int, Int32) in
      guard let base = bytes.baseAddress else { return (0, Self.absent) }
      return locate(base + range.lowerBound, count: range.count)
    }
    if found != Self.absent { return found }
    slots[slot] = Int32(truncatingIfNeeded: index)
    longestByteCount = max(longestByteCount, range.count)
    return nil
  }

  /// The id of these bytes, or ``absent``.
  @inline(__always)
  func find(_ pointer: UnsafePointer<UInt8>, count: Int) -> Int32 {
    if count > longestByteCount || count == 0 { return Self.absent }
    return locate(pointer, count: count).found
  }

  func find(_ string: some Collection<UInt8>) -> Int32 {
    Array(string).withUnsafeBufferPointer { bytes in
      bytes.baseAddress.map { find($0, count: bytes.count) } ?? Self.absent
    }
  }

  @inline(__always)
  private func locate(_ pointer: UnsafePointer<UInt8>, count: Int) -> (slot: Int, found: Int32) {
    var slot = Int(truncatingIfNeeded: hashBytes(pointer, count: count)) & mask
    // At most half of the slots are taken, so the walk ends.
    while true {
      let candidate = slots[slot]
      if candidate == Self.absent { return (slot, candidate) }
      let range = strings.range(Int(candidate))
      if range.count == count, equals(range.lowerBound, pointer, count) { return (slot, candidate) }
      slot = (slot &+ 1) & mask
    }
  }

  @inline(__always)
  private func equals(_ start: Int, _ pointer: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    strings.bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < count {
        if bytes[start &+ index] != pointer[index] { return false }
        index &+= 1
      }
      return true
    }
  }
}
