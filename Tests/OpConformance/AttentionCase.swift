import CKernels
import SkeinTensor

/// One call of attention, with its inputs made from a seed, and what it should give.
struct AttentionCase: Sendable, CustomStringConvertible {
  /// A sequence's tokens in the batch: positions `context - tokens` ..< `context`.
  struct Sequence: Sendable {
    var context: Int
    var tokens: Int
  }

  var heads = 4
  var kvHeads = 2
  var keyWidth = 64
  var valueWidth = 64
  var pageTokens = 16
  /// How the cache is stored.
  var type = ElementType.f16
  var sequences: [Sequence]
  var window = 0
  var softCap: Float = 0
  /// Scores without a value, one a head, from -sinkSize to sinkSize; 0 for none.
  var sinkSize: Float = 0
  /// Tokens of several sequences by turns, instead of one sequence after the other.
  var byTurns = false
  /// Queries lie in -querySize ... querySize: large ones make the softmax all but choose one position.
  var querySize: Float = 3

  var description: String {
    let batch = sequences.map { "\($0.tokens)@\($0.context)" }.joined(separator: "+")
    return
      "\(type.name), \(heads)/\(kvHeads) heads, \(keyWidth)/\(valueWidth) wide, pages of \(pageTokens), \(batch)"
      + (window > 0 ? ", window \(window)" : "") + (softCap > 0 ? ", cap \(softCap)" : "")
      + (sinkSize > 0 ? ", sinks \(sinkSize)" : "")
      + (byTurns ? ", by turns" : "")
  }

  var tokens: [(sequence: Int, position: Int)] {
    var result: [(Int, Int)] = []
    for (index, sequence) in sequences.enumerated() {
      result += (sequence.context - sequence.tokens..<sequence.context).map { (index, $0) }
    }
    return byTurns ? result.sorted { ($0.1, $0.0) < ($1.1, $1.0) } : result
  }
}

/// The buffers of a case. The cache has no page to spare and NaN wherever no token was written, so that
/// whatever is read without right shows.
final class AttentionInputs {
  let attentionCase: AttentionCase
  let keys: GuardedBuffer<UInt8>
  let values: GuardedBuffer<UInt8>
  let table: GuardedBuffer<Int32>
  let queries: GuardedBuffer<Float>
  let sequences: GuardedBuffer<Int32>
  let positions: GuardedBuffer<Int32>
  let sinks: GuardedBuffer<Float>?
  let pagesPerSequence: Int

  init(_ c: AttentionCase) {
    attentionCase = c
    let sinkStep = 2 * c.sinkSize / Float(c.heads)
    sinks = c.sinkSize > 0 ? GuardedBuffer((0..<c.heads).map { Float($0) * sinkStep - c.sinkSize }) : nil
    var random = SeededGenerator(seed: 11)
    let pages = c.sequences.map { ($0.context + c.pageTokens - 1) / c.pageTokens }
    pagesPerSequence = pages.max()!
    let shuffled = (0..<pages.reduce(0, +)).shuffled(using: &random)
    var next = 0
    var entries = [Int32](repeating: -1, count: pages.count * pagesPerSequence)
    let rows = shuffled.count * c.kvHeads * c.pageTokens
    // 0x7E7E is NaN as a value of F16 and as the scale of a block; as one of F32 or BF16, 0xFFFFFFFF is.
    let nothing: UInt8 = c.type == .f32 || c.type == .bf16 ? 0xFF : 0x7E
    let (keyBytes, valueBytes) = (
      CacheRow.byteCount(c.keyWidth, c.type), CacheRow.byteCount(c.valueWidth, c.type)
    )
    keys = GuardedBuffer(count: rows * keyBytes, repeating: nothing)
    values = GuardedBuffer(count: rows * valueBytes, repeating: nothing)
    for (index, sequence) in c.sequences.enumerated() {
      for page in 0..<pages[index] {
        entries[index * pagesPerSequence + page] = Int32(shuffled[next])
        for head in 0..<c.kvHeads {
          let row = (shuffled[next] * c.kvHeads + head) * c.pageTokens
          let filled = min(c.pageTokens, sequence.context - page * c.pageTokens)
          for place in row..<row + filled {
            keys.write(CacheRow.bytes(random.floats(c.keyWidth), c.type), at: place * keyBytes)
            values.write(CacheRow.bytes(random.floats(c.valueWidth), c.type), at: place * valueBytes)
          }
        }
        next += 1
      }
    }
    table = GuardedBuffer(entries)
    queries = GuardedBuffer(
      random.floats(c.tokens.count * c.heads * c.keyWidth, in: -c.querySize...c.querySize))
    sequences = GuardedBuffer(c.tokens.map { Int32($0.sequence) })
    positions = GuardedBuffer(c.tokens.map { Int32($0.position) })
  }

  /// How a call is made.
  enum Way {
    /// An item gives results.
    case whole
    /// An item gives a part, and a second kernel merges them.
    case parts
  }

  /// The result on one instruction set, computed `piece` items at a time.
  func attention(_ set: String, _ way: Way = .whole, piece: Int? = nil) -> [Float] {
    attention(set, tokens: 0..<attentionCase.tokens.count, way, piece: piece)
  }

  /// The result of a call with only some of the tokens.
  func attention(_ set: String, tokens: Range<Int>, _ way: Way = .whole, piece: Int? = nil) -> [Float] {
    let c = attentionCase
    let chunks = skein_attention_chunks(Int32(c.sequences.map(\.context).max()!))
    let partBytes = skein_attention_parts_bytes(
      Int32(tokens.count), Int32(c.heads), Int32(c.valueWidth), chunks)
    let parts = GuardedBuffer<Float>(count: way == .parts ? partBytes / 4 : 0, repeating: .nan)
    let cache = skein_cache(
      keys: keys.pointer, values: values.pointer, type: c.type.rawValue, page_tokens: Int32(c.pageTokens),
      kv_heads: Int32(c.kvHeads), key_width: Int32(c.keyWidth), value_width: Int32(c.valueWidth),
      page_table: table.pointer,
      pages_per_sequence: Int32(pagesPerSequence))
    let y = GuardedBuffer<Float>(count: tokens.count * c.heads * c.valueWidth, repeating: .nan)
    var arguments = skein_attention_args()
    arguments.cache = cache
    arguments.queries = UnsafePointer(queries.pointer + tokens.lowerBound * c.heads * c.keyWidth)
    arguments.y = y.pointer
    arguments.sequences = UnsafePointer(sequences.pointer + tokens.lowerBound)
    arguments.positions = UnsafePointer(positions.pointer + tokens.lowerBound)
    arguments.tokens = Int32(tokens.count)
    arguments.heads = Int32(c.heads)
    arguments.scale = 1 / Float(c.keyWidth).squareRoot()
    arguments.window = Int32(c.window)
    arguments.soft_cap = c.softCap
    arguments.sinks = sinks.map { UnsafePointer($0.pointer) }
    arguments.parts = way == .parts ? parts.pointer : nil
    arguments.part_chunks = chunks
    let workspaceBytes = skein_attention_workspace_bytes(
      arguments.heads, cache.kv_heads, cache.key_width, cache.value_width, cache.page_tokens)
    run(
      kernels(set).attention, arguments, items: Int(skein_attention_items(&arguments)), piece: piece,
      workspaceBytes: workspaceBytes)
    if way == .parts {
      run(
        kernels(set).attention_combine, arguments, items: tokens.count * c.heads, piece: piece,
        workspaceBytes: workspaceBytes)
    }
    return y.array
  }

  /// How exactly queries are taken.
  enum Precision {
    /// As they are.
    case float
    /// Scaled, and rounded to BF16.
    case bfloat
  }

  /// The definition, in double.
  func expected(_ precision: Precision = .float) -> [Double] {
    let c = attentionCase
    // Where there is no soft cap, scores are in units of ln 2 when queries are rounded.
    let scale = 1 / Float(c.keyWidth).squareRoot()
    let unit: Float = c.softCap > 0 ? 1 : 0x1.715476p+0
    let scaledQueries = queries.array.map { query in
      let rounded = Float(bitPattern: UInt32(CacheRow.bfloat(query * (scale * unit))) << 16)
      return precision == .float ? Double(query) * Double(scale) : Double(rounded) / Double(unit)
    }
    let keyRows = CacheRow.values(keys.array, width: c.keyWidth, c.type)
    let valueRows = CacheRow.values(values.array, width: c.valueWidth, c.type)
    var result: [Double] = []
    for (index, token) in c.tokens.enumerated() {
      let first = c.window > 0 ? max(0, token.position - c.window + 1) : 0
      for head in 0..<c.heads {
        let kvHead = head / (c.heads / c.kvHeads)
        let rows = (first...token.position).map { position in
          let page = Int(table[token.sequence * pagesPerSequence + position / c.pageTokens])
          return (page * c.kvHeads + kvHead) * c.pageTokens + position % c.pageTokens
        }
        let scores = rows.map { row in
          var sum = 0.0
          for i in 0..<c.keyWidth {
            sum +=
              scaledQueries[(index * c.heads + head) * c.keyWidth + i]
              * keyRows[row * c.keyWidth + i]
          }
          let cap = Double(c.softCap)
          return cap > 0 ? cap * hyperbolicTangent(sum / cap) : sum
        }
        let sink = sinks.map { Double($0[head]) }
        let largest = max(scores.max()!, sink ?? -.infinity)
        let weights = scores.map { exponential($0 - largest) }
        let total = weights.reduce(sink.map { exponential($0 - largest) } ?? 0, +)
        for i in 0..<c.valueWidth {
          var sum = 0.0
          for (weight, row) in zip(weights, rows) {
            sum += weight * valueRows[row * c.valueWidth + i]
          }
          result.append(sum / total)
        }
      }
    }
    return result
  }
}
