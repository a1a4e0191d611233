import SkeinFiles
import SkeinTestSupport
import Testing

@Suite struct GGUFPartsTests {
  let folder = TemporaryFolder()

  /// Writes the parts and returns their paths.
  @discardableResult
  private func write(_ parts: [GGUFBuilder], name: String = "model") -> [String] {
    parts.enumerated().map {
      folder.write(GGUFBuilder.partName(name, $0.offset, of: parts.count), $0.element.build())
    }
  }

  @Test(arguments: 0..<3) func anyPartOpensAll(part: Int) throws {
    let builder = everythingBuilder()
    let paths = write(builder.parts(3))
    let file = try GGUFFile(path: paths[part])
    #expect(file.files.map(\.path) == paths)
    #expect(file.tensors.count == builder.tensors.count)
    #expect(Set(file.tensors.map(\.partIndex)) == [0, 1, 2])
    #expect(try file.metadata.string("general.architecture") == "llama")
    for expected in builder.tensors {
      let tensor = try file.requiredTensor(named: expected.name)
      #expect(file.bytes(of: tensor).elementsEqual(expected.bytes))
    }
  }

  @Test func aNameWithNumbersAloneIsOneFile() throws {
    let bytes = everythingBuilder().build()
    #expect(try GGUFFile(path: folder.write("model-00001-of-00001.gguf", bytes)).tensors.count == 4)
    var builder = everythingBuilder()
    builder.add("split.count", .uint16(0))
    #expect(try GGUFFile(path: folder.write("whole.gguf", builder.build())).tensors.count == 4)
  }

  @Test func missingPartsAreNamed() {
    let parts = everythingBuilder().parts(3)
    let path = folder.write("model-00001-of-00003.gguf", parts[0].build())
    expectError(.missingPart, "model-00002-of-00003.gguf", "1 more of the 3") { _ = try GGUFFile(path: path) }
    folder.write("model-00002-of-00003.gguf", parts[1].build())
    expectError(.missingPart, "model-00003-of-00003.gguf", "is missing") { _ = try GGUFFile(path: path) }
  }

  @Test func namesAndKeysMustAgree() {
    let parts = everythingBuilder().parts(3)
    let renamed = folder.write("renamed.gguf", parts[0].build())
    expectError(.inconsistentParts, "renamed.gguf", "key \"split.count\"", "key: 3", "name: 1") {
      _ = try GGUFFile(path: renamed)
    }
    let other = folder.write("model-00001-of-00002.gguf", parts[0].build())
    expectError(.inconsistentParts, "00001-of-00002.gguf", "key: 3", "name: 2") {
      _ = try GGUFFile(path: other)
    }
    let whole = folder.write("whole-00002-of-00002.gguf", everythingBuilder().build())
    expectError(.inconsistentParts, "00002-of-00002.gguf", "key: 1", "name: 2") {
      _ = try GGUFFile(path: whole)
    }
    let swapped = write([parts[0], parts[2], parts[1]], name: "swapped")
    expectError(.inconsistentParts, "swapped-00002-of-00003.gguf", "key \"split.no\"", "is 2") {
      _ = try GGUFFile(path: swapped[0])
    }
    let mixed = write([parts[0], everythingBuilder().parts(2)[1], parts[2]], name: "mixed")
    expectError(.inconsistentParts, "mixed-00002-of-00003.gguf", "key \"split.count\"", "must be 3") {
      _ = try GGUFFile(path: mixed[0])
    }
    let bare = write([parts[0], GGUFBuilder(), parts[2]], name: "bare")
    expectError(.missingKey, "bare-00002-of-00003.gguf", "key \"split.no\"") {
      _ = try GGUFFile(path: bare[2])
    }
  }

  @Test func tensorsAreCountedOverAllParts() {
    var parts = everythingBuilder().parts(3)
    parts[1].tensors = []
    let paths = write(parts)
    expectError(.inconsistentParts, "key \"split.tensors.count\"", "should have 4", "have 3") {
      _ = try GGUFFile(path: paths[0])
    }
  }

  @Test func aTensorInTwoPartsIsRefused() {
    var parts = everythingBuilder().parts(3)
    parts[2].tensors[0].name = parts[0].tensors[0].name
    let paths = write(parts)
    expectError(.duplicate, "00003-of-00003.gguf: tensor \"token_embd.weight\"", "in \(paths[0])") {
      _ = try GGUFFile(path: paths[0])
    }
  }

  @Test func errorsNameThePartTheyAreIn() {
    let parts = everythingBuilder().parts(2)
    let first = folder.write("model-00001-of-00002.gguf", parts[0].build())
    folder.write("model-00002-of-00002.gguf", parts[1].build().dropLast(8))
    expectError(.truncated, "model-00002-of-00002.gguf: tensor \"output_norm.weight\"") {
      _ = try GGUFFile(path: first)
    }
  }
}
