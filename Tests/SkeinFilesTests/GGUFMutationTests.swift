import SkeinFiles
import SkeinTestSupport
import Testing

/// Thousands of damaged files: each gives an error or a file that can be used, soon and without much memory.
@Suite(.serialized) struct GGUFMutationTests {
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

  static let seeds = [everythingBuilder(), vocabularyBuilder(), pageBuilder()].map { $0.build() }

  @Test(arguments: seeds.indices) func everyMutationIsAnErrorOrAUsableFile(seed: Int) {
    let mutator = GGUFMutator(Self.seeds[seed], seed: UInt64(seed))
    let folder = TemporaryFolder()
    let before = MemoryPeak.resetAndRead()
    let clock = ContinuousClock()
    var count = 0
    var errors: [CheckpointError.Code: Int] = [:]
    mutator.forEachMutation { mutation in
      let path = folder.write("mutated.gguf", mutation.bytes)
      let elapsed = clock.measure {
        do throws(CheckpointError) {
          Self.walk(try GGUFFile(path: path))
        } catch {
          errors[error.code, default: 0] += 1
          let text = error.description
          #expect(error.path == path && text.utf8.count < 2_000, "\(mutation.name): \(text)")
        }
      }
      count += 1
      #expect(elapsed < .seconds(2), "\(mutation.name) took \(elapsed)")
    }
    let after = MemoryPeak.read()
    let residentBytes = after.residentBytes - before.residentBytes
    let virtualBytes = after.virtualBytes - before.virtualBytesNow
    // Other tests may run beside this one, so the bounds leave them some room.
    #expect(residentBytes < 64 << 20)
    #expect(virtualBytes < 1 << 30)
    let thrown = errors.values.reduce(0, +)
    #expect(count > 1_500)
    #expect(thrown > count / 2, "\(thrown) of \(count)")
    print(
      "seed \(seed): \(count) files, \(thrown) errors; peaks grew by \(residentBytes >> 10) KiB resident, "
        + "\(virtualBytes >> 10) KiB virtual")
    print(
      "  " + errors.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
  }

  @Test func everyMutationOfAPartIsAnErrorOrAUsableFile() {
    let parts = everythingBuilder().parts(2).map { $0.build() }
    let folder = TemporaryFolder()
    let names = (0..<2).map { GGUFBuilder.partName("model", $0, of: 2) }
    var thrown = 0
    for index in 0..<2 {
      folder.write(names[1 - index], parts[1 - index])
      GGUFMutator(parts[index], seed: UInt64(index)).forEachMutation(randomCount: 100) { mutation in
        let path = folder.write(names[index], mutation.bytes)
        do throws(CheckpointError) {
          Self.walk(try GGUFFile(path: path))
        } catch {
          thrown += 1
        }
      }
    }
    #expect(thrown > 1_000)
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
