/// The bytes of a GGUF file with more text in its metadata. What follows moves by a multiple of the alignment.
///
/// - Parameters:
///   - texts: keys and values; the keys must not be in the file.
///   - lists: keys and lists of strings.
public func addingMetadata(
  _ texts: [(key: String, value: String)], lists: [(key: String, values: [String])] = [], to file: [UInt8]
) -> [UInt8] {
  func number<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
  func string(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }
  let (stringType, arrayType) = (UInt32(8), UInt32(9))
  var added: [UInt8] = []
  for text in texts { added += string(text.key) + number(stringType) + string(text.value) }
  for list in lists {
    added += string(list.key) + number(arrayType) + number(stringType) + number(UInt64(list.values.count))
    for value in list.values { added += string(value) }
  }
  let empty = string("test.padding") + number(stringType) + string("")
  let alignment = 32
  let short = (alignment - (added.count + empty.count) % alignment) % alignment
  added += string("test.padding") + number(stringType) + string(String(repeating: "-", count: short))
  // Magic and version, the number of tensors, the number of keys.
  let count = file[16..<24].enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) }
  let all = count + UInt64(texts.count + lists.count + 1)
  return file[..<16] + number(all) + added + file[24...]
}
