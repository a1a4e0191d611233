/// What becomes of text that no token covers.
struct ByteFallback: Sendable {
  /// The token of each byte, or ``TokenTable/absent``.
  var ids: [Int32]
  /// The token for anything else, or ``TokenTable/absent``.
  var unknown: Int32

  /// Appends byte tokens for the bytes; where one is missing, the unknown token stands for all of them,
  /// and for the unknown ones next to them, as SentencePiece has it. With no unknown token either, the
  /// bytes are left out.
  func append(_ bytes: UnsafePointer<UInt8>, count: Int, into run: inout EncodingRun) {
    let firstOutput = run.output.count
    var isMissing = false
    for index in 0..<count {
      let id = ids[Int(bytes[index])]
      if id == TokenTable.absent { isMissing = true } else { run.output.append(id) }
    }
    guard isMissing, unknown != TokenTable.absent else { return }
    run.output.removeSubrange(firstOutput...)
    if run.endOfUnknown != firstOutput { run.output.append(unknown) }
    run.endOfUnknown = run.output.count
  }

  /// Bytes of valid UTF-8 that nothing stands for. (C0, C1 and F5 to FF are never in valid UTF-8, and
  /// many vocabularies leave them out.)
  var unencodableBytes: [UInt8] {
    if unknown != TokenTable.absent { return [] }
    return (0...UInt8(0xF4)).filter { $0 != 0xC0 && $0 != 0xC1 && ids[Int($0)] == TokenTable.absent }
  }
}

/// U+2581, which vocabularies write for a space.
enum EscapedSpace {
  static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

  @inline(__always)
  static func starts(_ text: UnsafePointer<UInt8>, at index: Int, count: Int) -> Bool {
    index &+ 2 < count && text[index] == 0xE2 && text[index &+ 1] == 0x96 && text[index &+ 2] == 0x81
  }
}

/// How many bytes the UTF-8 character that starts with `byte` has.
@inline(__always)
func characterByteCount(_ byte: UInt8) -> Int {
  byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
}
