import CKernels
import Testing

@Suite struct CacheWriteTests {
  @Test(arguments: instructionSets, [(1, 1), (8, 24), (80, 64), (128, 128), (576, 512), (33, 17)])
  func writesEveryTokenToItsPlace(set: String, widths: (Int, Int)) {
    let (keyWidth, valueWidth) = widths
    let (pageTokens, kvHeads, pagesPerSequence) = (3, 2, 4)
    let table = GuardedBuffer<Int32>([5, 0, 7, 2, 4, 1, 6, 3])
    let rows = 8 * kvHeads * pageTokens
    let keyCache = GuardedBuffer<UInt16>(count: rows * keyWidth, repeating: 0xABCD)
    let valueCache = GuardedBuffer<UInt16>(count: rows * valueWidth, repeating: 0xABCD)
    let tokens: [(sequence: Int, position: Int)] = [(0, 8), (1, 0), (0, 9), (1, 11), (0, 10), (1, 5)]
    var random = SeededGenerator(seed: 7)
    let keys = random.floats(tokens.count * kvHeads * keyWidth, in: -2...2)
    let values = random.floats(tokens.count * kvHeads * valueWidth, in: -2...2)
    let keyInput = GuardedBuffer(keys)
    let valueInput = GuardedBuffer(values)
    let sequences = GuardedBuffer(tokens.map { Int32($0.sequence) })
    let positions = GuardedBuffer(tokens.map { Int32($0.position) })
    let cache = skein_cache(
      keys: keyCache.pointer, values: valueCache.pointer, page_tokens: Int32(pageTokens),
      kv_heads: Int32(kvHeads), key_width: Int32(keyWidth), value_width: Int32(valueWidth),
      page_table: table.pointer, pages_per_sequence: Int32(pagesPerSequence))
    let arguments = skein_cache_write_args(
      cache: cache, keys: keyInput.pointer, values: valueInput.pointer, sequences: sequences.pointer,
      positions: positions.pointer)
    run(kernels(set).cache_write, arguments, items: tokens.count, piece: 4)

    var expectedKeys = [UInt16](repeating: 0xABCD, count: keyCache.count)
    var expectedValues = [UInt16](repeating: 0xABCD, count: valueCache.count)
    for (index, token) in tokens.enumerated() {
      let page = Int(table[token.sequence * pagesPerSequence + token.position / pageTokens])
      for head in 0..<kvHeads {
        let row = (page * kvHeads + head) * pageTokens + token.position % pageTokens
        let from = index * kvHeads + head
        for i in 0..<keyWidth { expectedKeys[row * keyWidth + i] = half(keys[from * keyWidth + i]) }
        for i in 0..<valueWidth { expectedValues[row * valueWidth + i] = half(values[from * valueWidth + i]) }
      }
    }
    #expect(keyCache.array == expectedKeys)
    #expect(valueCache.array == expectedValues)
  }

  /// Every F16 number, the midpoints between neighbours and what lies right beside those, and the limits.
  @Test(arguments: instructionSets)
  func roundsToNearestEven(set: String) {
    var inputs: [Float] = [
      .infinity, -.infinity, .greatestFiniteMagnitude, -1e38, 65519, 65520, 0x1p-149, -1e-10,
    ]
    for bits in UInt16(0)..<0x7BFF {
      let low = float(half: bits)
      let middle = (low + float(half: bits + 1)) / 2
      inputs += [low, middle, middle.nextUp, -middle.nextDown]
    }
    let written = write(set, inputs)
    let expected = inputs.map { $0.isFinite ? half(min(max($0, -65504), 65504)) : half($0) }
    // The first difference only: printing two arrays of 120,000 numbers takes minutes.
    let wrong = inputs.indices.first { written[$0] != expected[$0] }
    #expect(wrong == nil, "\(wrong.map { "\(inputs[$0]) became \(written[$0])" } ?? "")")
    let nan = write(set, [.nan])[0]
    #expect(nan & 0x7C00 == 0x7C00 && nan & 0x3FF != 0)
  }

  private func write(_ set: String, _ inputs: [Float]) -> [UInt16] {
    let x = GuardedBuffer(inputs)
    let output = GuardedBuffer<UInt16>(count: inputs.count, repeating: 0)
    let value = GuardedBuffer<Float>([0])
    let valueOutput = GuardedBuffer<UInt16>([0])
    let zero = GuardedBuffer<Int32>([0])
    let cache = skein_cache(
      keys: output.pointer, values: valueOutput.pointer, page_tokens: 1, kv_heads: 1,
      key_width: Int32(inputs.count), value_width: 1, page_table: zero.pointer, pages_per_sequence: 1)
    let arguments = skein_cache_write_args(
      cache: cache, keys: x.pointer, values: value.pointer, sequences: zero.pointer, positions: zero.pointer)
    run(kernels(set).cache_write, arguments, items: 1)
    return output.array
  }
}
