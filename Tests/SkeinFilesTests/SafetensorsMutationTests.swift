import SkeinFiles
import SkeinTestSupport
import Testing

/// Thousands of damaged files and indexes: each is read or refused with an error, the same on every run.
@Suite(.timeLimit(.minutes(2))) struct SafetensorsMutationTests {
  private static func builder(_ prefix: String) -> SafetensorsBuilder {
    var builder = SafetensorsBuilder()
    builder.metadata = #"{"format":"pt"}"#
    builder.add("\(prefix).norm.weight", [4], [1, 2, 3, 4])
    builder.add("\(prefix).up.weight", "BF16", [3, 4], [UInt8](repeating: 60, count: 24))
    builder.add("\(prefix).down.weight", "F8_E4M3", [4, 3], [UInt8](repeating: 40, count: 12))
    builder.add("\(prefix).down.weight_scale_inv", [1, 1], [0.5])
    builder.add("\(prefix).step", "I64", [], [7, 0, 0, 0, 0, 0, 0, 0])
    builder.add("\(prefix).none", "F16", [2, 0], [])
    return builder
  }

  /// The error of opening, or nil where the folder opened and all of it could be read.
  private func failure(_ folder: TemporaryFolder) -> CheckpointError? {
    do throws(CheckpointError) {
      let checkpoint = try SafetensorsCheckpoint(folder: folder.path)
      var sum = 0
      for tensor in checkpoint.tensors {
        let bytes = checkpoint.files[tensor.partIndex].bytes[tensor.byteRange]
        #expect(bytes.count == tensor.extents.reduce(tensor.type.byteCount, *))
        #expect(checkpoint.tensor(named: tensor.name) == tensor)
        for byte in bytes { sum &+= Int(byte) }
      }
      #expect(sum >= 0)
      return nil
    } catch {
      #expect(error.path.hasPrefix(folder.path) && error.description.utf8.count < 2000, "\(error)")
      return error
    }
  }

  @Test func damagedFilesGiveErrors() {
    let folder = TemporaryFolder()
    let bytes = Self.builder("layer").build()
    let headerEnd = 8 + Self.builder("layer").header.utf8.count
    folder.write("model.safetensors", bytes)
    #expect(failure(folder) == nil)
    var random = SplitMix64(state: 21)
    var codes: [CheckpointError.Code: Int] = [:]
    for index in 0..<2000 {
      // One in eight beyond the header.
      let end = index % 8 == 0 ? bytes.count : headerEnd
      let damaged = damage(bytes, within: 0..<end, &random)
      folder.write("model.safetensors", damaged)
      if let error = failure(folder) { codes[error.code, default: 0] += 1 }
    }
    #expect(codes.values.reduce(0, +) > 1000, "\(codes)")
    #expect(codes.count > 3, "\(codes)")
  }

  @Test func everyCutIsRefused() {
    let folder = TemporaryFolder()
    var builder = Self.builder("layer")
    builder.padding = 7
    let bytes = builder.build()
    for count in bytes.indices {
      folder.write("model.safetensors", Array(bytes.prefix(count)))
      #expect(failure(folder) != nil, "cut to \(count) of \(bytes.count) bytes")
    }
  }

  @Test func damagedIndexesGiveErrors() {
    let folder = TemporaryFolder()
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    var map: [(tensor: String, file: String)] = []
    for (index, name) in names.enumerated() {
      let builder = Self.builder("layers.\(index)")
      folder.write(name, builder.build())
      map += builder.tensors.map { ($0.name, name) }
    }
    let index = SafetensorsBuilder.index(map)
    folder.write("model.safetensors.index.json", index)
    #expect(failure(folder) == nil)
    var random = SplitMix64(state: 22)
    var codes: [CheckpointError.Code: Int] = [:]
    for _ in 0..<1000 {
      folder.write("model.safetensors.index.json", damage(index, within: index.indices, &random))
      if let error = failure(folder) { codes[error.code, default: 0] += 1 }
    }
    #expect(codes.values.reduce(0, +) > 600, "\(codes)")
    #expect(codes.count > 2, "\(codes)")
  }

  /// Flips bytes, swaps a digit for another, inserts, removes or copies a run, or cuts the file.
  private func damage(_ bytes: [UInt8], within range: Range<Int>, _ random: inout SplitMix64) -> [UInt8] {
    var copy = bytes
    let length = Int.random(in: 1...16, using: &random)
    let place = Int.random(in: range, using: &random)
    let end = min(place + length, copy.count)
    let run = bytes[place..<end]
    let other = Int.random(in: 0...copy.count - run.count, using: &random)
    let digits = range.filter { (48...57).contains(copy[$0]) }
    switch Int.random(in: 0..<7, using: &random) {
    case 0:
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        copy[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
    case 1: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: copy.insert(contentsOf: run, at: other)
    case 3: copy.removeSubrange(place..<end)
    case 4: copy.replaceSubrange(other..<other + run.count, with: run)
    case 5: copy.removeSubrange(place...)
    default:
      guard let digit = digits.randomElement(using: &random) else { return copy }
      copy[digit] = UInt8.random(in: 48...57, using: &random)
    }
    return copy
  }
}
