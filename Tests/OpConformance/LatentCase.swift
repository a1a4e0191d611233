import CKernels
import SkeinTensor

/// Heads with weights in one of the two layouts, and rows in a paged cache.
final class LatentCase {
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
  let pageTokens: Int
  let pagesPerSequence: Int
  var latent: Int { rank + rope }
  let scale: Float = 0.11

  init(
    heads: Int, rank: Int, plain: Int, rope: Int, value: Int, type: ElementType = .f32, isSplit: Bool = true,
    cacheType: ElementType = .f16, pageTokens: Int = 7, sequences: [(context: Int, tokens: Int)]
  ) {
    (self.heads, self.rank, self.plain, self.rope, self.value) = (heads, rank, plain, rope, value)
    (self.type, self.isSplit, self.cacheType) = (type, isSplit, cacheType)
    self.pageTokens = pageTokens
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
    pagesPerSequence = (sequences.map(\.context).max()! + pageTokens - 1) / pageTokens
    var random = SeededGenerator(seed: UInt64(heads + rank))
    let pages = sequences.count * pagesPerSequence
    table = GuardedBuffer((0..<pages).map { Int32($0) }.shuffled(using: &random))
    cache = GuardedBuffer(
      (0..<pages * pageTokens).flatMap { _ in CacheRow.bytes(random.floats(rank + rope), cacheType) })
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

  /// Calls `body` with the arguments of all tokens, and gives what it writes.
  private func result(_ body: (inout skein_latent_attention_args) -> Void) -> [Float] {
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
    body(&args)
    return y.array
  }

  /// The absorbed form.
  func attention(_ set: String, piece: Int? = nil) -> [Float] {
    result { absorbed(set, &$0, piece: piece) }
  }

  private func absorbed(_ set: String, _ args: inout skein_latent_attention_args, piece: Int?) {
    run(
      kernels(set).latent_attention, args, items: Int(skein_latent_attention_items(&args)), piece: piece,
      workspaceBytes: skein_latent_attention_workspace_bytes(&args.heads, args.cache.page_tokens))
  }

  /// The form that each run of tokens takes where those of at least `tokens` are expanded; in calls of at most `cut`
  /// tokens.
  func attention(_ set: String, expandedFrom least: Int, cut: Int = .max, piece: Int? = nil) -> [Float] {
    result { args in
      let all = args
      var first = 0
      while first < tokens.count {
        let span = skein_latent_attention_span(&args, Int32(first), Int32(clamping: least))
        let end = first + Int(span.tokens)
        while first < end {
          var part = all
          part.queries += first * heads * (plain + rope)
          part.y += first * heads * value
          part.sequences += first
          part.positions += first
          part.tokens = Int32(min(end - first, cut))
          part.batch_tokens = all.tokens
          if span.is_expanded {
            expanded(set, part, piece: piece)
          } else {
            absorbed(set, &part, piece: piece)
          }
          first += Int(part.tokens)
        }
      }
    }
  }

  /// Stretch by stretch, as a device does it.
  private func expanded(_ set: String, _ attention: skein_latent_attention_args, piece: Int?) {
    var args = skein_latent_stretch_args()
    args.attention = attention
    let shared = GuardedBuffer<Float>(
      count: skein_latent_stretch_bytes(&args.attention.heads, attention.tokens) / 4, repeating: .nan)
    args.shared = shared.pointer
    let last = (0..<Int(attention.tokens)).map { attention.positions[$0] }.max()!
    let bytes = skein_latent_stretch_workspace_bytes(&args.attention.heads)
    let most = skein_latent_stretch_positions(&args.attention.heads)
    while args.first <= last {
      args.positions = min(most, last + 1 - args.first)
      run(
        kernels(set).latent_stretch_expand, args, items: Int(skein_latent_stretch_expand_items(&args)),
        piece: piece, workspaceBytes: bytes)
      run(
        kernels(set).latent_stretch_attend, args, items: Int(skein_latent_stretch_attend_items(&args)),
        piece: piece, workspaceBytes: bytes)
      args.first += args.positions
    }
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
    let last = Dictionary(tokens.map { ($0.sequence, $0.position) }, uniquingKeysWith: max)
    let known = last.reduce(into: [:]) { known, end in
      known[end.key] = (0...end.value).map { expanded(row(end.key, $0)) }
    }
    for (index, token) in tokens.enumerated() {
      let rows = known[token.sequence]!.prefix(token.position + 1)
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
