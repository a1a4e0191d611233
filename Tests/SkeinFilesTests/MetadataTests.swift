import SkeinFiles
import SkeinTestSupport
import Testing

@Suite struct MetadataTests {
  @Test(arguments: [2, 3]) func everyValueTypeComesBack(version: UInt32) throws {
    var builder = everythingBuilder()
    builder.version = version
    let file = try open(builder)
    let metadata = file.metadata
    #expect(file.version == version)
    #expect(metadata.keys == builder.entries.map(\.key))
    #expect(metadata["u8"] == .uint8(200))
    #expect(metadata["i8"] == .int8(-100))
    #expect(metadata["u16"] == .uint16(65_000))
    #expect(metadata["i16"] == .int16(-30_000))
    #expect(metadata["u32"] == .uint32(4_000_000_000))
    #expect(metadata["i32"] == .int32(-2_000_000_000))
    #expect(metadata["u64"] == .uint64(.max))
    #expect(metadata["i64"] == .int64(.min))
    #expect(metadata["f32"] == .float32(1.5))
    #expect(metadata["f64"] == .float64(-2.25))
    #expect(metadata["yes"] == .bool(true))
    #expect(metadata["no"] == .bool(false))
    #expect(metadata["text"] == .string("a skein of geese \u{1FABF}"))
    #expect(metadata["absent"] == nil)
    #expect(try metadata.strings("tokens") == ["<s>", "", "\u{2581}the", "\n"])
    #expect(try metadata.floats("scores") == [0, -1.5, .infinity])
    #expect(try metadata.integers("token_type") == [1, 2, -3])
    #expect(try metadata.bools("flags") == [true, false])
    let nested = try #require(try metadata.array("nested")).elements
    #expect(nested.count == 3)
    #expect(nested[0].description == "[int32] x 2")
    guard case .array(let first) = nested[0], case .array(let second) = nested[1],
      case .array(let third) = nested[2]
    else {
      Issue.record("the elements are not arrays")
      return
    }
    #expect(first.integers == [1, 2])
    #expect(second.strings == ["x"])
    #expect(third.elementType == .array && third.elements.isEmpty)
  }

  @Test func everyNumberArrayDecodes() throws {
    var builder = GGUFBuilder()
    builder.add("u8", .array(elementType: 0, [.uint8(255)]))
    builder.add("i8", .array(elementType: 1, [.int8(-1)]))
    builder.add("u16", .array(elementType: 2, [.uint16(65_535)]))
    builder.add("i16", .array(elementType: 3, [.int16(-1)]))
    builder.add("u32", .array(elementType: 4, [.uint32(.max)]))
    builder.add("i32", .array(elementType: 5, [.int32(-1)]))
    builder.add("u64", .array(elementType: 10, [.uint64(1 << 63 - 1)]))
    builder.add("i64", .array(elementType: 11, [.int64(-1)]))
    builder.add("f64", .array(elementType: 12, [.float64(0.5)]))
    builder.add("large", .array(elementType: 10, [.uint64(1 << 63)]))
    builder.add("empty", .strings([]))
    let metadata = try open(builder).metadata
    #expect(try metadata.integers("u8") == [255])
    #expect(try metadata.integers("i8") == [-1])
    #expect(try metadata.integers("u16") == [65_535])
    #expect(try metadata.integers("i16") == [-1])
    #expect(try metadata.integers("u32") == [4_294_967_295])
    #expect(try metadata.integers("i32") == [-1])
    #expect(try metadata.integers("u64") == [Int.max])
    #expect(try metadata.integers("i64") == [-1])
    #expect(try metadata.floats("f64") == [0.5])
    #expect(try metadata.array("large")?.elements == [.uint64(1 << 63)])
    expectError(.wrongType, "key \"large\"") { _ = try metadata.integers("large") }
    #expect(try metadata.strings("empty") == [])
    #expect(try metadata.integers("empty") == [])
    #expect(try metadata.floats("empty") == [])
    #expect(try metadata.bools("empty") == [])
  }

  @Test func gettersTellAbsentFromWrong() throws {
    let metadata = try open(everythingBuilder()).metadata
    #expect(try metadata.integer("absent") == nil)
    #expect(try metadata.float("absent") == nil)
    #expect(try metadata.string("absent") == nil)
    #expect(try metadata.strings("absent") == nil)
    #expect(try metadata.integer("u8") == 200)
    #expect(try metadata.integer("i64") == Int.min)
    #expect(try metadata.float("f32") == 1.5)
    #expect(try metadata.float("f64") == -2.25)
    #expect(try metadata.requiredString("general.architecture") == "llama")
    expectError(.wrongType, "model.gguf", "key \"text\"", "an integer", "string") {
      _ = try metadata.integer("text")
    }
    expectError(.wrongType, "key \"u8\"") { _ = try metadata.float("u8") }
    expectError(.wrongType, "key \"u8\"") { _ = try metadata.bool("u8") }
    expectError(.wrongType, "key \"tokens\"", "array of 4 string") { _ = try metadata.integers("tokens") }
    expectError(.wrongType, "key \"token_type\"") { _ = try metadata.strings("token_type") }
    expectError(.wrongType, "key \"text\"") { _ = try metadata.floats("text") }
    expectError(.outOfRange, "key \"u64\"", "18446744073709551615") { _ = try metadata.integer("u64") }
    expectError(.outOfRange, "key \"u8\"", "1 to 100") { _ = try metadata.integer("u8", in: 1...100) }
    expectError(.missingKey, "model.gguf", "key \"absent\"") { _ = try metadata.requiredInteger("absent") }
    expectError(.missingKey, "key \"absent\"") { _ = try metadata.requiredStrings("absent") }
    expectError(.missingKey, "key \"absent\"") { _ = try metadata.requiredFloat("absent") }
  }

  @Test func arraysInMemoryDecodeLikeThoseOfFiles() throws {
    let file = try open(everythingBuilder()).metadata
    #expect(try file.array("tokens") == MetadataArray(strings: ["<s>", "", "\u{2581}the", "\n"]))
    #expect(try file.array("scores") == MetadataArray(floats: [0, -1.5, .infinity]))
    #expect(MetadataArray(integers: [3, -4]).integers == [3, -4])
    var metadata = Metadata(path: "config.json")
    try metadata.add("a", .int64(1))
    expectError(.duplicate, "config.json", "key \"a\"") { try metadata.add("a", .int64(2)) }
  }

  @Test func metadataOutlivesTheFile() throws {
    let metadata = try open(everythingBuilder()).metadata
    #expect(try metadata.strings("tokens")?.count == 4)
  }

  @Test func badUTF8IsRepairedAndKeptInArrays() throws {
    var builder = GGUFBuilder()
    builder.add("text", .stringBytes([0x61, 0xFF, 0x62]))
    builder.add("tokens", .array(elementType: 8, [.stringBytes([0xE2, 0x96]), .string("b")]))
    let metadata = try open(builder).metadata
    #expect(try metadata.string("text") == "a\u{FFFD}b")
    #expect(try metadata.strings("tokens") == ["\u{FFFD}", "b"])
    var raw: [[UInt8]] = []
    #expect(try metadata.requiredArray("tokens").forEachStringBytes { raw.append(Array($0)) })
    #expect(raw == [[0xE2, 0x96], [0x62]])
  }
}
