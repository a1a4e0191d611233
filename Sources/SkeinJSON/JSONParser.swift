import OrderedCollections

/// Reads strict JSON (RFC 8259) within limits. No comments, no trailing commas, no `NaN`, no key twice.
struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  let path: String
  let limits: JSONValue.Limits
  /// Key paths of objects that become arrays; see ``JSONValue/init(parsing:path:limits:flattening:)``.
  let flattened: [[String]]
  private var offset = 0
  /// The keys that lead to the value being read, as long as they may lead to a flattened object.
  private var keyPath: [String] = []
  private var valueCount = 0

  init(bytes: UnsafeRawBufferPointer, path: String, limits: JSONValue.Limits, flattened: [[String]]) {
    self.bytes = bytes
    self.path = path
    self.limits = limits
    self.flattened = flattened
  }

  /// The one value of the file.
  mutating func document() throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.bytes else {
      throw JSONError(
        .tooLarge, "The file has \(bytes.count) bytes; such JSON may have \(limits.bytes).", path: path)
    }
    let value = try self.value(depth: 0)
    skipSpace()
    if offset < bytes.count { throw fault("something follows the end of the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= limits.depth else {
      throw fault("more than \(limits.depth) arrays and objects inside one another", .tooLarge)
    }
    valueCount += 1
    guard valueCount <= limits.values else { throw fault("more than \(limits.values) values", .tooLarge) }
    skipSpace()
    guard let first = current else { throw fault("the file ends where a value must begin") }
    switch first {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fault("no value begins here")
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    // Key paths are followed through objects alone: within an array the depth is larger than the path
    // is long.
    let mayLead = !flattened.isEmpty && keyPath.count == depth
    if mayLead, flattened.contains(keyPath) { return try flatObject(depth: depth) }
    offset += 1
    var members: OrderedDictionary<String, JSONValue> = [:]
    if closes("}") { return .object(members) }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw fault("a key in quotation marks must be here") }
      let start = offset
      let key = try string()
      guard takes(":") else { throw fault("a colon must be here") }
      if mayLead { keyPath.append(key) }
      let value = try self.value(depth: depth + 1)
      if mayLead { keyPath.removeLast() }
      if members.updateValue(value, forKey: key) != nil {
        offset = start
        throw fault("the key \(quoted(key)) is there twice", .duplicate)
      }
      if closes("}") { return .object(members) }
      guard takes(",") else { throw fault("a comma or } must be here") }
    }
  }

  /// An object as an array: key, value, key, value...
  private mutating func flatObject(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var elements: [JSONValue] = []
    if closes("}") { return .array(elements) }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw fault("a key in quotation marks must be here") }
      elements.append(.string(try string()))
      guard takes(":") else { throw fault("a colon must be here") }
      elements.append(try value(depth: depth + 1))
      if closes("}") { return .array(elements) }
      guard takes(",") else { throw fault("a comma or } must be here") }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var elements: [JSONValue] = []
    if closes("]") { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      if closes("]") { return .array(elements) }
      guard takes(",") else { throw fault("a comma or ] must be here") }
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let count = word.utf8CodeUnitCount
    let letters = UnsafeRawBufferPointer(start: word.utf8Start, count: count)
    guard bytes[offset...].prefix(count).elementsEqual(letters) else { throw fault("no value begins here") }
    offset += count
    return value
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    var isInteger = true
    if current == UInt8(ascii: "-") { offset += 1 }
    // A number has no leading zeros.
    if current == UInt8(ascii: "0") { offset += 1 } else { try digits() }
    if current == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      offset += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
      try digits()
    }
    guard offset - start <= 400 else { throw fault("a number of more than 400 characters", .tooLarge) }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isInteger, let integer = Int(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else {
      offset = start
      throw fault("the number is too large for 64 bits")
    }
    return .number(number)
  }

  private mutating func digits() throws(JSONError) {
    let start = offset
    while let digit = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) { offset += 1 }
    if offset == start { throw fault("a digit must be here") }
  }

  private mutating func string() throws(JSONError) -> String {
    offset += 1
    let start = offset
    // Most strings have no escapes and are taken as they stand.
    skipPlain()
    if current == UInt8(ascii: "\"") {
      offset += 1
      return try text(bytes[start..<offset - 1])
    }
    var unescaped = Array(bytes[start..<offset])
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return try text(unescaped)
      case UInt8(ascii: "\\"):
        offset += 1
        try escape(into: &unescaped)
      case 0..<0x20:
        throw fault("a control character in a string must be written as an escape")
      default:
        let start = offset
        skipPlain()
        unescaped.append(contentsOf: bytes[start..<offset])
      }
    }
    throw fault("the string does not end")
  }

  /// Goes to the next byte that ends a string or means something in it.
  private mutating func skipPlain() {
    while let byte = current, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      offset += 1
    }
  }

  private func text(_ bytes: some Collection<UInt8>) throws(JSONError) -> String {
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw fault("the string that ends here is not valid UTF-8")
    }
    return string
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard let letter = current else { throw fault("the string does not end") }
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
      UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]
    if let byte = simple[letter] {
      offset += 1
      return text.append(byte)
    }
    guard letter == UInt8(ascii: "u") else { throw fault("there is no such escape") }
    offset += 1
    var code = try hexadecimal()
    if (0xD800..<0xDC00).contains(code), current == UInt8(ascii: "\\") {
      offset += 1
      guard current == UInt8(ascii: "u") else {
        throw fault("the other half of a surrogate pair must be here")
      }
      offset += 1
      let low = try hexadecimal()
      guard (0xDC00..<0xE000).contains(low) else { throw fault("this is not the half of a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair stands alone") }
    text.append(contentsOf: Character(scalar).utf8)
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("a hexadecimal digit must be here")
      }
      code = code << 4 | UInt32(digit)
      offset += 1
    }
    return code
  }

  private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private mutating func takes(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard current == UInt8(ascii: mark) else { return false }
    offset += 1
    return true
  }

  private mutating func closes(_ mark: Unicode.Scalar) -> Bool { takes(mark) }

  /// An error at the current place, which it names as editors do.
  private func fault(_ message: String, _ code: JSONError.Code = .malformed) -> JSONError {
    let before = bytes[..<min(offset, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let column = before.count - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0) + 1
    return JSONError(
      code, "Line \(line), column \(column): \(message). Download the file again.", path: path)
  }
}
