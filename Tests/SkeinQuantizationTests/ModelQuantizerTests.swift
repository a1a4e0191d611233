import Foundation
import SkeinDevices
import SkeinFiles
import SkeinModels
import SkeinQuantization
import SkeinTensor
import SkeinTestSupport
import Testing

/// Tensors whose values are a function of their place.
private struct MadeUpSource: TensorSource {
  var metadata = Metadata(path: "made up")
  var tensors: [GGUFTensor]
  var value: @Sendable (_ tensor: Int, _ row: Int, _ column: Int) throws -> Float = { tensor, row, column in
    // No period that a block could hide.
    let number = UInt32(truncatingIfNeeded: tensor &* 7919 &+ row &* 104_729 &+ column) &* 2_654_435_761
    return Float(Int32(bitPattern: number >> 8) % 2001 - 1000) / 20_000
  }

  init(_ tensors: (String, [Int], ElementType)...) {
    self.tensors = tensors.map { GGUFTensor(name: $0.0, shape: Shape($0.1), type: $0.2) }
  }

  func read(tensor index: Int, rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>) throws {
    let columns = tensors[index].shape.columns
    for (offset, row) in rows.enumerated() {
      for column in 0..<columns { values[offset * columns + column] = try value(index, row, column) }
    }
  }
}

private struct Unreadable: Error {}

private func options(_ recipe: String) throws -> QuantizationOptions {
  QuantizationOptions(recipe: try WeightRecipe(recipe))
}

private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

private let stories = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "Models/stories.gguf").path

@Suite struct ModelQuantizerTests {
  private func someModel() throws -> MadeUpSource {
    var source = MadeUpSource(
      ("token_embd.weight", [40, 256], .f16), ("blk.0.attn_norm.weight", [256], .f32),
      ("blk.0.attn_q.weight", [256, 256], .f16), ("blk.0.attn_k.weight", [8, 96], .f16),
      ("blk.0.ffn_gate_inp.weight", [4, 256], .f32), ("blk.0.ffn_down_exps.weight", [4, 32, 512], .f16),
      ("rope_freqs.weight", [16], .f32))
    try source.metadata.add("general.architecture", .string("llama"))
    try source.metadata.add("general.file_type", .uint16(1))
    try source.metadata.add("tokenizer.ggml.tokens", .array(MetadataArray(strings: ["a", "b"])))
    return source
  }

  @Test func aModelIsWrittenTensorByTensor() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/out.gguf"
    let source = try someModel()
    let report = try ModelQuantizer(source, options("q4_k")).write(to: path)
    #expect(folder.names == ["out.gguf"])
    let file = try GGUFFile(path: path)
    #expect(report.byteCount == file.files[0].byteCount)
    #expect(file.tensors.map(\.name) == source.tensors.map(\.name))
    #expect(file.tensors.map(\.shape) == source.tensors.map(\.shape))
    #expect(file.tensors.map(\.type) == [.q4_K, .f32, .q4_K, .q5_0, .f32, .q4_K, .f32])
    #expect(file.metadata.keys == source.metadata.keys + ["general.quantization_version"])
    #expect(file.metadata["general.file_type"] == .uint32(14))
    #expect(file.metadata["general.quantization_version"] == .uint32(2))
    #expect(try file.metadata.strings("tokenizer.ggml.tokens") == ["a", "b"])
    let written = CheckpointSource(file)
    for (index, tensor) in source.tensors.enumerated() {
      var (before, after) = ([Float](), [Float]())
      for row in 0..<tensor.shape.rows {
        var values = [Float](repeating: 0, count: tensor.shape.columns)
        try values.withUnsafeMutableBufferPointer {
          try source.read(tensor: index, rows: row..<row + 1, into: $0)
        }
        before += values
        values.withUnsafeMutableBufferPointer { written.read(tensor: index, rows: row..<row + 1, into: $0) }
        after += values
      }
      let error = zip(before, after).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let total = before.reduce(0.0) { $0 + pow(Double($1), 2) }
      // The report says what a reader of the file finds.
      #expect(abs(report.tensors[index].relativeError - (error / total).squareRoot()) < 1e-6)
      #expect((error / total).squareRoot() < (file.tensors[index].type == .f32 ? 1e-9 : 0.07))
    }
    #expect(report.relativeError > 0.01 && report.relativeError < 0.07)
  }

  @Test func theNumberOfThreadsChangesNoByte() throws {
    let folder = TemporaryFolder()
    let cores = try CPUTopology().cores
    var results: [([UInt8], Double)] = []
    for count in Set([1, cores.count]) {
      var options = try options("q5_k_m")
      options.cores = Array(cores.prefix(count))
      options.existing = .replace
      let report = try ModelQuantizer(someModel(), options).write(to: folder.path + "/out.gguf")
      results.append((try bytes(folder.path + "/out.gguf"), report.relativeError))
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  @Test func manyPiecesAreOneTensor() throws {
    let folder = TemporaryFolder()
    // 16384 rows of 256 are a piece.
    let source = MadeUpSource(("blk.0.attn_q.weight", [2, 10_000, 256], .f32))
    let reports = Collector()
    _ = try ModelQuantizer(source, options("q8_0")).write(
      to: folder.path + "/out.gguf", progress: reports.note)
    #expect(reports.all == [[16_384 * 256, 20_000 * 256], [20_000 * 256, 20_000 * 256]])
    let written = CheckpointSource(try GGUFFile(path: folder.path + "/out.gguf"))
    for row in [0, 16_383, 16_384, 19_999] {
      var values = [Float](repeating: 0, count: 256)
      values.withUnsafeMutableBufferPointer { written.read(tensor: 0, rows: row..<row + 1, into: $0) }
      for column in 0..<256 { #expect(abs(try source.value(0, row, column) - values[column]) < 3e-4) }
    }
  }

  @Test func whatHasTheFormatAlreadyIsCopied() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/out.gguf"
    let original = try GGUFFile(path: stories)
    let quantizer = try ModelQuantizer(CheckpointSource(original), options("q8_0"))
    #expect(quantizer.requantized.isEmpty)
    let report = try quantizer.write(to: path)
    #expect(report.relativeError == 0)
    // The bundled model was written by other code, in the same layout.
    #expect(try bytes(path) == bytes(stories))
    let again = try ModelQuantizer(CheckpointSource(original), options("q4_0")).requantized
    #expect(again.map(\.type) == [.q8_0] && again.map(\.count) == [36])
  }

  @Test func aWeightThatIsNoNumberIsNamed() throws {
    let folder = TemporaryFolder()
    var source = try someModel()
    let value = source.value
    source.value = { tensor, row, column in
      if tensor == 5, row == 70, column == 300 { return .nan }
      if tensor == 5, row > 70, column == 3 { return .infinity }
      return try value(tensor, row, column)
    }
    #expect {
      try ModelQuantizer(source, options("q6_k")).write(to: folder.path + "/out.gguf")
    } throws: { error in
      let error = error as? QuantizationError
      return error?.code == .notFinite && error?.tensor == "blk.0.ffn_down_exps.weight"
        && error?.description.contains("row 70, column 300 is nan") == true
    }
    #expect(folder.names.isEmpty)
    source.value = { $0 == 2 && $1 == 9 && $2 == 11 ? -1e30 : try value($0, $1, $2) }
    #expect {
      try ModelQuantizer(source, options("f16")).write(to: folder.path + "/out.gguf")
    } throws: { error in
      let error = error as? QuantizationError
      return error?.code == .tooLarge && error?.description.contains("row 9, column 11 is -1e+30") == true
        && error?.description.contains("BF16") == true
    }
    #expect(folder.names.isEmpty)
  }

  @Test func whatStopsItLeavesTheOldFile() throws {
    let folder = TemporaryFolder()
    let path = folder.write("out.gguf", [1, 2, 3])
    var options = try options("q4_0")
    var source = try someModel()
    #expect(throws: CheckpointError.self) { try ModelQuantizer(source, options).write(to: path) }
    options.existing = .replace
    #expect {
      try ModelQuantizer(source, options).write(to: path, isCancelled: { true })
    } throws: { ($0 as? QuantizationError)?.code == .cancelled }
    let value = source.value
    source.value = { if $0 == 4 { throw Unreadable() } else { try value($0, $1, $2) } }
    // F32 of a router is computed here, since this source has no bytes at hand.
    #expect(throws: Unreadable.self) { try ModelQuantizer(source, options).write(to: path) }
    #expect(folder.names == ["out.gguf"])
    #expect(try bytes(path) == [1, 2, 3])
  }

  @Test func rowsWithoutBoundAreRefused() throws {
    let source = MadeUpSource(("blk.0.attn_q.weight", [1, 1 << 26], .f32))
    #expect {
      _ = try ModelQuantizer(source, options("q4_0"))
    } throws: { ($0 as? QuantizationError)?.code == .unsupported }
  }
}

private final class Collector: @unchecked Sendable {
  private let lock = NSLock()
  private(set) var all: [[Int]] = []
  @Sendable func note(_ done: Int, _ total: Int) { lock.withLock { all.append([done, total]) } }
}
