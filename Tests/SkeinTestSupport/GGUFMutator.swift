/// A file with one thing wrong, and what that is.
public struct GGUFMutation: Sendable {
  /// What was done, for the message of a failing test.
  public let name: String
  /// The file.
  public let bytes: [UInt8]
}

/// Damages a valid GGUF file in every way that we could think of, the same way on every run.
///
/// A reader must answer each with an error or with a file that can be used: some damage is harmless (a
/// flipped bit in a weight), and some makes another valid file.
public struct GGUFMutator: Sendable {
  /// The valid file.
  public let bytes: [UInt8]
  /// Its fields.
  public let fields: [GGUFFields.Field]
  private var random: SplitMix64

  /// A mutator of `bytes`, a valid file, with the random damage that belongs to `seed`.
  public init(_ bytes: [UInt8], seed: UInt64) {
    self.bytes = bytes
    fields = GGUFFields(bytes).fields
    random = SplitMix64(state: seed)
  }

  /// Every kind of damage, in order; `randomCount` of each random kind. Calls `body` with one file at a
  /// time, because all together are large.
  public func forEachMutation(
    randomCount: Int = 400, _ body: (GGUFMutation) throws -> Void
  ) rethrows {
    var copy = self
    try forEachNumber(body)
    try forEachCut(body)
    try forEachSwap(body)
    try forEachRepeatedName(body)
    try copy.forEachFlip(randomCount, body)
    try copy.forEachShift(randomCount, body)
  }

  /// Values that break sums, products, signs and truncations.
  public static let extremes: [UInt64] = [
    0, 1, 2, 5, 7, 8, 9, 12, 13, 127, 255, 256, 1 << 15, 1 << 16 - 1, 1 << 16, 1 << 20, 1 << 24, 1 << 28,
    1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 32 + 1, 1 << 33, 1 << 40, 1 << 48, 1 << 59, 1 << 60,
    1 << 61, 1 << 62, 1 << 63 - 1, 1 << 63, 1 << 63 + 1, .max - 32, .max - 31, .max - 8, .max - 7, .max - 1,
    .max,
  ]

  /// Each number field with each extreme value, and one more and one less than it is.
  public func forEachNumber(_ body: (GGUFMutation) throws -> Void) rethrows {
    for field in fields where field.kind.isNumber {
      let width = field.range.count
      let old = number(at: field.range)
      let mask = width == 8 ? UInt64.max : 1 << UInt64(width * 8) - 1
      var seen: Set<UInt64> = [old]
      for value in Self.extremes + [old &+ 1, old &- 1, old &* 2, ~old] {
        let new = value & mask
        guard seen.insert(new).inserted else { continue }
        var copy = bytes
        write(new, to: &copy, at: field.range)
        try body(GGUFMutation(name: "\(describe(field)) \(old) -> \(new)", bytes: copy))
      }
    }
  }

  /// The file cut before, inside and after each field, and at the last bytes.
  public func forEachCut(_ body: (GGUFMutation) throws -> Void) rethrows {
    var places: Set<Int> = [bytes.count - 1, bytes.count - 2]
    for field in fields {
      places.formUnion([
        field.range.lowerBound, field.range.lowerBound + 1, field.range.lowerBound + field.range.count / 2,
        field.range.upperBound - 1,
      ])
    }
    for place in places.sorted() where place >= 0 && place < bytes.count {
      try body(GGUFMutation(name: "cut to \(place) bytes", bytes: Array(bytes[..<place])))
    }
  }

  /// Neighbouring number fields exchanged, and each field repeated and left out.
  public func forEachSwap(_ body: (GGUFMutation) throws -> Void) rethrows {
    let numbers = fields.filter(\.kind.isNumber)
    for distance in 1...4 {
      for (left, right) in zip(numbers, numbers.dropFirst(distance)) {
        var copy = bytes
        write(number(at: right.range), to: &copy, at: left.range)
        write(number(at: left.range), to: &copy, at: right.range)
        guard copy != bytes else { continue }
        try body(GGUFMutation(name: "\(describe(left)) <-> \(describe(right))", bytes: copy))
      }
    }
    for field in fields where field.range.count < 4096 {
      let before = bytes[..<field.range.lowerBound]
      let after = bytes[field.range.upperBound...]
      try body(GGUFMutation(name: "\(describe(field)) left out", bytes: Array(before + after)))
      try body(
        GGUFMutation(
          name: "\(describe(field)) twice",
          bytes: Array(before + bytes[field.range] + bytes[field.range] + after)))
    }
  }

  /// Each key and each tensor name written over the next one of the same length: names that are there twice.
  public func forEachRepeatedName(_ body: (GGUFMutation) throws -> Void) rethrows {
    for kind in [GGUFFields.Kind.keyText, .nameText] {
      let names = fields.filter { $0.kind == kind }
      for (index, name) in names.enumerated() {
        let later = names[(index + 1)...].first { $0.range.count == name.range.count }
        guard let later else { continue }
        var copy = bytes
        copy.replaceSubrange(later.range, with: bytes[name.range])
        try body(GGUFMutation(name: "\(describe(name)) over \(describe(later))", bytes: copy))
      }
    }
  }

  /// Random bytes and bits changed, one to eight at a time, most of them before the tensor data.
  public mutating func forEachFlip(_ count: Int, _ body: (GGUFMutation) throws -> Void) rethrows {
    let headerBytes = fields.first { $0.kind == .data }?.range.lowerBound ?? bytes.count
    for index in 0..<count {
      var copy = bytes
      let limit = index % 8 == 0 ? bytes.count : headerBytes
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let place = Int.random(in: 0..<limit, using: &random)
        if Bool.random(using: &random) {
          copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        } else {
          copy[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      try body(GGUFMutation(name: "random flips \(index)", bytes: copy))
    }
  }

  /// Random runs of bytes inserted, removed, or copied over others.
  public mutating func forEachShift(_ count: Int, _ body: (GGUFMutation) throws -> Void) rethrows {
    for index in 0..<count {
      var copy = bytes
      let length = Int.random(in: 1...32, using: &random)
      let place = Int.random(in: 0..<(bytes.count - length), using: &random)
      let other = Int.random(in: 0..<(bytes.count - length), using: &random)
      switch index % 3 {
      case 0: copy.insert(contentsOf: bytes[other..<(other + length)], at: place)
      case 1: copy.removeSubrange(place..<(place + length))
      default: copy.replaceSubrange(place..<(place + length), with: bytes[other..<(other + length)])
      }
      try body(GGUFMutation(name: "random shift \(index)", bytes: copy))
    }
  }

  private func describe(_ field: GGUFFields.Field) -> String {
    "\(field.kind)\(field.key.isEmpty ? "" : " of \(field.key)") at \(field.range.lowerBound)"
  }

  private func number(at range: Range<Int>) -> UInt64 {
    bytes[range].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }

  private func write(_ value: UInt64, to bytes: inout [UInt8], at range: Range<Int>) {
    for (index, place) in range.enumerated() {
      bytes[place] = index < 8 ? UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) : 0
    }
  }
}

/// A small random generator with a fixed sequence for each seed (Steele, Lea and Flood, 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The generator whose sequence belongs to `state`.
  public init(state: UInt64) { self.state = state }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
