/// The filter `wordwrap`, as Python's `textwrap` breaks lines.
extension Renderer {
  func wrapped(_ value: Value, _ arguments: Arguments) throws -> Value {
    let bound = try bind(
      arguments, "wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"])
    let width = try integer(bound[0], "width") ?? 79
    guard width > 0 else { throw error(.value, "invalid width \(width) (must be > 0)") }
    let separator = try string(bound[2].flatMap { $0.isNone ? nil : $0 }, "wrapstring") ?? ["\n"]
    if case .undefined(let missing) = value { throw use(missing) }
    guard let source = value.asText else { throw error(.type, "only strings can be wrapped") }
    try claim(bytes: source.count * 8)
    let paragraphs = source.lines().map { line in
      Text(
        wrappedLines(
          line, width, breaksWords: bound[1]?.isTrue ?? true, breaksHyphens: bound[3]?.isTrue ?? true
        )
        .joined(separator: separator))
    }
    return try joined(paragraphs, separator)
  }

  private func wrappedLines(_ text: Text, _ width: Int, breaksWords: Bool, breaksHyphens: Bool) -> [Text] {
    var chunks: [Text] = self.chunks(text, breaksHyphens: breaksHyphens).reversed()
    var lines: [Text] = []
    while let first = chunks.last {
      if first.allSatisfy(\.isSpace), !lines.isEmpty { chunks.removeLast() }
      var line: [Text] = []
      var count = 0
      while let chunk = chunks.last, count + chunk.count <= width {
        line.append(chunk)
        count += chunk.count
        chunks.removeLast()
      }
      if let chunk = chunks.last, chunk.count > width {
        if breaksWords {
          let space = max(width - count, 1)
          var cut = space
          // A long word is cut after a hyphen where it has one.
          if breaksHyphens, chunk.count > space,
            let hyphen = chunk[..<space].lastIndex(of: "-"), hyphen > 0,
            chunk[..<hyphen].contains(where: { $0 != "-" })
          {
            cut = hyphen + 1
          }
          line.append(Text(chunk[..<cut]))
          chunks[chunks.count - 1] = Text(chunk[cut...])
        } else if line.isEmpty {
          line.append(chunk)
          chunks.removeLast()
        }
      }
      if let last = line.last, last.allSatisfy(\.isSpace) { line.removeLast() }
      if !line.isEmpty { lines.append(Text(line.joined())) }
    }
    return lines
  }

  /// Words, the white space between them, and the parts of words with hyphens.
  private func chunks(_ text: Text, breaksHyphens: Bool) -> [Text] {
    var result: [Text] = []
    var start = 0
    while start < text.count {
      let isSpace = text[start].isSpace
      var end = start + 1
      while end < text.count, text[end].isSpace == isSpace {
        end += 1
        // After a hyphen between letters.
        if !isSpace, breaksHyphens, text[end - 1] == "-", end - start >= 3, end < text.count,
          text[end - 2].isLetter,
          text[end - 3].isLetter, text[end].isLetter, end + 1 < text.count, text[end + 1].isLetter
        {
          break
        }
      }
      result.append(Text(text[start..<end]))
      start = end
    }
    return result
  }
}
