import CPCRE2

/// A regular expression of a rule, as Perl and Python write them: searched in names, not anchored.
///
/// The expressions are other people's, so both compiling and matching are bounded: none can make a run hang.
/// (The expressions of tokenizers are ours and have no such limits, which is why they have a type of their own.)
final class RulePattern: @unchecked Sendable {
  /// Bytes an expression may have.
  static let mostBytes = 8192
  /// Steps that a search in one name may take. Names have some dozens of letters; rules take some hundred steps.
  static let mostSteps: UInt32 = 50_000

  /// As it was written.
  let source: String
  // PCRE2 only reads a compiled expression, so it may be shared.
  private let code: OpaquePointer

  /// Compiles an expression. Throws what PCRE2 says against it.
  init(_ source: String) throws(PatternError) {
    guard source.utf8.count <= Self.mostBytes else {
      throw PatternError(message: "has more than \(Self.mostBytes) bytes; cut it into several rules")
    }
    var errorNumber: Int32 = 0
    var errorOffset = 0
    let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C) | UInt32(PCRE2_NO_UTF_CHECK)
    let compiled = Array(source.utf8).withUnsafeBufferPointer { bytes in
      // An empty array may have no address, and PCRE2 takes none for an error.
      withUnsafePointer(to: UInt8(0)) { empty in
        pcre2_compile_8(bytes.baseAddress ?? empty, bytes.count, options, &errorNumber, &errorOffset, nil)
      }
    }
    guard let compiled else {
      throw PatternError(message: "\(Self.message(errorNumber)) (at character \(errorOffset + 1))")
    }
    self.source = source
    code = compiled
    _ = pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
  }

  deinit { pcre2_code_free_8(code) }

  /// Whether the expression is found in any of the names. Throws where a search takes too many steps.
  func matches(_ names: some Sequence<String>) throws(PatternError) -> Bool {
    guard let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil) else {
      throw PatternError(message: "cannot be searched for: memory is exhausted")
    }
    defer {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(context)
    }
    pcre2_set_match_limit_8(context, Self.mostSteps)
    pcre2_set_depth_limit_8(context, Self.mostSteps)
    for name in names {
      var name = name
      let result = name.withUTF8 { bytes in
        withUnsafePointer(to: UInt8(0)) { empty in
          pcre2_match_8(
            code, bytes.baseAddress ?? empty, bytes.count, 0, UInt32(PCRE2_NO_UTF_CHECK), data, context)
        }
      }
      if result >= 0 { return true }
      if result != PCRE2_ERROR_NOMATCH {
        throw PatternError(
          message: "takes too long to search \"\(name.prefix(80))\" (\(Self.message(result))); write it "
            + "without repetitions inside repetitions")
      }
    }
    return false
  }

  /// Whether the expression is found in `name`. Throws where the search takes too many steps.
  func matches(_ name: String) throws(PatternError) -> Bool { try matches(CollectionOfOne(name)) }

  private static func message(_ number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let length = pcre2_get_error_message_8(number, &buffer, buffer.count)
    guard length > 0 else { return "PCRE2 error \(number)" }
    return String(decoding: buffer.prefix(Int(length)), as: UTF8.self)
  }
}

/// What is wrong with an expression. Whoever knows the file and line makes a `PlannerError` of it.
struct PatternError: Error {
  var message: String
}
