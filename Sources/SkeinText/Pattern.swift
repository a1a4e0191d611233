import CPCRE2

/// A compiled regular expression over UTF-8, safe to share: PCRE2 only reads a compiled pattern, and
/// what a match writes to belongs to the ``Matcher``.
final class Pattern: @unchecked Sendable {
  fileprivate let code: OpaquePointer

  /// An expression of this program's own.
  convenience init(_ source: String) throws(TokenizerError) {
    try self.init(compiling: source, options: 0) { problem in
      TokenizerError(
        .patternFailed,
        "PCRE2 does not compile a pre-tokenizer's expression (\(problem)). Install PCRE2 10.40 or newer, "
          + "built with Unicode support.")
    }
  }

  /// An expression from a file, in Oniguruma's syntax; `place` says where, for errors. What takes it
  /// very long to match counts as no match.
  convenience init(oniguruma source: String, place: String) throws(TokenizerError) {
    func error(_ problem: String) -> TokenizerError {
      TokenizerError(.patternFailed, "\(place): the expression does not compile: \(problem). Correct it.")
    }
    guard source.utf8.count <= Self.longestByteCount else { throw error("it is longer than 64 KiB") }
    guard let expression = OnigurumaExpression.translate(source) else {
      throw error("a character class does not end or is nested too deep")
    }
    let limits = "(*LIMIT_MATCH=\(Self.matchLimit))"
    try self.init(compiling: limits + expression, options: UInt32(PCRE2_MULTILINE), error)
  }

  private static let longestByteCount = 1 << 16
  /// About a second of backtracking.
  private static let matchLimit = 50_000_000

  private init(
    compiling source: String, options: UInt32, _ error: (String) -> TokenizerError
  ) throws(TokenizerError) {
    let expression = Self.spellingOutWhiteSpace(source)
    var errorNumber: Int32 = 0
    var errorOffset = 0
    let options = options | UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_NO_UTF_CHECK)
    let compiled = Array(expression.utf8).withUnsafeBufferPointer { bytes in
      pcre2_compile_8(bytes.baseAddress, bytes.count, options, &errorNumber, &errorOffset, nil)
    }
    guard let compiled else {
      throw error("error \(errorNumber) of PCRE2 at byte \(errorOffset) of \(expression.prefix(400))")
    }
    code = compiled
    // Where the system forbids making code at run time this fails, and matching is interpreted.
    _ = pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
  }

  deinit {
    pcre2_code_free_8(code)
  }

  /// PCRE2 counts U+180E as white space, Unicode and the libraries that models were trained with do not.
  private static func spellingOutWhiteSpace(_ source: String) -> String {
    let members = "\\p{Z}\\t-\\r\\x{85}"
    var result = ""
    var isEscaped = false
    var isInClass = false
    for scalar in source.unicodeScalars {
      if isEscaped {
        isEscaped = false
        switch scalar {
        case "s": result += isInClass ? members : "[" + members + "]"
        case "S" where !isInClass: result += "[^" + members + "]"
        default: result += "\\" + String(scalar)
        }
        continue
      }
      switch scalar {
      case "\\":
        isEscaped = true
        continue
      case "[": isInClass = true
      case "]": isInClass = false
      default: break
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

/// The working memory of matching, for one thread at a time.
final class Matcher {
  private let data: OpaquePointer?
  private let context: OpaquePointer?

  init() {
    data = pcre2_match_data_create_8(1, nil)
    context = pcre2_match_context_create_8(nil)
    if let context {
      // The expressions are ours and none backtracks more than a line's length, so no limit but memory.
      pcre2_set_match_limit_8(context, UInt32.max)
      pcre2_set_depth_limit_8(context, UInt32.max)
      pcre2_set_heap_limit_8(context, UInt32.max)
    }
  }

  deinit {
    pcre2_match_data_free_8(data)
    pcre2_match_context_free_8(context)
  }

  /// The first match of `pattern` in valid UTF-8 at `start` or later. Expressions see `count` bytes at
  /// `text` and nothing outside. Nil where nothing matches, and where memory runs out: the text is then
  /// left whole, never dropped.
  @inline(__always)
  func firstMatch(
    _ pattern: Pattern, in text: UnsafePointer<UInt8>, count: Int, from start: Int
  ) -> Range<Int>? {
    guard let data else { return nil }
    let options = UInt32(PCRE2_NO_UTF_CHECK)
    var result = pcre2_match_8(pattern.code, text, count, start, options, data, context)
    if result < PCRE2_ERROR_NOMATCH {
      // Compiled code ran out of its small stack; the interpreter's grows.
      result = pcre2_match_8(
        pattern.code, text, count, start, options | UInt32(PCRE2_NO_JIT), data, context)
    }
    guard result >= 0, let offsets = pcre2_get_ovector_pointer_8(data) else { return nil }
    return offsets[0]..<max(offsets[0], offsets[1])
  }
}
