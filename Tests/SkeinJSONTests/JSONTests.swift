import SkeinJSON
import SkeinTestSupport
import Testing

@Suite("JSON")
struct JSONTests {
  private func parse(_ text: String, limits: JSONValue.Limits = .init()) throws -> JSONValue {
    try parse(Array(text.utf8), limits: limits)
  }

  private func parse(_ bytes: [UInt8], limits: JSONValue.Limits = .init()) throws -> JSONValue {
    try bytes.withUnsafeBytes { try JSONValue(parsing: $0, path: "x.json", limits: limits) }
  }

  @Test("Every kind of value")
  func values() throws {
    let value = try parse(
      #" {"a": [1, -2, 0, 1.5, 1e3, -0.5E-1], "b": {"c": null, "d": true, "e": false}, "f": "x", "g": [], "h": {}} "#
    )
    #expect(
      value
        == .object([
          "a": .array([
            .integer(1), .integer(-2), .integer(0), .number(1.5), .number(1000), .number(-0.05),
          ]),
          "b": .object(["c": .null, "d": .bool(true), "e": .bool(false)]), "f": .string("x"), "g": .array([]),
          "h": .object([:]),
        ]))
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
  }

  @Test("Objects at named paths become arrays, and may have keys that Swift takes for equal")
  func flattening() throws {
    let text =
      #"{"model": {"vocab": {"\u00e9": 0, "e\u0301": 1}, "n": {"a": 2}}, "vocab": {"b": 3}, "list": [{"vocab": {}}]}"#
    let value = try Array(text.utf8).withUnsafeBytes {
      try JSONValue(parsing: $0, path: "x.json", flattening: [["model", "vocab"]])
    }
    #expect(
      value
        == .object([
          "model": .object([
            "vocab": .array([.string("\u{e9}"), .integer(0), .string("e\u{301}"), .integer(1)]),
            "n": .object(["a": .integer(2)]),
          ]),
          "vocab": .object(["b": .integer(3)]), "list": .array([.object(["vocab": .object([:])])]),
        ]))
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.code == .duplicate)
    for broken in [
      #"{"model": {"vocab": {"a" 1}}}"#, #"{"model": {"vocab": {"a": 1"#, #"{"model": {"vocab": {1}}}"#,
    ] {
      #expect(throws: JSONError.self) {
        try Array(broken.utf8).withUnsafeBytes {
          try JSONValue(parsing: $0, path: "x.json", flattening: [["model", "vocab"]])
        }
      }
    }
  }

  @Test("Escapes and text beyond ASCII")
  func strings() throws {
    #expect(
      try parse(#""\"\\\/\b\f\n\r\t\u00e9\ud83e\udd9A""#) == .string("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f99a}"))
    #expect(try parse("\"\u{1f99a} é\"") == .string("\u{1f99a} é"))
  }

  @Test(
    "Everything else is refused",
    arguments: [
      "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]", "1 2",
      "tru",
      "truex", "nul", "NaN", "Infinity", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "1e999", "\"",
      "\"\\",
      "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\ud800\\n\"",
      "\"\\udc00\"",
      "\"a\nb\"", "'a'", "// a\n1", "{\"a\":1,\"a\":2}", "\u{feff}1",
    ])
  func refused(_ text: String) throws {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test("Bytes that are not UTF-8 are refused")
  func invalidText() {
    for bytes in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x00]]
      as [[UInt8]]
    {
      #expect(throws: JSONError.self) { try parse(bytes) }
    }
  }

  @Test("An error says where")
  func places() {
    #expect { try parse("{\n  \"a\": 1,\n  \"b\": x\n}") } throws: { "\($0)".contains("Line 3, column 8") }
    #expect { try parse("{\"a\": 1, \"a\": 2}") } throws: { "\($0)".contains("column 10") }
  }

  @Test("Depth, values and bytes are bounded")
  func limits() {
    let deep = String(repeating: "[", count: 1_000_000)
    #expect { try parse(deep) } throws: { ($0 as? JSONError)?.code == .tooLarge }
    let nested = String(repeating: "[", count: 3) + String(repeating: "]", count: 3)
    #expect(throws: Never.self) { try parse(nested, limits: .init(depth: 2)) }
    #expect(throws: JSONError.self) { try parse(nested, limits: .init(depth: 1)) }
    #expect(throws: JSONError.self) { try parse("[1,2,3]", limits: .init(values: 3)) }
    #expect(throws: JSONError.self) { try parse("[1,2,3]", limits: .init(bytes: 6)) }
    #expect(throws: JSONError.self) { try parse(String(repeating: "1", count: 500)) }
  }

  @Test("No cut and no changed byte of a file ends the process")
  func mutations() {
    let text = Array(#"{"a": [1, -2.5e3, "\u00e9\n"], "b": {"c": null, "d": [true, false]}}"#.utf8)
    for count in 0..<text.count {
      #expect(throws: JSONError.self) { try parse(Array(text.prefix(count))) }
    }
    for index in text.indices {
      for byte in stride(from: 0, through: 255, by: 5) {
        var changed = text
        changed[index] = UInt8(byte)
        _ = try? parse(changed)
      }
    }
  }
}
