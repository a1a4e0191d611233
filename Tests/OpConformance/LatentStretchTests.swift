import CKernels
import SkeinTensor
import Testing

/// Latent attention in the expanded form.
@Suite struct LatentStretchTests {
  private static func cases(
    _ type: ElementType = .f32, isSplit: Bool = true, cacheType: ElementType = .f16
  ) -> [LatentCase] {
    func sample(
      _ heads: Int, _ widths: (rank: Int, plain: Int, rope: Int, value: Int), page: Int,
      _ sequences: [(context: Int, tokens: Int)]
    ) -> LatentCase {
      // Rows of quantized weights are whole blocks.
      let isBlocked = type.blockElementCount > 1
      func width(_ count: Int) -> Int { isBlocked ? (count + 31) / 32 * 32 : count }
      return LatentCase(
        heads: heads, rank: width(widths.rank), plain: width(widths.plain), rope: widths.rope,
        value: widths.value, type: type, isSplit: isSplit, cacheType: cacheType, pageTokens: page,
        sequences: sequences)
    }
    return [
      sample(1, (1, 1, 1, 1), page: 16, [(1, 1)]),
      sample(3, (33, 17, 5, 19), page: 16, [(130, 130)]),
      sample(2, (40, 24, 8, 16), page: 64, [(300, 65), (64, 64), (66, 2), (5, 5)]),
      sample(5, (29, 31, 16, 33), page: 64, [(129, 1), (200, 63)]),
      // Two stretches: 70 heads have 128 positions in one.
      sample(70, (9, 7, 2, 6), page: 16, [(150, 140), (20, 8)]),
    ]
  }

  @Test(arguments: instructionSets, [true, false])
  func followsTheDefinition(set: String, isSplit: Bool) {
    for (index, sample) in Self.cases(isSplit: isSplit).enumerated() {
      let expected = sample.expected()
      #expect(
        maximumRelativeError(sample.attention(set, expandedFrom: 1), expected) < 5e-6, "case \(index)")
      #expect(maximumRelativeError(sample.attention(set), expected) < 5e-6, "absorbed, case \(index)")
    }
  }

  @Test(arguments: instructionSets, [ElementType.f32, .bf16, .q8_0])
  func everyKindOfCacheDoes(set: String, cache: ElementType) {
    for (index, sample) in Self.cases(cacheType: cache).enumerated() {
      // Rows of the cache are decoded exactly, also those of 8 bits.
      let error = maximumRelativeError(sample.attention(set, expandedFrom: 1), sample.expected())
      #expect(error < 5e-6, "case \(index)")
    }
  }

  @Test(arguments: instructionSets, [ElementType.f16, .bf16, .q8_0, .q4_0])
  func everyKindOfWeightsDoes(set: String, type: ElementType) {
    // Compressed rows are rounded to 8 bits before they meet quantized weights.
    let bound = skein_linear_takes_quantized(type.rawValue) ? 2e-2 : 5e-6
    for isSplit in [true, false] {
      for (index, sample) in Self.cases(type, isSplit: isSplit).enumerated() {
        let error = maximumRelativeError(sample.attention(set, expandedFrom: 1), sample.expected())
        #expect(error < bound, "case \(index)")
      }
    }
  }

  /// How a run is cut into calls, and a call into items, is of no matter.
  @Test(arguments: instructionSets, [ElementType.f16, .q8_0])
  func cutsDoNotChangeABit(set: String, type: ElementType) {
    for isSplit in [true, false] {
      for sample in Self.cases(type, isSplit: isSplit) {
        let whole = sample.attention(set, expandedFrom: 1)
        #expect(sameBits(sample.attention(set, expandedFrom: 1, piece: 1), whole))
        for cut in [1, 50, 64] {
          #expect(sameBits(sample.attention(set, expandedFrom: 1, cut: cut), whole), "cut \(cut)")
        }
      }
    }
  }

  /// Tokens of one pass in both forms: each has the bits that it has alone.
  @Test(arguments: instructionSets)
  func formsMeetInOnePass(set: String) {
    for sample in Self.cases() {
      let width = sample.heads * sample.value
      let expanded = sample.attention(set, expandedFrom: 1)
      let absorbed = sample.attention(set, expandedFrom: .max)
      #expect(sameBits(absorbed, sample.attention(set)))
      for least in [6, 64, 65] {
        let mixed = sample.attention(set, expandedFrom: least)
        let counts = Dictionary(sample.tokens.map { ($0.sequence, 1) }, uniquingKeysWith: +)
        for (index, token) in sample.tokens.enumerated() {
          let rows = index * width..<(index + 1) * width
          let expected = counts[token.sequence]! >= least ? expanded : absorbed
          #expect(sameBits(Array(mixed[rows]), Array(expected[rows])))
        }
      }
    }
  }

  @Test func spansAreRunsOfOneForm() {
    let sequences: [Int32] = [0, 0, 0, 1, 2, 2, 2, 2, 0, 0]
    func spans(_ least: Int32) -> [[Int32]] {
      sequences.withUnsafeBufferPointer { buffer in
        var args = skein_latent_attention_args()
        args.sequences = buffer.baseAddress
        args.tokens = Int32(buffer.count)
        var (first, result) = (Int32(0), [[Int32]]())
        while first < args.tokens {
          let span = skein_latent_attention_span(&args, first, least)
          result.append([span.tokens, span.is_expanded ? 1 : 0])
          first += span.tokens
        }
        return result
      }
    }
    #expect(spans(5) == [[10, 0]])
    #expect(spans(4) == [[4, 0], [4, 1], [2, 0]])
    #expect(spans(3) == [[3, 1], [1, 0], [4, 1], [2, 0]])
    #expect(spans(2) == [[3, 1], [1, 0], [4, 1], [2, 1]])
    #expect(spans(1) == [[3, 1], [1, 1], [4, 1], [2, 1]])
    #expect(spans(.max) == [[10, 0]])
  }
}
