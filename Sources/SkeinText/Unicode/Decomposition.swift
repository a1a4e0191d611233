/// Unicode's normalization forms (UAX #15) over UTF-8, with the tables of the library that models were
/// trained with. The standard library knows them but does not offer them all.
struct DecompositionTables: Sendable {
  /// Where in ``parts`` a scalar's decomposition starts, its length in the lowest bits; 0 for none.
  private let canonicalPlaces: ScalarTable<UInt32>
  private let compatibilityPlaces: ScalarTable<UInt32>
  private let parts: [UInt32]
  private let combiningClasses: ScalarTable<UInt8>
  private let compositionOfPair: [UInt64: UInt32]
  /// The few starters that are right parts of compositions (in Bengali, Tamil, Myanmar, ...), without Hangul.
  private let starterTails: Set<UInt32>
  private static let lengthBits = 5

  /// Built at first use; it never changes.
  static let shared = DecompositionTables()

  private init() {
    var parts: [UInt32] = [0]
    func places(_ text: StaticString) -> [(scalars: Range<Int>, value: UInt32)] {
      var packed = PackedTable(text)
      var places: [(scalars: Range<Int>, value: UInt32)] = []
      var scalar = 0
      while !packed.isAtEnd {
        scalar += packed.next()
        let count = packed.next()
        places.append((scalar..<scalar + 1, UInt32(parts.count) << Self.lengthBits | UInt32(count)))
        var part = scalar
        for _ in 0..<count {
          part += packed.nextSigned()
          parts.append(UInt32(part))
        }
      }
      return places
    }
    let canonical = places(Self.canonical)
    canonicalPlaces = ScalarTable(canonical)
    compatibilityPlaces = ScalarTable(canonical + places(Self.compatibility))
    self.parts = parts

    var packed = PackedTable(Self.classes)
    var classes: [(scalars: Range<Int>, value: UInt8)] = []
    var first = 0
    while !packed.isAtEnd {
      first += packed.next()
      let count = packed.next()
      classes.append((first..<first + count, UInt8(truncatingIfNeeded: packed.next())))
    }
    combiningClasses = ScalarTable(classes)

    packed = PackedTable(Self.compositions)
    var compositionOfPair: [UInt64: UInt32] = [:]
    var composed = 0
    while !packed.isAtEnd {
      composed += packed.next()
      let left = UInt64(composed + packed.nextSigned())
      compositionOfPair[left << 32 | UInt64(packed.next())] = UInt32(composed)
    }
    self.compositionOfPair = compositionOfPair
    let table = combiningClasses
    let tails = compositionOfPair.keys.map { UInt32(truncatingIfNeeded: $0) }
    starterTails = Set(tails.filter { table[$0] == 0 })
  }

  /// A normalization form.
  enum Form: Sendable {
    case canonicalDecomposed, canonicalComposed, compatibilityDecomposed, compatibilityComposed

    var isComposed: Bool { self == .canonicalComposed || self == .compatibilityComposed }
    var isCompatible: Bool { self == .compatibilityDecomposed || self == .compatibilityComposed }
  }

  /// The normalization form of valid UTF-8.
  func normalize(_ text: [UInt8], to form: Form) -> [UInt8] {
    if !text.contains(where: { $0 >= 0x80 }) { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 4)
    // A starter and all that follows it up to the next one; bounded by the text.
    var run: [UInt32] = []
    text.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var index = 0
      while index < bytes.count {
        let (scalar, byteCount) = decodeScalar(base, at: index)
        index += byteCount
        if scalar < 0xA0 {
          flush(&run, form, &result)
          run.append(scalar)
          continue
        }
        decompose(scalar, form) { part in
          if combiningClasses[part] == 0, !run.isEmpty, !form.isComposed || !composesWithBefore(part) {
            flush(&run, form, &result)
          }
          run.append(part)
        }
      }
    }
    flush(&run, form, &result)
    return result
  }

  /// Whether a starter may become a part of the starter in front.
  private func composesWithBefore(_ scalar: UInt32) -> Bool {
    (0x1161...0x1175).contains(scalar) || (0x11A8...0x11C2).contains(scalar) || starterTails.contains(scalar)
  }

  private func decompose(_ scalar: UInt32, _ form: Form, _ body: (UInt32) -> Void) {
    if scalar >= 0xAC00, scalar <= 0xD7A3 {
      let index = scalar - 0xAC00
      body(0x1100 + index / 588)
      body(0x1161 + index % 588 / 28)
      if index % 28 > 0 { body(0x11A7 + index % 28) }
      return
    }
    let place = form.isCompatible ? compatibilityPlaces[scalar] : canonicalPlaces[scalar]
    if place == 0 { return body(scalar) }
    let start = Int(place >> Self.lengthBits)
    for index in start..<start + Int(place & (1 << Self.lengthBits - 1)) { body(parts[index]) }
  }

  /// Puts the marks of a run in order, composes it where asked, and appends it.
  private func flush(_ run: inout [UInt32], _ form: Form, _ result: inout [UInt8]) {
    if run.count > 1 {
      order(&run)
      if form.isComposed { compose(&run) }
    }
    for scalar in run { result.append(scalar: scalar) }
    run.removeAll(keepingCapacity: true)
  }

  /// Sorts marks by their class, stably, between those of class 0.
  private func order(_ run: inout [UInt32]) {
    var start = 0
    while start < run.count {
      while start < run.count, combiningClasses[run[start]] == 0 { start += 1 }
      var end = start
      while end < run.count, combiningClasses[run[end]] != 0 { end += 1 }
      if end - start > 1 {
        let sorted = run[start..<end].enumerated().sorted {
          (combiningClasses[$0.element], $0.offset) < (combiningClasses[$1.element], $1.offset)
        }
        for (offset, scalar) in sorted.enumerated() { run[start + offset] = scalar.element }
      }
      start = end
    }
  }

  private func compose(_ run: inout [UInt32]) {
    var count = 0
    var starter: Int?
    var lastClass: UInt8 = 0
    for index in run.indices {
      let scalar = run[index]
      let combiningClass = combiningClasses[scalar]
      let isBlocked = starter.map { count > $0 + 1 && lastClass >= combiningClass } ?? true
      if let place = starter, !isBlocked, let composed = composition(run[place], scalar) {
        run[place] = composed
        continue
      }
      run[count] = scalar
      if combiningClass == 0 { starter = count }
      lastClass = combiningClass
      count += 1
    }
    run.removeSubrange(count...)
  }

  private func composition(_ left: UInt32, _ right: UInt32) -> UInt32? {
    if (0x1100...0x1112).contains(left), (0x1161...0x1175).contains(right) {
      return 0xAC00 + ((left - 0x1100) * 21 + right - 0x1161) * 28
    }
    if (0xAC00...0xD7A3).contains(left), (left - 0xAC00) % 28 == 0, (0x11A8...0x11C2).contains(right) {
      return left + right - 0x11A7
    }
    return compositionOfPair[UInt64(left) << 32 | UInt64(right)]
  }
}
