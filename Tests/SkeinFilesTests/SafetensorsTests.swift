import SkeinFiles
import SkeinTestSupport
import Testing

/// One `model.safetensors`: what is read from it, and every fault that a header can have.
@Suite struct SafetensorsTests {
  /// Opens a folder whose only file has these bytes.
  private func open(_ bytes: [UInt8]) throws -> SafetensorsCheckpoint {
    let folder = TemporaryFolder()
    folder.write("model.safetensors", bytes)
    return try SafetensorsCheckpoint(folder: folder.path)
  }

  private func open(_ change: (inout SafetensorsBuilder) -> Void) throws -> SafetensorsCheckpoint {
    var builder = SafetensorsBuilder()
    change(&builder)
    return try open(builder.build())
  }

  /// The error of a file with one tensor of which the header says this.
  private func entry(
    _ code: CheckpointError.Code, _ words: String..., entry: String, bytes: Int = 8,
    location: SourceLocation = #_sourceLocation
  ) {
    expectError(code, "model.safetensors", "tensor \"w\"", location: location) {
      do {
        _ = try open { $0.add("w", entry: entry, [UInt8](repeating: 1, count: bytes)) }
      } catch {
        for word in words { #expect("\(error)".contains(word), "\(error)", sourceLocation: location) }
        throw error
      }
    }
  }

  @Test(arguments: SafetensorsType.allCases) func everyTypeIsRead(type: SafetensorsType) throws {
    let bytes = (0..<6 * type.byteCount).map { UInt8($0 + 1) }
    let checkpoint = try open {
      $0.metadata = #"{"format":"pt"}"#
      $0.padding = 5
      $0.add("before", "U8", [3], [9, 9, 9])
      $0.add("w", type.rawValue, [2, 3], bytes)
    }
    let tensor = try #require(checkpoint.tensor(named: "w"))
    #expect(tensor.type == type && tensor.extents == [2, 3] && tensor.partIndex == 0)
    #expect(tensor.rowCount == 2 && tensor.columnCount == 3)
    #expect(checkpoint.files[0].bytes[tensor.byteRange].elementsEqual(bytes))
    #expect(checkpoint.tensors.map(\.name) == ["before", "w"])
    #expect(checkpoint.tensor(named: "__metadata__") == nil)
  }

  @Test func everyShapeIsRead() throws {
    let checkpoint = try open {
      $0.add("scalar", [], [1.5])
      $0.add("empty", [0], [])
      $0.add("rows.of.none", [4, 0], [])
      $0.add("none.of.many", [0, 1 << 40], [])
      $0.add("vector", [3], [1, 2, 3])
      $0.add("deep", [1, 2, 1, 2, 1, 1, 1, 1], [1, 2, 3, 4])
    }
    #expect(checkpoint.tensors.count == 6)
    let scalar = try #require(checkpoint.tensor(named: "scalar"))
    #expect(scalar.extents.isEmpty && scalar.rowCount == 1 && scalar.columnCount == 1)
    #expect(scalar.byteRange.count == 4)
    for name in ["empty", "rows.of.none", "none.of.many"] {
      #expect(try #require(checkpoint.tensor(named: name)).byteRange.isEmpty)
    }
    #expect(
      try #require(checkpoint.tensor(named: "vector")).byteRange.lowerBound == scalar.byteRange.upperBound)
    // A file without tensors, and a header in another order than the bytes.
    #expect(try open { _ in }.tensors.isEmpty)
    let swapped = try open {
      $0.add("second", entry: #"{"dtype":"U8","shape":[2],"data_offsets":[3,5]}"#, [1, 2, 3])
      $0.add("first", entry: #"{"data_offsets":[0,3],"shape":[3],"dtype":"U8","more":[]}"#, [4, 5])
    }
    #expect(swapped.tensors.map(\.name) == ["first", "second"])
  }

  @Test func aHeaderThatIsNoneIsSaid() throws {
    expectError(.empty, "model.safetensors") { _ = try open([]) }
    for count in 1..<8 {
      expectError(.truncated, "\(count) bytes") { _ = try open([UInt8](repeating: 0, count: count)) }
    }
    let file = SafetensorsBuilder.file
    expectError(.truncated, "Its header has 3 bytes, the file 10") { _ = try open(file("{}", 3, [])) }
    expectError(.truncated, "104857600") { _ = try open(file("{}", 100 << 20, [])) }
    for length in [UInt64(100 << 20) + 1, 1 << 40, 1 << 63, .max - 7, .max] {
      expectError(.malformed, "\(length) bytes", "not a safetensors file") {
        _ = try open(file("{}", length, []))
      }
    }
    for header in [
      "", " ", "{", "}", "nonsense", "{\"a\":", "{\"a\":1,}", "{} {}", "{\"\u{0}\":1}", "{'a':1}",
    ] {
      expectError(.malformed, "model.safetensors") { _ = try open(file(header, nil, [])) }
    }
    for (header, kind) in [("[]", "an array"), ("1", "an integer"), ("null", "null"), ("\"x\"", "a string")] {
      expectError(.malformed, "Its header is \(kind)") { _ = try open(file(header, nil, [])) }
    }
    let deep = #"{"w":"# + String(repeating: "[", count: 100_000)
    expectError(.tooLarge) { _ = try open(file(deep, nil, [])) }
  }

  @Test func anEntryThatIsNoneIsSaid() {
    for value in ["1", "null", "[]", "\"F32\"", "true", "1.5"] {
      entry(.malformed, "not an object", entry: value)
    }
    entry(.malformed, "no dtype", entry: #"{"shape":[2],"data_offsets":OFFSETS}"#)
    entry(.malformed, "no dtype", entry: #"{"dtype":3,"shape":[2],"data_offsets":OFFSETS}"#)
    for type in ["F31", "f32", "", "float32", "F8_E4M3FNUZ", "F4", "F32 "] {
      entry(
        .unsupportedElementType, "\"\(type)\"", "BF16",
        entry: #"{"dtype":"\#(type)","shape":[2],"data_offsets":OFFSETS}"#)
    }
    entry(.malformed, "no array shape", entry: #"{"dtype":"F32","data_offsets":OFFSETS}"#)
    entry(.malformed, "no array shape", entry: #"{"dtype":"F32","shape":2,"data_offsets":OFFSETS}"#)
    entry(
      .malformed, "shape has 9 numbers",
      entry: #"{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":OFFSETS}"#)
    entry(.malformed, "no array data_offsets", entry: #"{"dtype":"F32","shape":[2]}"#)
    expectError(.duplicate, "model.safetensors") {
      _ = try open {
        $0.add("w", [1], [1])
        $0.add("w", [1], [2])
      }
    }
  }

  @Test(arguments: [
    "-1", "-9223372036854775808", "2.0", "1e3", "\"2\"", "null", "[2]", "9223372036854775808", "1e400",
  ]) func extentsAreWholeNumbers(extent: String) {
    // What is beyond a double is no JSON that is read; all else names the tensor.
    if extent == "1e400" {
      expectError(.malformed) {
        _ = try open { $0.add("w", entry: #"{"dtype":"F32","shape":[1e400],"data_offsets":OFFSETS}"#) }
      }
      return
    }
    entry(.malformed, "whole numbers", entry: #"{"dtype":"F32","shape":[\#(extent)],"data_offsets":OFFSETS}"#)
  }

  @Test func shapesThatDoNotFitAreSaid() {
    for shape in [
      [9_223_372_036_854_775_807], [1 << 32, 1 << 32], [1 << 62], [3, 1 << 61], [1 << 40, 1 << 40, 0],
    ] {
      entry(
        .malformed, "beyond any memory", entry: #"{"dtype":"F32","shape":\#(shape),"data_offsets":OFFSETS}"#)
    }
    for (shape, count) in [([Int](), 4), ([1], 4), ([3], 12), ([0], 0), ([1 << 60], 1 << 62)] {
      entry(
        .malformed, "takes \(count) bytes, its data_offsets span 8",
        entry: #"{"dtype":"F32","shape":\#(shape),"data_offsets":OFFSETS}"#)
    }
  }

  @Test func placesThatAreNoneAreSaid() {
    func place(
      _ offsets: String, _ code: CheckpointError.Code, _ words: String,
      line: SourceLocation = #_sourceLocation
    ) {
      entry(
        code, words, entry: #"{"dtype":"F32","shape":[2],"data_offsets":\#(offsets)}"#, location: line)
    }
    for offsets in ["[]", "[0]", "[8,0]", "[5,4]"] { place(offsets, .malformed, "a beginning and an end") }
    place("[0,4,8]", .malformed, "data_offsets has 3 numbers")
    for offsets in ["[-8,0]", "[0,8.0]", "[0,\"8\"]", "[0,9223372036854775808]"] {
      place(offsets, .malformed, "whole numbers")
    }
    place("[8,16]", .truncated, "would end 16 bytes into the data, of which there are 8")
    place("[0,9223372036854775807]", .truncated, "of which there are 8")
    place("[9223372036854775800,9223372036854775807]", .truncated, "of which there are 8")
  }

  @Test func overlapsAndGapsAreSaid() {
    func two(_ second: (Int, Int), _ code: CheckpointError.Code, _ words: String..., bytes: Int = 8) {
      expectError(code, "model.safetensors") {
        do {
          _ = try open {
            $0.add("a", "F32", [2], [UInt8](repeating: 0, count: 8))
            $0.add("b", "F32", [2], [UInt8](repeating: 0, count: bytes), offsets: second)
          }
        } catch {
          for word in words { #expect("\(error)".contains(word), "\(error)") }
          throw error
        }
      }
    }
    two((4, 12), .malformed, "tensor \"b\"", "the tensor before ends")
    two((0, 8), .malformed, "the tensor before ends")
    two((12, 20), .malformed, "tensor \"b\"", "the tensor before ends", bytes: 12)
    two((8, 16), .malformed, "Its tensors end at byte", bytes: 9)
    two((8, 16), .truncated, "would end 16 bytes", bytes: 7)
    expectError(.malformed, "Its tensors end at byte 10, the file has 11") {
      _ = try open(SafetensorsBuilder.file(header: "{}", nil, [0]))
    }
    expectError(.malformed, "tensor \"a\"", "begins at byte") {
      _ = try open { $0.add("a", "U8", [1], [0, 0], offsets: (1, 2)) }
    }
  }
}
