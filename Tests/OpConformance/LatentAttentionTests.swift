import CKernels
import SkeinTensor
import Testing

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
