import CKernels
import SkeinTensor
import Testing

@Suite struct AttentionTests {
  typealias Case = AttentionCase

  /// Every shape over every kind of cache.
  static let cases = [ElementType.f32, .f16, .bf16, .q8_0].flatMap { type in
    shapes.map { shape in
      var attentionCase = shape
      attentionCase.type = type
      return attentionCase
    }
  }

  static let shapes: [Case] = [
    // One token, from the very first position on.
    Case(sequences: [.init(context: 1, tokens: 1)]),
    Case(heads: 1, kvHeads: 1, keyWidth: 8, valueWidth: 8, sequences: [.init(context: 67, tokens: 1)]),
    Case(heads: 8, kvHeads: 2, sequences: [.init(context: 128, tokens: 1)]),
    Case(heads: 7, kvHeads: 1, keyWidth: 24, valueWidth: 24, sequences: [.init(context: 129, tokens: 1)]),
    Case(heads: 16, kvHeads: 2, keyWidth: 128, valueWidth: 128, sequences: [.init(context: 1000, tokens: 1)]),
    Case(heads: 13, kvHeads: 1, sequences: [.init(context: 150, tokens: 1)]),
    Case(heads: 19, kvHeads: 1, keyWidth: 72, valueWidth: 40, sequences: [.init(context: 150, tokens: 1)]),
    Case(heads: 4, kvHeads: 1, pageTokens: 64, sequences: [.init(context: 8192, tokens: 2)]),
    // Round the ends of blocks and of chunks, and where chunks become twice as long.
    Case(heads: 2, kvHeads: 1, pageTokens: 1, sequences: [.init(context: 64, tokens: 2)]),
    Case(heads: 3, kvHeads: 1, keyWidth: 40, valueWidth: 20, sequences: [.init(context: 258, tokens: 4)]),
    Case(heads: 4, kvHeads: 4, pageTokens: 64, sequences: [.init(context: 513, tokens: 1)]),
    Case(
      heads: 2, kvHeads: 1, keyWidth: 16, valueWidth: 16, pageTokens: 64,
      sequences: [.init(context: 16_386, tokens: 4)]),
    // Widths with tails, keys and values of unlike width.
    Case(keyWidth: 1, valueWidth: 3, sequences: [.init(context: 70, tokens: 40)]),
    Case(keyWidth: 80, valueWidth: 24, sequences: [.init(context: 90, tokens: 3)]),
    Case(keyWidth: 24, valueWidth: 80, sequences: [.init(context: 100, tokens: 33)]),
    Case(heads: 16, kvHeads: 1, keyWidth: 576, valueWidth: 512, sequences: [.init(context: 130, tokens: 5)]),
    Case(heads: 3, kvHeads: 1, keyWidth: 100, valueWidth: 300, sequences: [.init(context: 66, tokens: 66)]),
    // Whole prompts.
    Case(sequences: [.init(context: 200, tokens: 200)]),
    Case(heads: 6, kvHeads: 6, keyWidth: 128, valueWidth: 128, sequences: [.init(context: 300, tokens: 70)]),
    Case(heads: 128, kvHeads: 1, keyWidth: 16, valueWidth: 16, sequences: [.init(context: 80, tokens: 3)]),
    Case(heads: 9, kvHeads: 3, keyWidth: 32, valueWidth: 32, sequences: [.init(context: 65, tokens: 65)]),
    // Pages that are no whole part of a block.
    Case(pageTokens: 1, sequences: [.init(context: 70, tokens: 10)]),
    Case(pageTokens: 7, sequences: [.init(context: 150, tokens: 20), .init(context: 14, tokens: 14)]),
    Case(pageTokens: 256, sequences: [.init(context: 256, tokens: 2)]),
    // Several sequences in a batch: prompts, single tokens, by turns.
    Case(
      sequences: [
        .init(context: 90, tokens: 40), .init(context: 17, tokens: 1), .init(context: 300, tokens: 1),
        .init(context: 5, tokens: 5),
      ]),
    Case(sequences: [.init(context: 100, tokens: 9), .init(context: 100, tokens: 9)], byTurns: true),
    // Windows: smaller than a block, across blocks, wider than the context.
    Case(sequences: [.init(context: 400, tokens: 1)], window: 1),
    Case(sequences: [.init(context: 400, tokens: 100)], window: 20),
    Case(sequences: [.init(context: 500, tokens: 500)], window: 129),
    Case(pageTokens: 5, sequences: [.init(context: 333, tokens: 50)], window: 64),
    Case(sequences: [.init(context: 60, tokens: 60)], window: 1000),
    Case(heads: 2, kvHeads: 1, sequences: [.init(context: 1030, tokens: 9)], window: 256),
    Case(heads: 2, kvHeads: 1, pageTokens: 64, sequences: [.init(context: 1000, tokens: 3)], window: 700),
    // Soft caps, and scores so large that the softmax is all but a choice.
    Case(sequences: [.init(context: 200, tokens: 30)], softCap: 50),
    Case(sequences: [.init(context: 200, tokens: 1)], window: 100, softCap: 5, querySize: 30),
    Case(sequences: [.init(context: 200, tokens: 30)], querySize: 300),
    // Sinks: about as large as scores, and so large that hardly anything is left for positions.
    Case(sequences: [.init(context: 1, tokens: 1)], sinkSize: 2),
    Case(heads: 16, kvHeads: 2, sequences: [.init(context: 200, tokens: 30)], window: 20, sinkSize: 5),
    Case(heads: 8, kvHeads: 1, sequences: [.init(context: 130, tokens: 1)], sinkSize: 95),
    Case(
      heads: 2, kvHeads: 2, sequences: [.init(context: 900, tokens: 2)], window: 600, softCap: 9, sinkSize: 3),
    // One token each of sequences of unlike length.
    Case(
      pageTokens: 64,
      sequences: [1, 63, 65, 1000].map { .init(context: $0, tokens: 1) }),
  ]

  @Test(arguments: instructionSets, cases)
  func followsTheDefinition(set: String, attentionCase: Case) {
    let inputs = AttentionInputs(attentionCase)
    let actual = inputs.attention(set)
    // A score of size s in float32 is off by about s * 1e-7, and so is its weight; values lie in -1 ... 1.
    // The extra element makes the error relative to the values: over a long context their mean is small.
    let scoreSize = max(1, Double(attentionCase.querySize) / 3)
    // Integer products over Q8_0 round queries to 2^-15 and weights to 2^-16 of the largest (5e-5 measured).
    let isInteger = set != "reference" && attentionCase.type == .q8_0
    let error = maximumRelativeError(actual + [1], inputs.expected() + [1])
    if error >= 6e-7, set == "avx512", attentionCase.type == .bf16 {
      // Products of pairs round queries and weights to BF16: a weight is off by 2^-9 at most, and values lie in
      // -1 ... 1.
      let error = maximumRelativeError(actual + [1], inputs.expected(.bfloat) + [1])
      #expect(error < 0x1p-9 + 1e-6 * scoreSize)
      return
    }
    #expect(error < (isInteger ? 1e-4 : 6e-7) * scoreSize)
  }

  @Test(arguments: instructionSets, cases)
  func doesNotDependOnTheSplitIntoItems(set: String, attentionCase: Case) {
    let inputs = AttentionInputs(attentionCase)
    let whole = inputs.attention(set)
    #expect(sameBits(inputs.attention(set, piece: 1), whole))
    #expect(sameBits(inputs.attention(set, piece: 3), whole))
  }

  /// Cut into chunks, in calls of any number of them, attention gives the bits that it gives uncut.
  @Test(arguments: instructionSets, cases)
  func doesNotDependOnTheCutIntoChunks(set: String, attentionCase: Case) {
    let inputs = AttentionInputs(attentionCase)
    let whole = inputs.attention(set)
    #expect(sameBits(inputs.attention(set, .parts), whole))
    #expect(sameBits(inputs.attention(set, .parts, piece: 1), whole))
    #expect(sameBits(inputs.attention(set, .parts, piece: 3), whole))
  }

  /// A token computed alone, or with only its neighbours, gives the bits that it gives in the whole batch.
  @Test(arguments: instructionSets, cases)
  func doesNotDependOnTheRestOfTheBatch(set: String, attentionCase: Case) {
    let inputs = AttentionInputs(attentionCase)
    let whole = inputs.attention(set)
    let tokens = attentionCase.tokens.count
    let width = attentionCase.heads * attentionCase.valueWidth
    for size in [1, 5] {
      for first in stride(from: 0, to: tokens, by: max(size, tokens / 7)) {
        let range = first..<min(tokens, first + size)
        let part = inputs.attention(set, tokens: range)
        #expect(sameBits(part, Array(whole[range.lowerBound * width..<range.upperBound * width])), "\(range)")
      }
    }
  }

  /// A block that was written with an infinity shows in the result of every instruction set.
  @Test(arguments: instructionSets, [true, false])
  func whatIsNoNumberShows(set: String, isKey: Bool) {
    for context in [70, 300] {
      let inputs = AttentionInputs(Case(type: .q8_0, sequences: [.init(context: context, tokens: 1)]))
      (isKey ? inputs.keys : inputs.values).write([0, 0x7E], at: 0)
      #expect(inputs.attention(set).contains { $0.isNaN })
      #expect(inputs.attention(set, .parts).contains { $0.isNaN })
    }
  }

  @Test func itemsFollowSequencesNotThreads() {
    var arguments = skein_attention_args()
    let sequences: [Int32] = [0, 0, 0, 1, 0, 2, 2]
    var positions: [Int32] = [0, 1, 2, 700, 3, 255, 256]
    arguments.cache.kv_heads = 3
    arguments.heads = 12
    arguments.tokens = Int32(sequences.count)
    sequences.withUnsafeBufferPointer { sequences in
      positions.withUnsafeMutableBufferPointer { positions in
        arguments.sequences = sequences.baseAddress
        arguments.positions = UnsafePointer(positions.baseAddress)
        #expect(skein_attention_items(&arguments) == 4 * 3)
        var parts: Float = 0
        withUnsafeMutablePointer(to: &parts) {
          arguments.parts = $0
          #expect(skein_attention_items(&arguments) == (1 + 3 + 1 + 2) * 3)
          arguments.window = 200
          #expect(skein_attention_items(&arguments) == (1 + 2 + 1 + 2) * 3)
        }
        arguments.parts = nil
        arguments.tokens = 1
        #expect(skein_attention_items(&arguments) == 3)
        arguments.tokens = 0
        #expect(skein_attention_items(&arguments) == 0)
        // Chunks of a run are equally long.
        (positions[0], positions[1], positions[2]) = (16_382, 16_383, 16_384)
        arguments.tokens = 3
        #expect(skein_attention_items(&arguments) == 2 * 3)
      }
    }
  }

  @Test func aTokenHasABoundedNumberOfChunks() {
    let contexts: [Int32] = [1, 256, 257, 16_384, 16_385, 1 << 30]
    #expect(contexts.map { skein_attention_chunks($0) } == [1, 1, 2, 64, 64, 64])
  }
}
