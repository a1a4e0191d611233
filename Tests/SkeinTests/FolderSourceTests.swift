import Skein
import SkeinFiles
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// Folders as sources for GGUF files. Expected numbers are the fixtures' own formula.
struct FolderSourceTests {
  private func values(_ source: FolderSource, _ name: String) throws -> (shape: [Int], values: [Float]) {
    let index = try #require(source.tensors.firstIndex { $0.name == name }, "\(name)")
    let shape = source.tensors[index].shape
    var result: [Float] = []
    for row in 0..<shape.rows {
      var values = [Float](repeating: .nan, count: shape.columns)
      values.withUnsafeMutableBufferPointer { source.read(tensor: index, rows: row..<row + 1, into: $0) }
      result += values
    }
    // A row at a time or all at once is the same.
    var whole = [Float](repeating: .nan, count: result.count)
    whole.withUnsafeMutableBufferPointer { source.read(tensor: index, rows: 0..<shape.rows, into: $0) }
    #expect(whole == result)
    return (shape.extents, result)
  }

  private func row(_ fixture: FolderFixture, _ name: String, _ row: Int, of columns: Int) throws -> [Float] {
    let index = try #require(fixture.tensors.firstIndex { $0.name == name })
    return (0..<columns).map { FolderFixture.value(index, row * columns + $0) }
  }

  @Test func rowsOfQueriesAndKeysAreInTheOrderOfLlamaFiles() throws {
    let (folder, fixture) = (TemporaryFolder(), FolderFixture.llama)
    fixture.write(to: folder)
    let source = try FolderSource(folder: folder.path)
    let queries = try values(source, "blk.1.attn_q.weight")
    #expect(queries.shape == [32, 32])
    let name = "model.layers.1.self_attn.q_proj"
    // Heads of 16: pairs are rows i and i + 8 of a head there, neighbours here.
    for (target, stored) in [(0, 0), (1, 8), (2, 1), (15, 15), (14, 7), (16, 16), (17, 24), (31, 31)] {
      #expect(
        try Array(queries.values[target * 32..<target * 32 + 32])
          == row(fixture, name + ".weight", stored, of: 32))
    }
    let bias = try values(source, "blk.1.attn_q.bias")
    let stored = try row(fixture, name + ".bias", 0, of: 32)
    #expect(bias.shape == [32] && bias.values[1] == stored[8] && bias.values[18] == stored[17])
    #expect(
      try values(source, "blk.1.attn_v.weight").values.prefix(32)
        == row(fixture, "model.layers.1.self_attn.v_proj.weight", 0, of: 32)[...])
  }

  @Test func keysAreThoseOfGGUFFiles() throws {
    let folder = TemporaryFolder()
    FolderFixture.llama.write(to: folder)
    let source = try FolderSource(folder: folder.path)
    #expect(source.metadata["llama.block_count"] == .uint32(2))
    #expect(source.metadata["llama.rope.freq_base"] == .float32(10_000))
    #expect(source.metadata["llama.rope.pairing"] == nil)
    #expect(source.metadata["llama.rope.scaling.type"] == nil)
    #expect(source.metadata["tokenizer.ggml.model"] == .string("none"))
    #expect(source.warnings.count == 1 && source.warnings[0].contains("no tokenizer"))
    let factors = try values(source, "rope_freqs.weight")
    #expect(factors.shape == [8] && factors.values[0] == 1)
    // Pairs that turn less than once in the first length are stretched by the whole factor.
    #expect(factors.values.last.map { abs($0 - 8) < 1e-5 } == true)
    #expect(factors.values.sorted() == factors.values)
  }

  @Test func whatIsFusedStaysOneTensor() throws {
    let (folder, fixture) = (TemporaryFolder(), FolderFixture.phi3)
    fixture.write(to: folder)
    let source = try FolderSource(folder: folder.path)
    let fused = try values(source, "blk.0.attn_qkv.weight")
    #expect(fused.shape == [64, 32])
    for index in [0, 31, 32, 47, 48, 63] {
      #expect(
        try Array(fused.values[index * 32..<index * 32 + 32])
          == row(fixture, "model.layers.0.self_attn.qkv_proj.weight", index, of: 32))
    }
    #expect(try values(source, "blk.0.ffn_up.weight").shape == [128, 32])
    #expect(!source.tensors.contains { $0.name.contains("ffn_gate") || $0.name.contains("attn_q.") })
    #expect(try values(source, "rope_factors_long.weight").values == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try values(source, "rope_factors_short.weight").values == [1, 1, 1, 2, 2, 2, 3, 3])
  }

  @Test func latentMatricesAreTwoAndExpertsAreStacks() throws {
    let (folder, fixture) = (TemporaryFolder(), FolderFixture.deepSeek)
    fixture.write(to: folder)
    let source = try FolderSource(folder: folder.path)
    let (keys, both) = (
      try values(source, "blk.1.attn_k_b.weight"), "model.layers.1.self_attn.kv_b_proj.weight"
    )
    #expect(keys.shape == [2, 16, 8])
    // Heads have 8 rows of keys, then 8 of values; those of the keys are columns here.
    for (head, column, place) in [(0, 0, 0), (0, 5, 7), (1, 15, 3)] {
      #expect(
        try keys.values[(head * 16 + column) * 8 + place]
          == row(fixture, both, head * 16 + place, of: 16)[column])
    }
    let values = try values(source, "blk.1.attn_v_b.weight")
    #expect(values.shape == [2, 8, 16])
    #expect(try Array(values.values[8 * 16..<9 * 16]) == row(fixture, both, 24, of: 16))
    let experts = try self.values(source, "blk.1.ffn_down_exps.weight")
    #expect(experts.shape == [2, 32, 8])
    #expect(
      try Array(experts.values.suffix(8))
        == row(fixture, "model.layers.1.mlp.experts.1.down_proj.weight", 31, of: 8))
    #expect(source.metadata["deepseek2.leading_dense_block_count"] == .uint32(1))
  }
}
