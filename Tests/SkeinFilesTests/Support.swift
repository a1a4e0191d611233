import SkeinFiles
import SkeinTestSupport
import Testing

/// Opens the file that `builder` makes. The folder may go at once: the mapping keeps the bytes.
func open(_ builder: GGUFBuilder, name: String = "model.gguf") throws(CheckpointError) -> GGUFFile {
  try open(builder.build(), name: name)
}

/// Opens a file of these bytes.
func open(_ bytes: [UInt8], name: String = "model.gguf") throws(CheckpointError) -> GGUFFile {
  let folder = TemporaryFolder()
  return try withExtendedLifetime(folder) { () throws(CheckpointError) -> GGUFFile in
    try GGUFFile(path: folder.write(name, bytes))
  }
}

/// Checks that `body` throws a `CheckpointError` with this code, whose text has each of `words`.
func expectError(
  _ code: CheckpointError.Code, _ words: String..., location: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no error, but \(code) was expected", sourceLocation: location)
  } catch let error as CheckpointError {
    #expect(error.code == code, "\(error)", sourceLocation: location)
    for word in words {
      #expect(error.description.contains(word), "\(error)", sourceLocation: location)
    }
  } catch {
    Issue.record("another error: \(error)", sourceLocation: location)
  }
}

/// A file with every value type, several element types and a length that is not a multiple of a page.
func everythingBuilder() -> GGUFBuilder {
  var builder = GGUFBuilder()
  builder.add("general.architecture", .string("llama"))
  builder.setAlignment(64)
  builder.add("u8", .uint8(200))
  builder.add("i8", .int8(-100))
  builder.add("u16", .uint16(65_000))
  builder.add("i16", .int16(-30_000))
  builder.add("u32", .uint32(4_000_000_000))
  builder.add("i32", .int32(-2_000_000_000))
  builder.add("u64", .uint64(.max))
  builder.add("i64", .int64(.min))
  builder.add("f32", .float32(1.5))
  builder.add("f64", .float64(-2.25))
  builder.add("yes", .bool(true))
  builder.add("no", .bool(false))
  builder.add("text", .string("a skein of geese \u{1FABF}"))
  builder.add("tokens", .strings(["<s>", "", "\u{2581}the", "\n"]))
  builder.add("scores", .float32s([0, -1.5, .infinity]))
  builder.add("token_type", .int32s([1, 2, -3]))
  builder.add("flags", .array(elementType: 7, [.bool(true), .bool(false)]))
  builder.add(
    "nested", .array(elementType: 9, [.int32s([1, 2]), .strings(["x"]), .array(elementType: 9, [])]))
  builder.addTensor("token_embd.weight", [6, 32])
  builder.addTensor("blk.0.attn_q.weight", [4, 256], .q4_K)
  builder.addTensor("blk.0.ffn_up_exps.weight", [2, 3, 64], .q8_0)
  builder.addTensor("output_norm.weight", [32], .f16)
  return builder
}
