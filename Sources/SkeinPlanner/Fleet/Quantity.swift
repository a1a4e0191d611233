import SkeinTensor

/// A number with a unit, as fleet files have it: `24 GB`, `0.3 GB/s`, `10 us`, `47 TOPS`.
enum Quantity {
  case bytes, bytesPerSecond, seconds, operationsPerSecond

  /// Units by name, each with what it multiplies by, or, negative, divides by; the base unit comes first.
  private var units: [(name: String, scale: Double)] {
    switch self {
    case .bytes: Self.byteUnits
    case .bytesPerSecond:
      Self.byteUnits.map { ($0.name + "/s", $0.scale) } + [("Mbit/s", 1e6 / 8), ("Gbit/s", 1e9 / 8)]
    // Below one by division, which rounds once: 10 us is 1e-5 s.
    case .seconds: [("s", 1), ("ms", -1e3), ("us", -1e6), ("µs", -1e6), ("ns", -1e9)]
    case .operationsPerSecond:
      [
        ("FLOPS", 1), ("GFLOPS", 1e9), ("TFLOPS", 1e12), ("PFLOPS", 1e15), ("GOPS", 1e9), ("TOPS", 1e12),
        ("POPS", 1e15),
      ]
    }
  }

  private static let byteUnits: [(name: String, scale: Double)] = [
    ("B", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("KiB", 1024), ("MiB", 1_048_576),
    ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776),
  ]

  /// What a value may be: beyond any hardware, and small enough that sums and products stay finite.
  var range: ClosedRange<Double> {
    switch self {
    case .bytes: 0...1e18
    case .bytesPerSecond: 1...1e18
    case .seconds: 0...1e3
    case .operationsPerSecond: 1...1e24
    }
  }

  private var example: String {
    switch self {
    case .bytes: "24 GB"
    case .bytesPerSecond: "12.5 GB/s"
    case .seconds: "10 us"
    case .operationsPerSecond: "12 TFLOPS"
    }
  }

  /// The value of a text, or why it has none.
  func parse(_ text: String) -> Result<Double, Problem> {
    let end = text.firstIndex { !"0123456789.+-eE".contains($0) } ?? text.endIndex
    // The e of an exponent is part of the number, that of a unit is not.
    guard let number = Double(text[..<end].trimmed), number.isFinite else {
      return .failure(Problem(text: "\"\(text.prefix(40))\" is not a number with a unit, such as \(example)"))
    }
    let name = text[end...].trimmed
    guard let unit = units.first(where: { $0.name == name }) else {
      let known = units.map(\.name)
      let nearest = name.isEmpty ? nil : nearestWord(to: name, in: known)
      return .failure(
        Problem(
          text: (name.isEmpty ? "\(text) has no unit" : "\"\(name.prefix(20))\" is not a unit for it")
            + "; give one of \(known.joined(separator: ", "))"
            + (nearest.map { " (the nearest is \($0))" } ?? "")))
    }
    let value = unit.scale > 0 ? number * unit.scale : number / -unit.scale
    guard range.contains(value) else {
      return .failure(
        Problem(text: "\(text) is out of range, which is \(range.lowerBound)...\(range.upperBound)"))
    }
    return .success(value)
  }

  /// The shortest text that gives exactly this value again.
  func text(_ value: Double) -> String {
    func digits(_ value: Double) -> String {
      let text = "\(value)"
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
    let candidates = units.compactMap { unit -> (number: Double, text: String)? in
      let number = unit.scale > 0 ? value / unit.scale : value * -unit.scale
      let text = "\(digits(number)) \(unit.name)"
      return (try? parse(text).get()) == value ? (number, text) : nil
    }
    let readable = candidates.filter { $0.number >= 1 }
    // Of texts that are as short the largest unit.
    let shortest = (readable.isEmpty ? candidates : readable).reversed().min {
      $0.text.utf8.count < $1.text.utf8.count
    }
    return shortest?.text ?? "\(value) \(units[0].name)"
  }

  /// Why a text has no value.
  struct Problem: Error {
    var text: String
  }
}

extension Substring {
  /// Without spaces at both ends.
  fileprivate var trimmed: String {
    let start = drop { $0 == " " }
    return String(start.reversed().drop { $0 == " " }.reversed())
  }
}
