/// A run of text that merging has joined so far.
struct Symbol {
  /// Byte offset from the start of the word.
  var start: Int32
  /// Bytes; 0 once it is part of the symbol on its left.
  var byteCount: Int32
  /// The neighbours' indices, or -1.
  var previous: Int32
  var next: Int32
  /// The token, or ``TokenTable/absent``.
  var id: Int32
}

/// Which neighbours may be joined, and how eagerly.
protocol MergeRule {
  /// The rank (lower is sooner) and token of `left` and `right` joined, or nil where they never are.
  /// `word` is what the symbols' offsets count from.
  func merge(_ left: Symbol, _ right: Symbol, in word: UnsafePointer<UInt8>) -> (rank: UInt32, id: Int32)?
}

/// Joins neighbouring symbols, always the pair with the best rank, leftmost first among equals.
///
/// A linked list and a heap make this O(n log n), so that a megabyte without a break is no trouble. The
/// storage is kept from one word to the next.
struct SymbolMerger {
  private struct Candidate {
    /// The rank above, the left symbol's index below: smaller goes first.
    var key: UInt64
    var right: Int32
    /// Bytes of both symbols when this was pushed; another sum means that one has changed since.
    var byteCount: Int32
    var id: Int32
  }

  private(set) var symbols: [Symbol] = []
  private var heap: [Candidate] = []

  mutating func removeAll() {
    symbols.removeAll(keepingCapacity: true)
  }

  /// Adds a symbol to the right of the others.
  @inline(__always)
  mutating func append(start: Int, byteCount: Int, id: Int32) {
    let index = Int32(truncatingIfNeeded: symbols.count)
    if index > 0 { symbols[Int(index) - 1].next = index }
    symbols.append(
      Symbol(start: Int32(start), byteCount: Int32(byteCount), previous: index - 1, next: -1, id: id))
  }

  /// Joins until no rule applies. The symbols that are left have a `byteCount` above 0.
  @inline(__always)
  mutating func run(_ rule: some MergeRule, in word: UnsafePointer<UInt8>) {
    heap.removeAll(keepingCapacity: true)
    if symbols.count < 2 { return }
    for right in 1..<symbols.count {
      push(rule, Int32(truncatingIfNeeded: right - 1), Int32(truncatingIfNeeded: right), word)
    }
    while let candidate = pop() {
      let left = Int32(truncatingIfNeeded: candidate.key & 0xFFFF_FFFF)
      let leftByteCount = symbols[Int(left)].byteCount
      let right = symbols[Int(candidate.right)]
      if leftByteCount == 0 || right.byteCount == 0
        || leftByteCount + right.byteCount != candidate.byteCount
      {
        continue
      }
      symbols[Int(left)].byteCount = candidate.byteCount
      symbols[Int(left)].id = candidate.id
      symbols[Int(left)].next = right.next
      symbols[Int(candidate.right)].byteCount = 0
      if right.next >= 0 { symbols[Int(right.next)].previous = left }
      push(rule, symbols[Int(left)].previous, left, word)
      push(rule, left, right.next, word)
    }
  }

  @inline(__always)
  private mutating func push(
    _ rule: some MergeRule, _ left: Int32, _ right: Int32, _ word: UnsafePointer<UInt8>
  ) {
    if left < 0 || right < 0 { return }
    let leftSymbol = symbols[Int(left)]
    let rightSymbol = symbols[Int(right)]
    guard let (rank, id) = rule.merge(leftSymbol, rightSymbol, in: word) else { return }
    heap.append(
      Candidate(
        key: UInt64(rank) << 32 | UInt64(UInt32(bitPattern: left)), right: right,
        byteCount: leftSymbol.byteCount + rightSymbol.byteCount, id: id))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].key <= heap[child].key { break }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func pop() -> Candidate? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    let count = heap.count
    if count == 0 { return first }
    var hole = 0
    while true {
      var child = 2 * hole + 1
      if child >= count { break }
      if child + 1 < count, heap[child + 1].key < heap[child].key { child += 1 }
      if last.key <= heap[child].key { break }
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = last
    return first
  }
}
