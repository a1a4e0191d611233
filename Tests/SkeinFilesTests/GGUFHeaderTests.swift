import SkeinFiles
import SkeinTestSupport
import Testing

@Suite struct GGUFHeaderTests {
  @Test func otherFormatsAreNamed() {
    expectError(.unknownFormat, "model.gguf", "not a GGUF file") { _ = try open(Array("hello, goose".utf8)) }
    expectError(.unknownFormat, "git lfs pull") {
      _ = try open(Array("version https://git-lfs.github.com/spec/v1\noid".utf8))
    }
    expectError(.unknownFormat, "web page") { _ = try open(Array("<!DOCTYPE html>".utf8)) }
    expectError(.unknownFormat, "zip") { _ = try open(Array("PK\u{3}\u{4}....".utf8)) }
    expectError(.unknownFormat, "before GGUF") { _ = try open(Array("tjgg\u{1}\0\0\0".utf8)) }
    expectError(.truncated, "only 3 bytes") { _ = try open(Array("GGU".utf8)) }
    expectError(.truncated, "version") { _ = try open(Array("GGUF".utf8)) }
  }

  @Test func otherVersionsAreRefused() {
    var builder = everythingBuilder()
    for (version, word) in [(1, "version 1"), (4, "version 4"), (0, "version 0"), (0xFFFF, "65535")] {
      builder.version = UInt32(version)
      expectError(.unsupportedVersion, "model.gguf", word) { _ = try open(builder) }
    }
    builder.version = UInt32(3).byteSwapped
    expectError(.unsupportedVersion, "big-endian") { _ = try open(builder) }
    expectError(.unsupportedVersion, "big-endian") { _ = try open(Array("FUGG\0\0\0\u{3}".utf8)) }
  }

  @Test func aFileOfNothingOpens() throws {
    let file = try open(GGUFBuilder())
    #expect(file.tensors.isEmpty)
    #expect(file.metadata.count == 0)
    #expect(file.files.map(\.byteCount) == [24])
  }

  @Test func countsAreComparedWithTheFile() {
    let bytes = everythingBuilder().build()
    func with(_ patch: [UInt8], at place: Int) -> [UInt8] {
      Array(bytes[..<place] + patch + bytes[(place + patch.count)...])
    }
    let all = [UInt8](repeating: 0xFF, count: 8)
    expectError(.truncated, "tensor count", "18446744073709551615") { _ = try open(with(all, at: 8)) }
    expectError(.truncated, "key count", "18446744073709551615") { _ = try open(with(all, at: 16)) }
    expectError(.truncated, "tensor count is 65536") { _ = try open(with([0, 0, 1, 0], at: 8)) }
    expectError(.truncated, "key") { _ = try open(with(all, at: 24)) }
  }

  @Test func arraysAreComparedWithTheFile() {
    // The last field is the one after the value's start: element type, then count.
    func array(_ elementType: UInt32, count: UInt64) -> [UInt8] {
      var builder = GGUFBuilder()
      builder.add("list", .array(elementType: elementType, []))
      builder.add("rest", .string("12345678"))
      let bytes = builder.build()
      let place = 24 + 8 + 4 + 4 + 4
      let patch = (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64($0 * 8)) }
      return Array(bytes[..<place] + patch + bytes[(place + 8)...])
    }
    for count in [UInt64(1) << 32, 1 << 61, 1 << 63, .max] {
      for type in 0..<13 {
        expectError(.truncated, "key \"list\"", "\(count)") {
          _ = try open(array(UInt32(type), count: count))
        }
      }
    }
    expectError(.malformed, "key \"list\"", "element type is 13") { _ = try open(array(13, count: 0)) }
  }

  @Test func keysAreChecked() {
    var builder = GGUFBuilder()
    builder.add("a.b", .uint8(1))
    builder.add("a.b", .uint8(1))
    expectError(.duplicate, "model.gguf", "key \"a.b\"") { _ = try open(builder) }
    builder.entries = [("", .uint16(1))]
    expectError(.malformed, "empty") { _ = try open(builder) }
    builder.entries = [(String(repeating: "k", count: 65_536), .uint8(1))]
    expectError(.tooLarge, "65536") { _ = try open(builder) }
    builder.entries = [(String(repeating: "k", count: 65_535), .uint8(1))]
    #expect(throws: Never.self) { try open(builder) }
  }

  @Test func booleansAreZeroOrOne() {
    var builder = GGUFBuilder()
    builder.add("flag", .bool(true))
    var bytes = builder.build()
    bytes[bytes.count - 1] = 2
    expectError(.malformed, "key \"flag\"", "stored as 2") { _ = try open(bytes) }
    builder.entries = [("flags", .array(elementType: 7, [.bool(true), .bool(true)]))]
    bytes = builder.build()
    bytes[bytes.count - 1] = 7
    expectError(.malformed, "key \"flags\"", "stored as 7") { _ = try open(bytes) }
  }

  @Test func nestingIsBounded() throws {
    var value = GGUFBuilder.Value.array(elementType: 0, [.uint8(7)])
    for _ in 1..<8 { value = .array(elementType: 9, [value]) }
    var builder = GGUFBuilder()
    builder.add("deep", value)
    var innermost = try #require(try open(builder).metadata["deep"])
    while case .array(let array) = innermost { innermost = try #require(array.elements.first) }
    #expect(innermost == .uint8(7))
    builder.entries = [("deep", .array(elementType: 9, [value]))]
    expectError(.tooLarge, "key \"deep\"", "8 deep") { _ = try open(builder) }
    for _ in 0..<10_000 { value = .array(elementType: 9, [value]) }
  }

  @Test func alignmentIsChecked() throws {
    for alignment in [8, 16, 32, 64, 4096] {
      var builder = GGUFBuilder()
      builder.setAlignment(alignment)
      builder.addTensor("a", [3])
      builder.addTensor("b", [5])
      let file = try open(builder)
      #expect(file.tensors.map { $0.offset % alignment } == [0, 0])
      #expect(file.bytes(of: file.tensors[1]).elementsEqual(builder.tensors[1].bytes))
    }
    for alignment in [0, 1, 4, 24, 33] {
      var builder = GGUFBuilder()
      builder.add("general.alignment", .uint32(UInt32(alignment)))
      expectError(.malformed, "key \"general.alignment\"", "is \(alignment)") { _ = try open(builder) }
    }
    var builder = GGUFBuilder()
    builder.add("general.alignment", .string("32"))
    expectError(.wrongType, "key \"general.alignment\"") { _ = try open(builder) }
    builder.entries = [("general.alignment", .uint64(1 << 62))]
    builder.addTensor("a", [3])
    expectError(.truncated, "tensor \"a\"") { _ = try open(builder) }
  }
}
