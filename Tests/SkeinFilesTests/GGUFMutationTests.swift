import SkeinFiles
import SkeinTestSupport
import Testing

/// Thousands of damaged files: each gives an error or a file that can be used, soon and without much memory.
///
/// Each test has a process of its own: memory can be measured there without that of the tests beside it,
/// and a crash is one failed test. After a crash the file that caused it is still in the temporary folder.
@Suite(.timeLimit(.minutes(5))) struct GGUFMutationTests {
  @Test func damagedModels() async {
    await #expect(processExitsWith: .success) {
      GGUFMutationTests.openEveryMutation(of: everythingBuilder(), seed: 0)
    }
  }

  @Test func damagedVocabularies() async {
    await #expect(processExitsWith: .success) {
      GGUFMutationTests.openEveryMutation(of: GGUFMutationTests.vocabularyBuilder(), seed: 1)
    }
  }

  @Test func damagedModelsThatEndWithTheirPage() async {
    await #expect(processExitsWith: .success) {
      GGUFMutationTests.openEveryMutation(of: GGUFMutationTests.pageBuilder(), seed: 2)
    }
  }

  @Test func damagedParts() async {
    await #expect(processExitsWith: .success) {
      GGUFMutationTests.openEveryMutationOfParts(of: everythingBuilder())
    }
  }

  /// A vocabulary without weights, as tokenizer tests use.
  static func vocabularyBuilder() -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.version = 2
    builder.add("general.architecture", .string("gpt2"))
    builder.add("tokenizer.ggml.tokens", .strings((0..<60).map { "token\($0)" }))
    builder.add("tokenizer.ggml.scores", .float32s((0..<60).map { Float($0) }))
    builder.add("tokenizer.ggml.eos_token_id", .uint32(2))
    return builder
  }

  /// A file that ends where a page ends, so that reading past its end would fault.
  static func pageBuilder() -> GGUFBuilder {
    var builder = everythingBuilder()
    let missing = 4096 - builder.build().count % 4096
    builder.tensors[3].extents = [32 + UInt64(missing) / 2]
    builder.tensors[3].bytes += [UInt8](repeating: 9, count: missing)
    return builder
  }

  /// Opens each damaged file and checks what comes of it, how long it took and how much memory it needed.
  static func openEveryMutation(of builder: GGUFBuilder, seed: UInt64) {
    let mutator = GGUFMutator(builder.build(), seed: seed)
    let folder = TemporaryFolder()
    walk(try! GGUFFile(path: folder.write("mutated.gguf", mutator.bytes)))
    let before = ProcessMemory.resetAndRead()
    let clock = ContinuousClock()
    var count = 0
    var errors: [CheckpointError.Code: Int] = [:]
    var longest = Duration.zero
    mutator.forEachMutation { mutation in
      let path = folder.write("mutated.gguf", mutation.bytes)
      let elapsed = clock.measure {
        guard let error = openAndWalk(path) else { return }
        errors[error.code, default: 0] += 1
        let text = error.description
        #expect(error.path == path && text.utf8.count < 2_000, "\(mutation.name): \(text)")
      }
      count += 1
      longest = max(longest, elapsed)
      #expect(elapsed < .seconds(2), "\(mutation.name) took \(elapsed)")
    }
    let after = ProcessMemory.read()
    let residentBytes = after.peakResidentBytes - before.peakResidentBytes
    let virtualBytes = after.peakVirtualBytes - before.virtualBytesNow
    let thrown = errors.values.reduce(0, +)
    let codes = errors.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    // Said in every failure, because only that comes back from another process.
    let summary: Comment = """
      \(count) files, \(thrown) errors (\(codes)), the longest took \(longest); the peaks grew by \
      \(residentBytes >> 10) KiB resident, \(virtualBytes >> 10) KiB virtual
      """
    #expect(residentBytes < 16 << 20, summary)
    // Glibc takes addresses for a thread's small allocations 64 MiB at a time.
    #expect(virtualBytes < 256 << 20, summary)
    #expect(count > 5_000, summary)
    #expect(errors[.duplicate] != nil || builder.tensors.isEmpty, summary)
    #expect(thrown > count / 2, summary)
  }

  /// Damages one part of two at a time.
  static func openEveryMutationOfParts(of builder: GGUFBuilder) {
    let parts = builder.parts(2).map { $0.build() }
    let names = (0..<2).map { GGUFBuilder.partName("model", $0, of: 2) }
    let folder = TemporaryFolder()
    var thrown = 0
    for index in 0..<2 {
      folder.write(names[1 - index], parts[1 - index])
      GGUFMutator(parts[index], seed: UInt64(index)).forEachMutation(randomCount: 100) { mutation in
        if openAndWalk(folder.write(names[index], mutation.bytes)) != nil { thrown += 1 }
      }
    }
    #expect(thrown > 1_000)
  }

  /// The error of opening, or nil where the file opened and all of it could be read.
  private static func openAndWalk(_ path: String) -> CheckpointError? {
    do throws(CheckpointError) {
      walk(try GGUFFile(path: path))
      return nil
    } catch {
      return error
    }
  }

  /// Touches all that a file offers.
  static func walk(_ file: GGUFFile) {
    for key in file.metadata.keys { walk(file.metadata[key]!) }
    var sum = 0
    for tensor in file.tensors {
      #expect(
        tensor.type.rowBytes(elementCount: tensor.shape.columns)! * tensor.shape.rows == tensor.byteCount)
      let bytes = file.bytes(of: tensor)
      #expect(bytes.count == tensor.byteCount && !bytes.isEmpty)
      for byte in bytes { sum &+= Int(byte) }
    }
    #expect(sum >= 0)
  }

  private static func walk(_ value: MetadataValue) {
    guard case .array(let array) = value else {
      #expect(value.description.utf8.count >= 0)
      return
    }
    let elements = array.elements
    #expect(elements.count == array.count)
    for case .array in elements { elements.forEach(walk) }
  }
}
