import SkeinFiles
import SkeinTensor
import SkeinTestSupport
import Testing

/// Names of what is in a folder.
private func files(_ folder: TemporaryFolder) -> [String] { folder.names.sorted() }

/// What `file` has, written again.
private func copy(_ file: GGUFFile, to path: String) throws {
  let writer = try GGUFWriter(
    path: path, metadata: file.metadata,
    tensors: file.tensors.map { GGUFTensor(name: $0.name, shape: $0.shape, type: $0.type) })
  defer { withExtendedLifetime(file) {} }
  for (index, tensor) in file.tensors.enumerated() {
    // In pieces of odd sizes.
    var rest = file.bytes(of: tensor)
    while !rest.isEmpty {
      let count = min(rest.count, 13 + index * 50)
      try writer.append(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }
  try writer.finish()
}

private func bytes(of path: String) throws -> [UInt8] {
  let file = try MappedFile(path: path)
  return withExtendedLifetime(file) { Array(file.bytes) }
}

@Suite struct GGUFWriterTests {
  @Test func everythingComesBack() throws {
    let builder = everythingBuilder()
    let original = try open(builder)
    let folder = TemporaryFolder()
    let path = folder.path + "/copy.gguf"
    try copy(original, to: path)
    #expect(files(folder) == ["copy.gguf"])
    let written = try GGUFFile(path: path)
    #expect(written.version == 3)
    #expect(written.metadata.keys == original.metadata.keys)
    for key in original.metadata.keys { #expect(written.metadata[key] == original.metadata[key]) }
    #expect(written.tensors.map(\.name) == original.tensors.map(\.name))
    for (a, b) in zip(written.tensors, original.tensors) {
      #expect(a.shape == b.shape && a.type == b.type)
      let areEqual = withExtendedLifetime((written, original)) {
        written.bytes(of: a).elementsEqual(original.bytes(of: b))
      }
      #expect(areEqual)
    }
    // Another writer makes the same bytes, but does not pad the last tensor.
    let other = builder.build()
    let mine = try bytes(of: path)
    #expect(mine.count % 64 == 0 && mine.count - other.count < 64 && mine.starts(with: other))
  }

  @Test func valuesInMemoryAreWrittenAsTheyAre() throws {
    var metadata = Metadata(path: "made up")
    try metadata.add("name", .string("zwei G\u{E4}nse"))
    try metadata.add("tokens", .array(MetadataArray(strings: ["", "a", "\u{1FABF}"])))
    try metadata.add("scores", .array(MetadataArray(floats: [1, -.infinity])))
    metadata.set("name", .string("ein Schwan"))
    metadata.set("count", .uint32(7))
    try metadata.add("gone", .bool(true))
    metadata.remove("gone")
    let folder = TemporaryFolder()
    let path = folder.path + "/model.gguf"
    try GGUFWriter(path: path, metadata: metadata, tensors: []).finish()
    let written = try GGUFFile(path: path).metadata
    #expect(written.keys == ["name", "tokens", "scores", "count"])
    #expect(written["name"] == .string("ein Schwan") && written["count"] == .uint32(7))
    #expect(try written.strings("tokens") == ["", "a", "\u{1FABF}"])
    #expect(try written.floats("scores") == [1, -.infinity])
  }

  @Test func whatIsNotFinishedLeavesNothing() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/model.gguf"
    let tensor = GGUFTensor(name: "a", shape: Shape([2, 32]), type: .q8_0)
    do {
      let writer = try GGUFWriter(path: path, metadata: Metadata(path: ""), tensors: [tensor])
      #expect(files(folder).count == 1 && files(folder) != ["model.gguf"])
      let some = [UInt8](repeating: 1, count: 60)
      try some.withUnsafeBytes { try writer.append($0) }
      expectError(.truncated, "tensor \"a\"", "8 bytes") { try writer.finish() }
      expectError(.malformed, "tensor \"a\"", "52 bytes more") {
        try some.withUnsafeBytes { try writer.append($0) }
      }
    }
    #expect(files(folder).isEmpty)
  }

  @Test func filesAreReplacedOnlyWhereThatIsWanted() throws {
    let folder = TemporaryFolder()
    let path = folder.write("model.gguf", Array("something else".utf8))
    let metadata = Metadata(path: "")
    expectError(.alreadyExists, "model.gguf") {
      _ = try GGUFWriter(path: path, metadata: metadata, tensors: [])
    }
    #expect(try bytes(of: path) == Array("something else".utf8))
    let writer = try GGUFWriter(path: path, metadata: metadata, tensors: [], existing: .replace)
    // Until the end the old file is there.
    #expect(try bytes(of: path) == Array("something else".utf8))
    try writer.finish()
    #expect(try GGUFFile(path: path).tensors.isEmpty)
    // Someone else was faster.
    let late = try GGUFWriter(path: folder.path + "/late.gguf", metadata: metadata, tensors: [])
    folder.write("late.gguf", [1])
    expectError(.alreadyExists) { try late.finish() }
    #expect(try bytes(of: folder.path + "/late.gguf") == [1])
    expectError(.notAFile) {
      _ = try GGUFWriter(path: folder.path, metadata: metadata, tensors: [], existing: .replace)
    }
    expectError(.notAFile) {
      _ = try GGUFWriter(path: "/dev/null", metadata: metadata, tensors: [], existing: .replace)
    }
  }

  @Test func whereNothingCanBeWrittenTheErrorSaysSo() throws {
    let folder = TemporaryFolder()
    folder.write("file", [1])
    let metadata = Metadata(path: "")
    for path in ["/missing/model.gguf", "/file/model.gguf"] {
      expectError(.unwritable, "model.gguf", "folder does not exist") {
        _ = try GGUFWriter(path: folder.path + path, metadata: metadata, tensors: [])
      }
    }
    expectError(.unwritable) { _ = try GGUFWriter(path: "", metadata: metadata, tensors: []) }
    expectError(.unwritable) {
      let name = String(repeating: "n", count: 300)
      _ = try GGUFWriter(path: folder.path + "/" + name, metadata: metadata, tensors: [])
    }
    // 2 exabytes: no disk has them, and that is known before the first byte.
    let huge = GGUFTensor(name: "a", shape: Shape([1 << 30, 1 << 29]), type: .f32)
    expectError(.unwritable, "huge.gguf", "not enough space for 23058430092") {
      _ = try GGUFWriter(path: folder.path + "/huge.gguf", metadata: metadata, tensors: [huge])
    }
    #expect(files(folder) == ["file"])
  }

  @Test func whatReadersRefuseIsNotWritten() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/model.gguf"
    func tensor(_ name: String, _ extents: [Int], _ type: ElementType = .f32) -> GGUFTensor {
      GGUFTensor(name: name, shape: Shape(extents), type: type)
    }
    func refused(_ code: CheckpointError.Code, _ words: String, _ tensors: [GGUFTensor]) {
      expectError(code, path, words) {
        _ = try GGUFWriter(path: path, metadata: Metadata(path: ""), tensors: tensors)
      }
    }
    refused(.duplicate, "tensor \"a\"", [tensor("a", [1]), tensor("b", [1]), tensor("a", [2])])
    refused(.malformed, "1 to 64 bytes", [tensor("", [1])])
    refused(.malformed, "this has 65", [tensor(String(repeating: "x", count: 63) + "\u{E9}", [1])])
    refused(.malformed, "cannot be stored", [tensor("a", [])])
    refused(.malformed, "cannot be stored", [tensor("a", [1, 1, 1, 1, 1])])
    refused(.malformed, "cannot be stored", [tensor("a", [2, 0])])
    refused(.malformed, "blocks of 32", [tensor("a", [4, 48], .q4_0)])
    refused(.malformed, "cannot be stored", [tensor("a", [4, -32], .q4_0)])
    refused(.malformed, "too many bytes", [tensor("a", [1 << 31, 1 << 31])])
    refused(.tooLarge, "tensor \"b\"", [tensor("a", [1 << 30, 1 << 29]), tensor("b", [1 << 30, 1 << 29])])
    var metadata = Metadata(path: path)
    metadata.set("general.alignment", .uint32(24))
    expectError(.malformed, "general.alignment") {
      _ = try GGUFWriter(path: path, metadata: metadata, tensors: [])
    }
    metadata = Metadata(path: path)
    metadata.set(String(repeating: "k", count: 70_000), .bool(true))
    expectError(.tooLarge, path) { _ = try GGUFWriter(path: path, metadata: metadata, tensors: []) }
    let part = folder.path + "/model-00001-of-00002.gguf"
    expectError(.malformed, "one of 2 parts") {
      _ = try GGUFWriter(path: part, metadata: Metadata(path: ""), tensors: [])
    }
    #expect(files(folder).isEmpty)
  }
}
