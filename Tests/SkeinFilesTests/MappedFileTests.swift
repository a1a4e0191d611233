import SkeinFiles
import SkeinTestSupport
import Testing

@Suite struct MappedFileTests {
  let folder = TemporaryFolder()

  @Test func readsTheBytes() throws {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let file = try MappedFile(path: folder.write("data", bytes))
    #expect(file.byteCount == bytes.count)
    #expect(file.bytes.elementsEqual(bytes))
  }

  @Test func releasedBytesCanBeReadAgain() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let file = try MappedFile(path: folder.write("data", bytes))
    for range in [0..<100_000, 0..<0, 1..<2, 5_000..<90_001, 100_000..<100_000, 99_000..<100_000] {
      file.willNeed(range)
      file.release(range)
      #expect(file.bytes.elementsEqual(bytes))
    }
  }

  @Test func namesWhatIsNotAReadableFile() throws {
    expectError(.notFound, "/missing.gguf", "no such file") {
      _ = try MappedFile(path: folder.path + "/missing.gguf")
    }
    expectError(.notFound, "zero byte") { _ = try MappedFile(path: "a\0b") }
    expectError(.notFound) { _ = try MappedFile(path: "") }
    expectError(.notAFile, folder.path, "folder") { _ = try MappedFile(path: folder.path) }
    expectError(.notAFile, "/dev/null", "device") { _ = try MappedFile(path: "/dev/null") }
    let empty = folder.write("empty.gguf", [])
    expectError(.empty, "empty.gguf", "download") { _ = try MappedFile(path: empty) }
    expectError(.notFound) { _ = try MappedFile(path: empty + "/below") }
  }
}
