import CKernels
import SkeinTensor
import Testing

/// Heads with weights in one of the two layouts, and rows in a paged cache.
private final class LatentCase {
  let heads: Int
  let rank: Int
  let plain: Int
  let rope: Int
  let value: Int
  let type: ElementType
  let isSplit: Bool
  let cacheType: ElementType
  let keyUp: GuardedBuffer<UInt8>
  let valueUp: GuardedBuffer<UInt8>
  /// Positions of the tokens of each sequence.
  let tokens: [(sequence: Int, position: Int)]
  let cache: GuardedBuffer<UInt8>
  let table: GuardedBuffer<Int32>
  let queries: GuardedBuffer<Float>
  let pageTokens = 7
  let pagesPerSequence: Int
  var latent: Int { rank + rope }
  let scale: Float = 0.11

  init(
    heads: Int, rank: Int, plain: Int, rope: Int, value: Int, type: ElementType = .f32, isSplit: Bool = true,
    cacheType: ElementType = .f16, sequences: [(context: Int, tokens: Int)]
  ) {
    (self.heads, self.rank, self.plain, self.rope, self.value) = (heads, rank, plain, rope, value)
    (self.type, self.isSplit, self.cacheType) = (type, isSplit, cacheType)
    if isSplit {
      keyUp = GuardedBuffer(sampleWeights(type, rows: heads * rank, columns: plain, seed: 5))
      valueUp = GuardedBuffer(sampleWeights(type, rows: heads * value, columns: rank, seed: 6))
    } else {
      keyUp = GuardedBuffer(sampleWeights(type, rows: heads * (plain + value), columns: rank, seed: 7))
      valueUp = keyUp
    }
    tokens = sequences.enumerated().flatMap { index, s in
      (s.context - s.tokens..<s.context).map { (index, $0) }
    }
    pagesPerSequence = (sequences.map(\.context).max()! + 6) / 7
    var random = SeededGenerator(seed: UInt64(heads + rank))
    let pages = sequences.count * pagesPerSequence
    table = GuardedBuffer((0..<pages).map { Int32($0) }.shuffled(using: &random))
    cache = GuardedBuffer(
      (0..<pages * 7).flatMap { _ in CacheRow.bytes(random.floats(rank + rope), cacheType) })
    queries = GuardedBuffer(random.floats(tokens.count * heads * (plain + rope), in: -2...2))
  }

  var latentHeads: skein_latent_heads {
    let keyBytes = Int64(type.rowBytes(elementCount: isSplit ? plain : rank)!)
    let valueBytes = Int64(type.rowBytes(elementCount: rank)!)
    let together = Int64(plain + value) * keyBytes
    return skein_latent_heads(
      heads: Int32(heads), rank: Int32(rank), plain_width: Int32(plain), rope_width: Int32(rope),
      value_width: Int32(value), key_rows_plain: !isSplit, key_up: keyUp.raw,
      value_up: isSplit ? valueUp.raw : keyUp.raw + plain * Int(keyBytes), key_row_bytes: keyBytes,
      key_head_bytes: isSplit ? Int64(rank) * keyBytes : together, value_row_bytes: valueBytes,
      value_head_bytes: isSplit ? Int64(value) * valueBytes : together, key_type: type.rawValue,
      value_type: type.rawValue)
  }

  func attention(_ set: String, piece: Int? = nil) -> [Float] {
    let sequences = GuardedBuffer(tokens.map { Int32($0.sequence) })
    let positions = GuardedBuffer(tokens.map { Int32($0.position) })
    let y = GuardedBuffer<Float>(count: tokens.count * heads * value, repeating: .nan)
    var args = skein_latent_attention_args()
    args.cache = skein_cache(
      keys: cache.pointer, values: nil, type: cacheType.rawValue, page_tokens: Int32(pageTokens), kv_heads: 1,
      key_width: Int32(latent),
      value_width: 0, page_table: table.pointer, pages_per_sequence: Int32(pagesPerSequence))
    args.heads = latentHeads
    args.queries = UnsafePointer(queries.pointer)
    args.y = y.pointer
    args.sequences = UnsafePointer(sequences.pointer)
    args.positions = UnsafePointer(positions.pointer)
    args.tokens = Int32(tokens.count)
    args.scale = scale
    run(
      kernels(set).latent_attention, args, items: Int(skein_latent_attention_items(&args)), piece: piece,
      workspaceBytes: skein_latent_attention_workspace_bytes(&args.heads, args.cache.page_tokens))
    return y.array
  }

  private func row(_ sequence: Int, _ position: Int) -> [Double] {
    let page = Int(table[sequence * pagesPerSequence + position / pageTokens])
    let rowBytes = CacheRow.byteCount(latent, cacheType)
    let start = (page * pageTokens + position % pageTokens) * rowBytes
    let bytes = (start..<start + rowBytes).map { cache[$0] }
    return CacheRow.values(bytes, width: latent, cacheType)
  }

  func expand(_ set: String, _ rows: [Float], keys: Bool, piece: Int? = nil) -> [Float] {
    let count = rows.count / latent
    let x = GuardedBuffer(rows)
    let y = GuardedBuffer<Float>(count: count * heads * (keys ? plain + rope : value), repeating: .nan)
    var args = skein_expand_latent_args(
      heads: latentHeads, x: x.pointer, y: y.pointer, tokens: Int32(count), makes_keys: keys)
    run(
      kernels(set).expand_latent, args, items: Int(skein_expand_latent_items(&args)), piece: piece,
      workspaceBytes: skein_expand_latent_workspace_bytes(&args.heads))
    return y.array
  }

  /// Keys and values of a compressed row, by head, in double.
  func expanded(_ row: [Double]) -> (keys: [[Double]], values: [[Double]]) {
    let rows = isSplit ? heads * rank : heads * (plain + value)
    let k = KernelTable.reference.dequantize(type, keyUp.raw, rows: rows, columns: isSplit ? plain : rank)
    let v =
      isSplit ? KernelTable.reference.dequantize(type, valueUp.raw, rows: heads * value, columns: rank) : k
    func sum(_ weight: (Int) -> Float) -> Double {
      (0..<rank).reduce(0) { $0 + Double(weight($1)) * row[$1] }
    }
    let stacked = plain + value
    let keys = (0..<heads).map { h in
      (0..<plain).map { n in
        sum { isSplit ? k[(h * rank + $0) * plain + n] : k[(h * stacked + n) * rank + $0] }
      } + row.suffix(rope)
    }
    let values = (0..<heads).map { h in
      (0..<value).map { j in
        sum { isSplit ? v[(h * value + j) * rank + $0] : k[(h * stacked + plain + j) * rank + $0] }
      }
    }
    return (keys, values)
  }

  /// Attention over expanded keys and values.
  func expected() -> [Double] {
    var result: [Double] = []
    for (index, token) in tokens.enumerated() {
      let rows = (0...token.position).map { expanded(row(token.sequence, $0)) }
      for head in 0..<heads {
        let start = (index * heads + head) * (plain + rope)
        let scores = rows.map { row in
          Double(scale)
            * (0..<plain + rope).reduce(0) { $0 + Double(queries[start + $1]) * row.keys[head][$1] }
        }
        let weights = scores.map { exponential($0 - scores.max()!) }
        let total = weights.reduce(0, +)
        result += (0..<value).map { j in
          zip(weights, rows).reduce(0) { $0 + $1.0 * $1.1.values[head][j] } / total
        }
      }
    }
    return result
  }
}

@Suite struct LatentAttentionTests {
  private static func cases(
    _ type: ElementType = .f32, isSplit: Bool = true, cacheType: ElementType = .f16
  ) -> [LatentCase] {
    [
      LatentCase(
        heads: 1, rank: 32, plain: 32, rope: 2, value: 3, type: type, isSplit: isSplit, cacheType: cacheType,
        sequences: [(1, 1)]),
      LatentCase(
        heads: 8, rank: 64, plain: 32, rope: 16, value: 12, type: type, isSplit: isSplit,
        cacheType: cacheType, sequences: [(30, 1)]
      ),
      LatentCase(
        heads: 5, rank: 32, plain: 64, rope: 6, value: 40, type: type, isSplit: isSplit, cacheType: cacheType,
        sequences: [(23, 23), (9, 1), (70, 3)]),
      LatentCase(
        heads: 19, rank: 96, plain: 32, rope: 8, value: 16, type: type, isSplit: isSplit,
        cacheType: cacheType,
        sequences: [(40, 26)]),
    ]
  }

  @Test(arguments: instructionSets, [true, false])
  func followsTheDefinition(set: String, isSplit: Bool) {
    for (index, sample) in Self.cases(isSplit: isSplit).enumerated() {
      #expect(maximumRelativeError(sample.attention(set), sample.expected()) < 5e-6, "case \(index)")
    }
  }

  /// Integer products over Q8_0 round queries to 2^-15 and weights to 2^-16 of the largest; products of pairs of BF16
  /// round both to 2^-9 of their own.
  @Test(arguments: instructionSets, [(ElementType.f32, 5e-6), (.q8_0, 3e-4), (.bf16, 2e-2)])
  func everyKindOfCacheDoes(set: String, cache: (type: ElementType, bound: Double)) {
    for (index, sample) in Self.cases(cacheType: cache.type).enumerated() {
      let error = maximumRelativeError(sample.attention(set), sample.expected())
      #expect(error < cache.bound, "case \(index)")
      #expect(sameBits(sample.attention(set, piece: 1), sample.attention(set)))
    }
  }

  @Test(arguments: instructionSets, [ElementType.f16, .bf16, .q8_0, .q4_0])
  func everyKindOfWeightsDoes(set: String, type: ElementType) {
    // Queries and sums are rounded to 8 bits before they meet quantized weights.
    let bound = skein_linear_takes_quantized(type.rawValue) ? 2e-2 : 5e-6
    for isSplit in [true, false] {
      for (index, sample) in Self.cases(type, isSplit: isSplit).enumerated() {
        #expect(maximumRelativeError(sample.attention(set), sample.expected()) < bound, "case \(index)")
      }
    }
  }

  @Test(arguments: instructionSets)
  func splitsDoNotChangeABit(set: String) {
    for sample in Self.cases(.q8_0) {
      let whole = sample.attention(set)
      for piece in [1, 3] { #expect(sameBits(sample.attention(set, piece: piece), whole)) }
    }
  }

  @Test(arguments: instructionSets, [ElementType.f32, .f16, .q8_0])
  func expansionFollowsTheDefinition(set: String, type: ElementType) {
    let bound = skein_linear_takes_quantized(type.rawValue) ? 2e-2 : 2e-6
    for isSplit in [true, false] {
      for sample in Self.cases(type, isSplit: isSplit) {
        var random = SeededGenerator(seed: 9)
        let rows = random.floats(67 * sample.latent)
        let expected = (0..<67).map { token in
          sample.expanded(rows[token * sample.latent..<(token + 1) * sample.latent].map(Double.init))
        }
        let keys = sample.expand(set, rows, keys: true)
        let values = sample.expand(set, rows, keys: false)
        #expect(maximumRelativeError(keys, expected.flatMap { $0.keys.flatMap { $0 } }) < bound)
        #expect(maximumRelativeError(values, expected.flatMap { $0.values.flatMap { $0 } }) < bound)
        #expect(sameBits(sample.expand(set, rows, keys: true, piece: 1), keys))
      }
    }
  }
}
