/// The name of one part of a checkpoint in several files: `model-00002-of-00003.gguf`.
struct GGUFPartName: Equatable {
  /// The path before the part's number: `folder/model`.
  let prefix: String
  /// Which part, counted from 0 (the name counts from 1).
  let index: Int
  /// Number of parts.
  let count: Int

  /// Nil where `path` is not such a name.
  init?(path: String) {
    let suffix = ".gguf"
    guard path.hasSuffix(suffix) else { return nil }
    // "-00001-of-00003" is 15 bytes of ASCII.
    let stem = path.utf8.dropLast(suffix.utf8.count)
    let tail = Array(stem.suffix(15))
    guard tail.count == 15, tail[0] == UInt8(ascii: "-"), tail[6..<10].elementsEqual("-of-".utf8),
      let number = Self.number(tail[1..<6]), let count = Self.number(tail[10..<15]),
      (1...max(count, 1)).contains(number), count >= 1
    else { return nil }
    prefix = String(decoding: stem.dropLast(15), as: UTF8.self)
    index = number - 1
    self.count = count
  }

  /// The path of another part.
  func path(ofPart index: Int) -> String { "\(prefix)-\(Self.text(index + 1))-of-\(Self.text(count)).gguf" }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
  }

  private static func text(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
