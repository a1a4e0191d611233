import SkeinJSON

/// A value in a file and the keys that lead to it, for errors that name the place.
struct JSONElement {
  let value: JSONValue
  /// `tokenizer.json: model.merges[3]`.
  let place: String

  init(_ value: JSONValue, _ place: String) {
    self.value = value
    self.place = place
  }

  /// The error for a name that is none of `supported`.
  func unknown(_ what: String, _ name: String, _ supported: [String]) -> TokenizerError {
    error(
      .unknownType,
      "the \(what) \(String(reflecting: String(name.prefix(60)))) is not supported; did you mean "
        + "'\(nearestWord(to: name, in: supported))'? Supported are \(supported.joined(separator: ", ")).")
  }

  func error(_ code: TokenizerError.Code, _ message: String) -> TokenizerError {
    TokenizerError(code, "\(place): \(message)")
  }

  private func wrongKind(_ wanted: String) -> TokenizerError {
    error(.invalidValue, "\(wanted) must be here, not \(value.kind). Download the file again.")
  }

  /// The value of a key; nil where it is missing or null.
  func optional(_ key: String) throws(TokenizerError) -> JSONElement? {
    guard case .object(let members) = value else { throw wrongKind("an object") }
    guard let member = members[key], member != .null else { return nil }
    return JSONElement(member, "\(place).\(key)")
  }

  func required(_ key: String) throws(TokenizerError) -> JSONElement {
    guard let element = try optional(key) else {
      throw error(.invalidValue, "'\(key)' is missing. Download the file again.")
    }
    return element
  }

  func elements() throws(TokenizerError) -> [JSONElement] {
    guard case .array(let values) = value else { throw wrongKind("an array") }
    return values.enumerated().map { JSONElement($0.element, "\(place)[\($0.offset)]") }
  }

  func array() throws(TokenizerError) -> [JSONValue] {
    guard case .array(let values) = value else { throw wrongKind("an array") }
    return values
  }

  func string() throws(TokenizerError) -> String {
    guard case .string(let text) = value else { throw wrongKind("a string") }
    return text
  }

  func bool() throws(TokenizerError) -> Bool {
    guard case .bool(let flag) = value else { throw wrongKind("true or false") }
    return flag
  }

  /// A number from 0 to 2^31 - 1.
  func count() throws(TokenizerError) -> Int {
    guard case .integer(let number) = value, (0...Int(Int32.max)).contains(number) else {
      throw wrongKind("a whole number from 0 to 2147483647")
    }
    return number
  }

  /// The one scalar of a string.
  func scalar() throws(TokenizerError) -> UInt32 {
    let scalars = try string().unicodeScalars
    guard let first = scalars.first, scalars.count == 1 else {
      throw error(.invalidValue, "one character must be here. Download the file again.")
    }
    return first.value
  }

  func bool(_ key: String, default fallback: Bool) throws(TokenizerError) -> Bool {
    try optional(key)?.bool() ?? fallback
  }

  func bool(_ key: String) throws(TokenizerError) -> Bool { try required(key).bool() }

  func bytes(_ key: String) throws(TokenizerError) -> [UInt8] { Array(try required(key).string().utf8) }

  /// The step that `type` names, one of `supported`.
  func type(of what: String, among supported: [String]) throws(TokenizerError) -> String {
    let element = try required("type")
    let name = try element.string()
    if supported.contains(name) { return name }
    throw element.unknown(what, name, supported)
  }
}

/// The word of a list that takes the fewest edits (Levenshtein) from `word`. Upper and lower case count
/// as the same; words are cut at 60 characters.
func nearestWord(to word: String, in known: [String]) -> String {
  let wanted = Array(word.lowercased().prefix(60))
  func edits(_ other: String) -> Int {
    var row = Array(0...wanted.count)
    for (i, x) in other.lowercased().enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in wanted.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[wanted.count]
  }
  return known.min { edits($0) < edits($1) } ?? ""
}
