/// What kinds of character there are for tokenizers, as the libraries that models were trained with see them.
/// (Their tables are older than those of Swift's library, and a character that was added to Unicode since has
/// to stay unknown.)
struct CharacterClasses: Sendable {
  struct Kinds: OptionSet, Sendable {
    let rawValue: UInt8
    /// Punctuation, and the ASCII symbols that are called so.
    static let punctuation = Kinds(rawValue: 1)
    /// Digits and numbers of any script.
    static let numeric = Kinds(rawValue: 2)
    /// White space.
    static let space = Kinds(rawValue: 4)
    /// `\w`: letters, marks, decimal digits, connectors.
    static let word = Kinds(rawValue: 8)
    /// Control, format and private-use characters without tab and line ends.
    static let other = Kinds(rawValue: 16)
    static let nonspacingMark = Kinds(rawValue: 32)
    /// Marks of all kinds.
    static let combiningMark = Kinds(rawValue: 64)
  }

  private let table: ScalarTable<UInt8>

  /// Built at first use; it never changes.
  static let shared = CharacterClasses()

  private init() {
    let sources: [(StaticString, Kinds)] = [
      (Self.punctuation, .punctuation), (Self.numeric, .numeric), (Self.space, .space), (Self.word, .word),
      (Self.other, .other), (Self.nonspacingMark, .nonspacingMark), (Self.combiningMark, .combiningMark),
    ]
    var runs: [(Range<Int>, UInt8)] = []
    for (text, kind) in sources {
      var packed = PackedTable(text)
      var scalar = 0
      while !packed.isAtEnd {
        let start = scalar + packed.next()
        // The last run goes on to the end.
        let end = packed.isAtEnd ? 0x110000 : start + packed.next()
        runs.append((start..<end, kind.rawValue))
        scalar = end
      }
    }
    table = ScalarTable(runs.map { (scalars: $0.0, value: $0.1) }, combining: { $0 | $1 })
  }

  @inline(__always)
  func kinds(_ scalar: UInt32) -> Kinds { Kinds(rawValue: table[scalar]) }

  @inline(__always)
  func contains(_ kind: Kinds, _ scalar: UInt32) -> Bool { table[scalar] & kind.rawValue != 0 }
}

/// Reads the scalar that starts at `index` of valid UTF-8, and how many bytes it has.
@inline(__always)
func decodeScalar(_ bytes: UnsafePointer<UInt8>, at index: Int) -> (scalar: UInt32, byteCount: Int) {
  let first = UInt32(bytes[index])
  if first < 0x80 { return (first, 1) }
  let second = UInt32(bytes[index &+ 1] & 0x3F)
  if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
  let third = UInt32(bytes[index &+ 2] & 0x3F)
  if first < 0xF0 { return ((first & 0xF) << 12 | second << 6 | third, 3) }
  return ((first & 7) << 18 | second << 12 | third << 6 | UInt32(bytes[index &+ 3] & 0x3F), 4)
}

/// The scalar that ends before `end` of valid UTF-8, and how many bytes it has.
@inline(__always)
func decodeScalar(_ bytes: UnsafePointer<UInt8>, endingAt end: Int) -> (scalar: UInt32, byteCount: Int) {
  var start = end &- 1
  while start > 0, bytes[start] & 0xC0 == 0x80 { start &-= 1 }
  return decodeScalar(bytes, at: start)
}

extension [UInt8] {
  /// Appends the UTF-8 of a scalar that is no surrogate.
  @inline(__always)
  mutating func append(scalar: UInt32) {
    if scalar < 0x80 {
      append(UInt8(truncatingIfNeeded: scalar))
    } else if scalar < 0x800 {
      append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    } else if scalar < 0x10000 {
      append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    } else {
      append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
  }
}
