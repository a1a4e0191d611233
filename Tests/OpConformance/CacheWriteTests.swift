import CKernels
import SkeinTensor
import Testing

@Suite struct CacheWriteTests {
  @Test(
    arguments: instructionSets.flatMap { set in [ElementType.f32, .f16, .bf16, .q8_0].map { (set, $0) } },
    [(1, 1), (8, 24), (80, 64), (128, 128), (576, 512), (33, 17)])
  func writesEveryTokenToItsPlace(kernel: (set: String, type: ElementType), widths: (Int, Int)) {
    let (keyWidth, valueWidth) = widths
    let (pageTokens, kvHeads, pagesPerSequence) = (3, 2, 4)
    let table = GuardedBuffer<Int32>([5, 0, 7, 2, 4, 1, 6, 3])
    let rows = 8 * kvHeads * pageTokens
    let keyBytes = CacheRow.byteCount(keyWidth, kernel.type)
    let valueBytes = CacheRow.byteCount(valueWidth, kernel.type)
    #expect(skein_cache_row_bytes(kernel.type.rawValue, Int32(keyWidth)) == keyBytes)
    let keyCache = GuardedBuffer<UInt8>(count: rows * keyBytes, repeating: 0xCD)
    let valueCache = GuardedBuffer<UInt8>(count: rows * valueBytes, repeating: 0xCD)
    let tokens: [(sequence: Int, position: Int)] = [(0, 8), (1, 0), (0, 9), (1, 11), (0, 10), (1, 5)]
    var random = SeededGenerator(seed: 7)
    let keys = random.floats(tokens.count * kvHeads * keyWidth, in: -2...2)
    let values = random.floats(tokens.count * kvHeads * valueWidth, in: -2...2)
    let keyInput = GuardedBuffer(keys)
    let valueInput = GuardedBuffer(values)
    let sequences = GuardedBuffer(tokens.map { Int32($0.sequence) })
    let positions = GuardedBuffer(tokens.map { Int32($0.position) })
    let cache = skein_cache(
      keys: keyCache.pointer, values: valueCache.pointer, type: kernel.type.rawValue,
      page_tokens: Int32(pageTokens), kv_heads: Int32(kvHeads), key_width: Int32(keyWidth),
      value_width: Int32(valueWidth), page_table: table.pointer, pages_per_sequence: Int32(pagesPerSequence))
    let arguments = skein_cache_write_args(
      cache: cache, keys: keyInput.pointer, values: valueInput.pointer, sequences: sequences.pointer,
      positions: positions.pointer)
    run(kernels(kernel.set).cache_write, arguments, items: tokens.count, piece: 4)

    var expectedKeys = [UInt8](repeating: 0xCD, count: keyCache.count)
    var expectedValues = [UInt8](repeating: 0xCD, count: valueCache.count)
    for (index, token) in tokens.enumerated() {
      let page = Int(table[token.sequence * pagesPerSequence + token.position / pageTokens])
      for head in 0..<kvHeads {
        let row = (page * kvHeads + head) * pageTokens + token.position % pageTokens
        let from = index * kvHeads + head
        let key = CacheRow.bytes(Array(keys[from * keyWidth..<(from + 1) * keyWidth]), kernel.type)
        let value = CacheRow.bytes(Array(values[from * valueWidth..<(from + 1) * valueWidth]), kernel.type)
        expectedKeys.replaceSubrange(row * keyBytes..<(row + 1) * keyBytes, with: key)
        expectedValues.replaceSubrange(row * valueBytes..<(row + 1) * valueBytes, with: value)
      }
    }
    #expect(keyCache.array == expectedKeys)
    #expect(valueCache.array == expectedValues)
  }

  /// Blocks of every size from below the least scale to beyond the largest, and what is no number.
  @Test(arguments: instructionSets)
  func blocksOfAnySizeKeepTheirValues(set: String) {
    var random = SeededGenerator(seed: 9)
    let sizes = (-150...127).map { $0 < -149 ? 0 : Float(power(2, Double($0))) }
    for size in sizes + [.greatestFiniteMagnitude, 127 * 65504, 127 * 65504 * 1.01, 3 * 0x1p-24 * 127] {
      let row = random.floats(40).map { $0 * size } + [size]
      let stored = write(set, row, .q8_0)
      #expect(stored == CacheRow.bytes(row, .q8_0), "\(size)")
      guard size < 127 * 65504 else { continue }
      // Off by half a step at most, and a step is the 127th part of the largest, rounded up to F16.
      let step = Double(size) / 127 * 1.001 + 0x1p-24
      for (value, kept) in zip(row, CacheRow.values(stored, width: 41, .q8_0)) {
        #expect(abs(Double(value) - kept) <= step * 0.501, "\(value) became \(kept)")
      }
    }
    for odd in [Float.infinity, -.infinity, .nan] {
      #expect(write(set, [1, odd, 2], .q8_0) == [0, 0x7E] + [UInt8](repeating: 0, count: 32))
    }
  }

  /// Nothing is rounded or clamped, and what is no number stays what it is.
  @Test(arguments: instructionSets)
  func float32KeepsEveryBit(set: String) {
    var random = SeededGenerator(seed: 10)
    let row = (0..<1000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
    let odd: [Float] = [0, -0.0, .infinity, -.infinity, .nan, 0x1p-149, .greatestFiniteMagnitude, 65536]
    #expect(write(set, row + odd, .f32) == CacheRow.bytes(row + odd, .f32))
  }

  /// Numbers of BF16, what lies between two of them, and what is beyond all.
  @Test(arguments: instructionSets)
  func bfloatIsTheNearestEven(set: String) {
    let rests: [UInt32] = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]
    let row = (0...UInt32(0xFFFF)).flatMap { high in rests.map { Float(bitPattern: high << 16 | $0) } }
    let written = halves(write(set, row, .bf16))
    let wrong = row.indices.first { written[$0] != CacheRow.bfloat(row[$0]) }
    #expect(wrong == nil, "\(wrong.map { "\(row[$0]) became \(written[$0])" } ?? "")")
    #expect(write(set, [.greatestFiniteMagnitude, -.infinity], .bf16) == [0x7F, 0x7F, 0x80, 0xFF])
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
    let written = halves(write(set, inputs, .f16))
    let expected = inputs.map { $0.isFinite ? half(min(max($0, -65504), 65504)) : half($0) }
    // The first difference only: printing two arrays of 120,000 numbers takes minutes.
    let wrong = inputs.indices.first { written[$0] != expected[$0] }
    #expect(wrong == nil, "\(wrong.map { "\(inputs[$0]) became \(written[$0])" } ?? "")")
    let nan = halves(write(set, [.nan], .f16))[0]
    #expect(nan & 0x7C00 == 0x7C00 && nan & 0x3FF != 0)
  }

  private func halves(_ bytes: [UInt8]) -> [UInt16] {
    stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
  }

  /// What one row of a cache of one token holds.
  private func write(_ set: String, _ inputs: [Float], _ type: ElementType) -> [UInt8] {
    let x = GuardedBuffer(inputs)
    let output = GuardedBuffer<UInt8>(count: CacheRow.byteCount(inputs.count, type), repeating: 0xCD)
    let value = GuardedBuffer<Float>([0])
    let valueOutput = GuardedBuffer<UInt8>(count: CacheRow.byteCount(1, type), repeating: 0)
    let zero = GuardedBuffer<Int32>([0])
    let cache = skein_cache(
      keys: output.pointer, values: valueOutput.pointer, type: type.rawValue, page_tokens: 1, kv_heads: 1,
      key_width: Int32(inputs.count), value_width: 1, page_table: zero.pointer, pages_per_sequence: 1)
    let arguments = skein_cache_write_args(
      cache: cache, keys: x.pointer, values: value.pointer, sequences: zero.pointer, positions: zero.pointer)
    run(kernels(set).cache_write, arguments, items: 1)
    return output.array
  }
}
