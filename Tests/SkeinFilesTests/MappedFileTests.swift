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

  #if os(Linux)
    @Test func releasedPagesLeaveTheProcess() async {
      // In a process of its own, where no other test maps files.
      await #expect(processExitsWith: .success) {
        let folder = TemporaryFolder()
        let file = try MappedFile(path: folder.write("large", [UInt8](repeating: 5, count: 16 << 20)))
        let untouchedBytes = ProcessMemory.read().fileBytesNow
        var sum = 0
        for place in stride(from: 0, to: file.byteCount, by: 4096) { sum += Int(file.bytes[place]) }
        #expect(sum == 5 * file.byteCount / 4096)
        let touchedBytes = ProcessMemory.read().fileBytesNow - untouchedBytes
        file.release(0..<file.byteCount / 2)
        let halfReleasedBytes = ProcessMemory.read().fileBytesNow - untouchedBytes
        file.release(0..<file.byteCount)
        let releasedBytes = ProcessMemory.read().fileBytesNow - untouchedBytes
        let slack = 1 << 20
        #expect(abs(touchedBytes - file.byteCount) < slack)
        #expect(abs(halfReleasedBytes - file.byteCount / 2) < slack)
        #expect(releasedBytes < slack)
      }
    }
  #endif

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
