import SkeinFiles
import SkeinTestSupport
import Testing

/// Folders of several files with an index, and folders that have none.
@Suite struct SafetensorsFolderTests {
  private let folder = TemporaryFolder()
  private static let indexName = "model.safetensors.index.json"

  private func write(_ name: String, _ tensors: String...) {
    var builder = SafetensorsBuilder()
    for (place, tensor) in tensors.enumerated() { builder.add(tensor, [2], [Float(place), 1]) }
    folder.write(name, builder.build())
  }

  private func writeIndex(_ text: String) { folder.write(Self.indexName, Array(text.utf8)) }

  private func expect(
    _ code: CheckpointError.Code, _ words: String..., location: SourceLocation = #_sourceLocation
  ) {
    expectError(code, folder.path, location: location) {
      do {
        _ = try SafetensorsCheckpoint(folder: folder.path)
      } catch {
        for word in words { #expect("\(error)".contains(word), "\(error)", sourceLocation: location) }
        throw error
      }
    }
  }

  @Test func filesOfAnIndexAreOneCheckpoint() throws {
    write("b.safetensors", "one", "two")
    write("a.safetensors", "three")
    // A file that the index does not name is not looked at, and neither is a whole file beside an index.
    write("c.safetensors", "one")
    folder.write("model.safetensors", [1, 2, 3])
    folder.write(
      Self.indexName,
      SafetensorsBuilder.index([
        ("one", "b.safetensors"), ("two", "b.safetensors"), ("three", "a.safetensors"),
      ]))
    #expect(SafetensorsCheckpoint.isThere(folder.path))
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path)
    #expect(checkpoint.path == folder.path)
    #expect(checkpoint.files.map(\.path) == ["a", "b"].map { "\(folder.path)/\($0).safetensors" })
    #expect(checkpoint.tensors.map(\.name) == ["three", "one", "two"])
    #expect(checkpoint.tensors.map(\.partIndex) == [0, 1, 1])
    let two = try #require(checkpoint.tensor(named: "two"))
    #expect(checkpoint.files[1].bytes[two.byteRange].load(as: Float.self) == 1)
    #expect(checkpoint.tensor(named: "four") == nil)
  }

  @Test func tensorsThatTheIndexForgetsAreRead() throws {
    write("a.safetensors", "one", "two")
    folder.write(Self.indexName, SafetensorsBuilder.index([("one", "a.safetensors")]))
    #expect(try SafetensorsCheckpoint(folder: folder.path).tensor(named: "two") != nil)
  }

  @Test func aTensorInTwoFilesIsSaid() {
    write("a.safetensors", "one", "two")
    write("b.safetensors", "two", "three")
    folder.write(
      Self.indexName, SafetensorsBuilder.index([("one", "a.safetensors"), ("three", "b.safetensors")]))
    expect(.duplicate, "b.safetensors: tensor \"two\"", "also in \(folder.path)/a.safetensors")
  }

  @Test func anIndexThatIsWrongIsSaid() {
    write("a.safetensors", "one")
    folder.write(
      Self.indexName, SafetensorsBuilder.index([("one", "a.safetensors"), ("two", "b.safetensors")]))
    expect(.notFound, "b.safetensors")
    write("b.safetensors", "three")
    expect(.missingTensor, "tensor \"two\"", "\"b.safetensors\"")
    // In a file, but in another than the index says.
    folder.write(
      Self.indexName, SafetensorsBuilder.index([("one", "b.safetensors"), ("three", "a.safetensors")]))
    expect(.missingTensor, "The index says")
    for file in ["../a.safetensors", "/a.safetensors", "x/a.safetensors", "", "a.bin", "..", "."] {
      folder.write(Self.indexName, SafetensorsBuilder.index([("one", file)]))
      expect(.malformed, Self.indexName, "tensor \"one\"", "in this folder")
    }
    folder.write(Self.indexName, SafetensorsBuilder.index([("one", #"a.safetensors\u0000.safetensors"#)]))
    expect(.notFound)
    for value in ["1", "null", "[\"a.safetensors\"]", "{}"] {
      writeIndex(#"{"weight_map":{"one":\#(value)}}"#)
      expect(.malformed, Self.indexName, "tensor \"one\"")
    }
  }

  @Test func anIndexWithoutFilesIsSaid() {
    write("a.safetensors", "one")
    for text in [
      "{}", "[]", "null", #"{"weight_map":{}}"#, #"{"weight_map":[]}"#, #"{"weight_map":"a.safetensors"}"#,
      #"{"metadata":{"one":"a.safetensors"}}"#,
    ] {
      writeIndex(text)
      expect(.malformed, Self.indexName, "no weight_map")
    }
    for text in ["", "{", "weight_map", #"{"weight_map":{"one":"a.safetensors"}"#] {
      writeIndex(text)
      expect(text.isEmpty ? .empty : .malformed, Self.indexName)
    }
    writeIndex(#"{"weight_map":{"one":"a.safetensors","one":"a.safetensors"}}"#)
    expect(.duplicate, Self.indexName)
  }

  @Test func tooManyFilesAreRefused() {
    folder.write(Self.indexName, SafetensorsBuilder.index((0..<4097).map { ("t\($0)", "\($0).safetensors") }))
    expect(.tooLarge, "names 4097 files")
  }

  @Test func foldersWithoutWeightsAreSaid() throws {
    #expect(!SafetensorsCheckpoint.isThere(folder.path))
    expect(.notFound, "neither model.safetensors nor model.safetensors.index.json")
    // Files under other names are not guessed at.
    write("other.safetensors", "one")
    expect(.notFound, "neither")
    folder.write("pytorch_model.bin", [0x80, 2])
    expect(.notFound, "PyTorch", "as safetensors")
    write("model.safetensors", "one")
    #expect(try SafetensorsCheckpoint(folder: folder.path).tensors.count == 1)
    expectError(.notFound, "/nowhere/at/all") { _ = try SafetensorsCheckpoint(folder: "/nowhere/at/all") }
  }
}
