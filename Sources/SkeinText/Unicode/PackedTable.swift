/// Reads base64 (RFC 4648), as tables in this target and blobs in tokenizer files are written. Nil for
/// anything else: no white space, padding where it belongs.
func decodeBase64(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
  guard text.count % 4 == 0 else { return nil }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.count / 4 * 3)
  var index = 0
  while index < text.count {
    var group: UInt32 = 0
    var padding = 0
    for offset in 0..<4 {
      let digit: UInt8
      switch text[index + offset] {
      case let letter where letter >= 0x41 && letter <= 0x5A: digit = letter - 0x41
      case let letter where letter >= 0x61 && letter <= 0x7A: digit = letter - 0x61 + 26
      case let number where number >= 0x30 && number <= 0x39: digit = number - 0x30 + 52
      case 0x2B: digit = 62
      case 0x2F: digit = 63
      case 0x3D where index + 4 == text.count && offset >= 2:
        padding += 1
        digit = 0
      default: return nil
      }
      if padding > 0, text[index + offset] != 0x3D { return nil }
      group = group << 6 | UInt32(digit)
    }
    bytes.append(UInt8(truncatingIfNeeded: group >> 16))
    if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
    if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
    index += 4
  }
  return bytes
}

/// The numbers of a table that a script wrote: varints in base64.
struct PackedTable {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: StaticString) {
    bytes = decodeBase64(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) ?? []
  }

  var isAtEnd: Bool { index >= bytes.count }

  mutating func next() -> Int {
    var value = 0
    var shift = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      value |= Int(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 { break }
    }
    return value
  }

  mutating func nextSigned() -> Int {
    let value = next()
    return value & 1 == 0 ? value >> 1 : -((value + 1) >> 1)
  }
}

/// A number for every Unicode scalar, most of them 0: pages of 256, equal ones stored once.
struct ScalarTable<Value: FixedWidthInteger & Sendable>: Sendable {
  private var pageOfBlock: [UInt16]
  private var pages: [Value]

  init(_ values: [(scalars: Range<Int>, value: Value)], combining: (Value, Value) -> Value = { $1 }) {
    pageOfBlock = Array(repeating: 0, count: 0x1100)
    pages = Array(repeating: 0, count: 256)
    for (scalars, value) in values {
      var scalar = scalars.lowerBound
      while scalar < scalars.upperBound {
        if pageOfBlock[scalar >> 8] == 0 {
          pageOfBlock[scalar >> 8] = UInt16(pages.count >> 8)
          pages.append(contentsOf: repeatElement(0, count: 256))
        }
        let base = Int(pageOfBlock[scalar >> 8]) << 8
        let end = min(scalars.upperBound, (scalar | 0xFF) + 1)
        for index in scalar..<end {
          pages[base | index & 0xFF] = combining(pages[base | index & 0xFF], value)
        }
        scalar = end
      }
    }
    shareEqualPages()
  }

  private mutating func shareEqualPages() {
    var placeOfPage: [[Value]: UInt16] = [:]
    var packed: [Value] = []
    for block in pageOfBlock.indices {
      let base = Int(pageOfBlock[block]) << 8
      let page = Array(pages[base..<base + 256])
      if let place = placeOfPage[page] {
        pageOfBlock[block] = place
      } else {
        pageOfBlock[block] = UInt16(packed.count >> 8)
        placeOfPage[page] = pageOfBlock[block]
        packed.append(contentsOf: page)
      }
    }
    pages = packed
  }

  @inline(__always)
  subscript(scalar: UInt32) -> Value {
    scalar > 0x10FFFF ? 0 : pages[Int(pageOfBlock[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
  }
}
