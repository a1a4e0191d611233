import CKernels
import SkeinTensor
import Testing

/// A mixture with made-up choices, and what its three kernels give.
private final class ExpertsCase {
  /// Experts that are here, and those that there are.
  let experts: Int
  let expertCount: Int
  /// For each of them its number among those that are here; nil where all are.
  let places: GuardedBuffer<Int32>?
  let chosen: Int
  let tokens: Int
  let width: Int
  let expertWidth: Int
  let types: [ElementType]
  let weights: [GuardedBuffer<UInt8>]
  let x: GuardedBuffer<Float>
  let choice: [Float]
  /// Of gate, up and down; none where there are no biases.
  let biases: [GuardedBuffer<Float>]
  let activation: ActivationTests.Kind

  /// - Parameter types: of gate, up and down.
  init(
    _ types: [ElementType], experts: Int = 5, chosen: Int = 2, tokens: Int, width: Int = 256,
    expertWidth: Int = 256, isBiased: Bool = false, activation: ActivationTests.Kind = ActivationTests.silu
  ) {
    self.activation = activation
    (self.types, self.experts, self.chosen, self.tokens) = (types, experts, chosen, tokens)
    (self.width, self.expertWidth) = (width, expertWidth)
    (expertCount, places) = (experts, nil)
    let shapes = [(expertWidth, width), (expertWidth, width), (width, expertWidth)]
    weights = zip(types, shapes).enumerated().map { index, pair in
      GuardedBuffer(
        sampleWeights(pair.0, rows: experts * pair.1.0, columns: pair.1.1, seed: UInt64(index + 3)))
    }
    var random = SeededGenerator(seed: UInt64(tokens))
    x = GuardedBuffer((0..<tokens * width).map { _ in random.normal() })
    biases = isBiased ? shapes.map { GuardedBuffer(random.floats(experts * $0.0)) } : []
    choice = (0..<tokens).flatMap { _ in
      let numbers = (0..<experts).shuffled(using: &random).prefix(chosen).map { Float($0) }
      return numbers + random.floats(chosen, in: 0.1...1)
    }
  }

  private func matrix(_ index: Int, _ layout: WeightLayout, _ stack: GuardedBuffer<UInt8>)
    -> skein_expert_matrix
  {
    let (rows, columns) = index < 2 ? (expertWidth, width) : (width, expertWidth)
    return skein_expert_matrix(
      weights: stack.raw, row_bytes: Int64(types[index].rowBytes(elementCount: columns)!),
      type: types[index].rawValue, layout: layout.rawValue, rows: Int32(rows), columns: Int32(columns),
      bias: biases.isEmpty ? nil : UnsafePointer(biases[index].pointer))
  }

  /// The stacks as they lie in a layout: packed, every expert's matrix is.
  private func stacks(_ layout: WeightLayout, _ table: KernelTable) -> [GuardedBuffer<UInt8>] {
    if layout == .rows { return weights }
    return weights.indices.map { index in
      let (rows, columns) = index < 2 ? (expertWidth, width) : (width, expertWidth)
      let bytes = rows * types[index].rowBytes(elementCount: columns)!
      return GuardedBuffer(
        (0..<experts).flatMap { expert in
          table.pack(types[index], weights[index].raw + expert * bytes, rows: rows, columns: columns).array
        })
    }
  }

  private init(
    partOf whole: ExpertsCase, places: [Int32]?, inner: Range<Int>,
    weights: [GuardedBuffer<UInt8>]
  ) {
    (types, chosen, tokens, width) = (whole.types, whole.chosen, whole.tokens, whole.width)
    (x, choice, expertCount) = (whole.x, whole.choice, whole.expertCount)
    (biases, activation) = ([], whole.activation)
    experts = places.map { $0.count { $0 >= 0 } } ?? whole.experts
    expertWidth = inner.count
    self.places = places.map { GuardedBuffer($0) }
    self.weights = weights
  }

  /// Some of the experts, and some of the inner values of each, as a device has them.
  ///
  /// - Parameter numbers: of the experts; nil for all.
  func part(_ numbers: [Int]?, inner: Range<Int>) -> ExpertsCase {
    let kept = numbers ?? Array(0..<experts)
    let cut = weights.indices.map { index in
      let (rows, columns) = index < 2 ? (expertWidth, width) : (width, expertWidth)
      let rowBytes = types[index].rowBytes(elementCount: columns)!
      let bytes = weights[index].array
      let keptRows = index < 2 ? inner : 0..<rows
      let first = index < 2 ? 0 : types[index].rowBytes(elementCount: inner.lowerBound)!
      let count = index < 2 ? rowBytes : types[index].rowBytes(elementCount: inner.count)!
      return GuardedBuffer(
        kept.flatMap { expert in
          keptRows.flatMap { row in
            let start = (expert * rows + row) * rowBytes + first
            return bytes[start..<start + count]
          }
        })
    }
    let places = numbers.map { numbers in
      (0..<experts).map { Int32(numbers.firstIndex(of: $0) ?? -1) }
    }
    return ExpertsCase(partOf: self, places: places, inner: inner, weights: cut)
  }

  func result(_ set: String, layout: WeightLayout = .rows, piece: Int? = nil) -> [Float] {
    let table = KernelTable(name: set)
    let slots = tokens * chosen
    let numbers = GuardedBuffer<Int32>(count: experts, repeating: -1)
    let starts = GuardedBuffer<Int32>(count: experts + 1, repeating: -1)
    let slotTokens = GuardedBuffer<Int32>(count: slots, repeating: -1)
    let slotWeights = GuardedBuffer<Float>(count: slots, repeating: .nan)
    var args = skein_experts_args()
    args.groups.experts = numbers.pointer
    args.groups.starts = starts.pointer
    args.groups.tokens = slotTokens.pointer
    args.groups.weights = slotWeights.pointer
    skein_group_by_expert(
      choice, Int32(tokens), Int32(chosen), Int32(expertCount), places.map { UnsafePointer($0.pointer) },
      &args.groups)
    let taken = Int(args.groups.slots)
    let stacks = stacks(layout, table)
    defer { withExtendedLifetime(stacks) {} }
    args.gate = matrix(0, layout, stacks[0])
    args.up = matrix(1, layout, stacks[1])
    args.down = matrix(2, layout, stacks[2])
    let inner = GuardedBuffer<Float>(count: slots * expertWidth, repeating: .nan)
    let y = GuardedBuffer<Float>(count: tokens * width, repeating: .nan)
    args.tokens = Int32(tokens)
    args.inner = inner.pointer
    args.activation = activation.activation
    args.y = y.pointer
    let inputs = (0..<2).map { index in
      let whole = table.input(
        x.array, tokens: tokens, columns: width, type: types[index], layout: layout, batchTokens: tokens)
      if tokens == 1 || taken == 0 { return whole }
      let gathered = GuardedBuffer<UInt8>(count: taken * whole.rowBytes, repeating: 0xFF)
      defer { withExtendedLifetime(whole) {} }
      let gather = skein_experts_gather_args(
        x: whole.raw, row_bytes: whole.rowBytes, tokens: slotTokens.pointer, y: gathered.raw)
      run(table.kernels.experts_gather, gather, items: taken, piece: piece)
      return KernelInput(bytes: gathered, rowBytes: whole.rowBytes)
    }
    defer { withExtendedLifetime((inputs, numbers, starts, slotTokens, slotWeights)) {} }
    args.gate_x = UnsafeRawPointer(inputs[0].raw)
    args.up_x = UnsafeRawPointer(inputs[1].raw)
    var (gate, up, down) = (args.gate, args.up, args.down)
    let workspace = skein_experts_workspace_bytes(&gate, &up, &down, Int32(tokens))
    run(
      table.kernels.experts_up, args, items: Int(args.groups.count) * expertWidth, piece: piece,
      workspaceBytes: workspace)
    let rounded = table.input(
      inner.array.map { $0.isNaN ? 0 : $0 }, tokens: slots, columns: expertWidth, type: types[2],
      layout: layout,
      batchTokens: tokens)
    defer { withExtendedLifetime(rounded) {} }
    args.down_x = UnsafeRawPointer(rounded.raw)
    run(table.kernels.experts_down, args, items: width, piece: piece, workspaceBytes: workspace)
    return y.array
  }

  /// The definition, with the weights' values and activations as they are, in double.
  func expected() -> [Double] {
    func values(_ index: Int) -> [Float] {
      let (rows, columns) = index < 2 ? (expertWidth, width) : (width, expertWidth)
      return KernelTable.reference.dequantize(
        types[index], weights[index].raw, rows: experts * rows, columns: columns)
    }
    let (gate, up, down) = (values(0), values(1), values(2))
    func product(_ w: [Float], _ row: Int, _ x: [Double]) -> Double {
      var sum = 0.0
      for (i, value) in x.enumerated() { sum += Double(w[row * x.count + i]) * value }
      return sum
    }
    func bias(_ index: Int, _ row: Int) -> Double { biases.isEmpty ? 0 : Double(biases[index][row]) }
    var y = [Double](repeating: 0, count: tokens * width)
    for token in 0..<tokens {
      let input = (0..<width).map { Double(x[token * width + $0]) }
      for k in 0..<chosen {
        let expert = Int(choice[token * 2 * chosen + k])
        let weight = Double(choice[token * 2 * chosen + chosen + k])
        let inner = (0..<expertWidth).map { row in
          let at = expert * expertWidth + row
          return activation.value(
            product(gate, at, input) + bias(0, at), product(up, at, input) + bias(1, at))
        }
        for row in 0..<width {
          let at = expert * width + row
          y[token * width + row] += weight * (product(down, at, inner) + bias(2, at))
        }
      }
    }
    return y
  }
}

@Suite struct ExpertsTests {
  /// Every format, one token and many, against the definition: with quantized weights as far as activations of 8
  /// bits allow.
  @Test(arguments: instructionSets, ElementType.allCases)
  func followsTheDefinition(set: String, type: ElementType) {
    for tokens in [1, 9] {
      let sample = ExpertsCase([type, type, type], tokens: tokens)
      let bound = skein_linear_takes_quantized(type.rawValue) ? 2e-2 : 1e-5
      #expect(maximumRelativeError(sample.result(set), sample.expected()) < bound, "\(tokens) tokens")
    }
  }

  /// As gpt-oss has them: biases of all three, clamped gates, MXFP4; and other activations and formats.
  @Test(arguments: instructionSets, ActivationTests.kinds)
  func biasesAndActivations(set: String, kind: ActivationTests.Kind) {
    for (type, bound) in [(ElementType.f32, 1e-5), (.mxfp4, 2e-2), (.q8_0, 2e-2)] {
      for tokens in [1, 3, 20] {
        let sample = ExpertsCase(
          [type, type, type], experts: 6, chosen: 3, tokens: tokens, width: 96, expertWidth: 64,
          isBiased: true,
          activation: kind)
        #expect(
          maximumRelativeError(sample.result(set), sample.expected()) < bound, "\(type), \(tokens) tokens")
      }
    }
  }

  /// The reference rounds activations as all do: what is left is float32 sums, and single quants of `inner`
  /// that fall the other way.
  @Test(arguments: instructionSets)
  func awkwardShapesAreThoseOfTheReference(set: String) {
    let shapes: [(types: [ElementType], experts: Int, chosen: Int, tokens: Int, width: Int, inner: Int)] = [
      ([.f32, .f32, .f32], 3, 2, 1, 7, 5), ([.f32, .f32, .f32], 3, 3, 6, 33, 41),
      ([.f16, .bf16, .f32], 7, 1, 40, 50, 66), ([.q8_0, .q8_0, .q8_0], 4, 2, 1, 96, 32),
      ([.q8_0, .q4_0, .f32], 9, 4, 25, 96, 160), ([.f16, .q8_0, .q4_0], 9, 4, 3, 64, 64),
      ([.q4_K, .q4_K, .q6_K], 16, 2, 70, 256, 512), ([.q8_0, .f32, .q8_0], 4, 2, 1, 64, 96),
    ]
    for s in shapes {
      let sample = ExpertsCase(
        s.types, experts: s.experts, chosen: s.chosen, tokens: s.tokens, width: s.width, expertWidth: s.inner)
      let quantized = s.types.contains { skein_linear_takes_quantized($0.rawValue) }
      let expected = sample.result("reference")
      #expect(maximumRelativeError(sample.result(set), expected) < (quantized ? 2e-3 : 5e-6), "\(s)")
    }
  }

  /// Packed stacks give what rows give. Widths that are no multiple of 16 begin inside panels. BF16 weights may take
  /// inputs rounded to BF16, off by up to 2^-8 of each: what comes of it is below 2^-7 of the largest result.
  @Test(arguments: instructionSets, [ElementType.f32, .f16, .bf16])
  func packedStacksAreRows(set: String, type: ElementType) {
    for (tokens, width, inner) in [(1, 33, 41), (8, 64, 100), (9, 40, 50), (30, 96, 72)] {
      let sample = ExpertsCase(
        [type, type, type], experts: 6, chosen: 3, tokens: tokens, width: width, expertWidth: inner,
        isBiased: true)
      let packed = sample.result(set, layout: .packed)
      let bound = type == .bf16 && tokens > 8 ? 0x1p-7 : 5e-6
      #expect(
        maximumRelativeError(packed, sample.result("reference").map(Double.init)) < bound, "\(tokens) tokens")
      for piece in [32, 48] { #expect(sameBits(sample.result(set, layout: .packed, piece: piece), packed)) }
    }
  }

  /// Packed stacks of quantized weights: single quants of `inner` may fall the other way, and nothing else differ.
  @Test(arguments: instructionSets, ElementType.allCases.filter(\.isQuantized))
  func packedQuantizedStacksAreRows(set: String, type: ElementType) {
    let block = type.blockElementCount
    for (tokens, width, inner) in [(1, 3 * block, block), (7, block, 5 * block), (30, 2 * block, 2 * block)] {
      let sample = ExpertsCase(
        [type, type, type], experts: 6, chosen: 3, tokens: tokens, width: width, expertWidth: inner,
        isBiased: true)
      let packed = sample.result(set, layout: .packed)
      #expect(
        maximumRelativeError(packed, sample.result("reference").map(Double.init)) < 2e-3, "\(tokens) tokens")
      for piece in [32, 48] { #expect(sameBits(sample.result(set, layout: .packed, piece: piece), packed)) }
    }
  }

  /// Any split over threads gives the same bits.
  @Test(arguments: instructionSets)
  func splitsDoNotChangeABit(set: String) {
    for tokens in [1, 5, 30] {
      let sample = ExpertsCase([.q8_0, .q4_K, .q8_0], tokens: tokens, width: 512, expertWidth: 256)
      let whole = sample.result(set)
      for piece in [1, 32, 45, 96] { #expect(sameBits(sample.result(set, piece: piece), whole)) }
    }
  }

  /// Parts of a mixture add up to it: some of the experts, some of the inner values of all.
  @Test(arguments: instructionSets, [ElementType.f32, .f16, .q8_0, .q4_K])
  func partsAddUpToTheWhole(set: String, type: ElementType) {
    for tokens in [1, 5, 40] {
      let whole = ExpertsCase([type, type, type], experts: 6, chosen: 3, tokens: tokens, expertWidth: 512)
      let expected = whole.result(set)
      let cuts: [[ExpertsCase]] = [
        [whole.part([0, 3, 5], inner: 0..<512), whole.part([1, 2, 4], inner: 0..<512)],
        // Many tokens have no expert in the second part.
        [whole.part([0, 1, 2, 3, 5], inner: 0..<512), whole.part([4], inner: 0..<512)],
        [whole.part(nil, inner: 0..<256), whole.part(nil, inner: 256..<512)],
        [whole.part([1, 2], inner: 0..<512), whole.part([0, 3, 4, 5], inner: 0..<512)],
      ]
      for cut in cuts {
        let parts = cut.map { $0.result(set) }
        let sum = zip(parts[0], parts[1]).map { Double($0 + $1) }
        #expect(maximumRelativeError(expected, sum) < 2e-6, "\(tokens) tokens")
      }
    }
  }

  /// A device none of whose experts was chosen gives zeros.
  @Test(arguments: instructionSets)
  func noExpertGivesZeros(set: String) {
    for tokens in [1, 3] {
      let whole = ExpertsCase([.q8_0, .q8_0, .q8_0], experts: 5, chosen: 1, tokens: tokens)
      let chosen = Set((0..<tokens).map { Int(whole.choice[2 * $0]) })
      let others = (0..<5).filter { !chosen.contains($0) }
      #expect(whole.part(others, inner: 0..<256).result(set).allSatisfy { $0 == 0 })
    }
  }
}
