import CKernels
import Skein
import SkeinTensor
import SkeinTestSupport
import Testing

/// Every weight format in every matrix of a model, against the same model with the values that the format
/// stands for in F32.
@Suite struct QuantizedModelTests {
  @Test(arguments: ElementType.allCases) func aFormatComputesWhatItsValuesSay(type: ElementType) async throws
  {
    let folder = TemporaryFolder()
    var drawn: [[UInt8]] = []
    var generator = SplitMix64(state: UInt64(type.rawValue))
    let stored = GGUFBuilder.llama { rows, columns in
      let bytes = randomBlocks(type, rows * columns, using: &generator)
      drawn.append(bytes)
      return (type, bytes)
    }
    var next = 0
    let plain = GGUFBuilder.llama { rows, columns in
      defer { next += 1 }
      return (.f32, dequantized(drawn[next], type, rows, columns))
    }
    let tokens = (0..<40).map { Int32($0 * 11 % 277) + 3 }
    // One kind of cache for both, so that nothing differs but the weights.
    var options = LoadOptions.devices("cpu")
    options.planning.cacheType = .f32
    let mine = try await Model.load(folder.write("stored.gguf", stored.build()), options: options)
    let reference = try await Model.load(folder.write("plain.gguf", plain.build()), options: options)
    let logits = try await (mine.logits(tokens), reference.logits(tokens))
    // Activations are rounded to 8 bits before they meet quantized weights: 0.4% a product, up to 2.8% after
    // the 15 of this model, whose random weights forgive nothing. Many tokens are rounded to BF16 before they meet
    // weights in that, where the processor multiplies pairs of them: 0.2% a product.
    let bound: Float = skein_linear_takes_quantized(type.rawValue) ? 3e-2 : 1e-5
    #expect(normDifference(logits.0, logits.1) < (type == .bf16 ? 1e-2 : bound))
    // One token at a time takes other kernels.
    let single = try await (mine.logits([5]), reference.logits([5]))
    #expect(normDifference(single.0, single.1) < bound)
  }

  /// The norm of the difference relative to the norm.
  private func normDifference(_ a: [Float], _ b: [Float]) -> Float {
    let difference = zip(a, b).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  private func dequantized(_ bytes: [UInt8], _ type: ElementType, _ rows: Int, _ columns: Int) -> [UInt8] {
    var values = [Float](repeating: 0, count: rows * columns)
    bytes.withUnsafeBytes { source in
      values.withUnsafeMutableBufferPointer { destination in
        var args = skein_dequantize_args(
          x: source.baseAddress, row_bytes: Int64(type.rowBytes(elementCount: columns)!), type: type.rawValue,
          columns: Int32(columns), y: destination.baseAddress)
        skein_kernels_named("reference").pointee.dequantize(&args, 0, Int32(rows), nil)
      }
    }
    return values.withUnsafeBytes { Array($0) }
  }

  /// Random quants with scales that give values a deviation of about 1/16: the model neither explodes nor
  /// dies.
  private func randomBlocks(_ type: ElementType, _ count: Int, using generator: inout SplitMix64) -> [UInt8] {
    if !type.isQuantized {
      let values = (0..<count).map { _ in Float.random(in: -0.1...0.1, using: &generator) }
      return values.flatMap { value -> [UInt8] in
        switch type {
        case .f32: withUnsafeBytes(of: value) { Array($0) }
        case .f16: withUnsafeBytes(of: Float16(value)) { Array($0) }
        default: withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { Array($0) }
        }
      }
    }
    var bytes = (0..<count / type.blockElementCount * type.blockBytes).map { _ in
      UInt8.random(in: .min ... .max, using: &generator)
    }
    let scales = Self.scales(of: type)
    for block in stride(from: 0, to: bytes.count, by: type.blockBytes) {
      if type == .mxfp4 {
        bytes[block] = 122  // 2 to the power of -6, halved
        continue
      }
      let factor = Float.random(in: 0.7...1.3, using: &generator)
      for (offset, scale) in scales {
        let half = Float16(scale * factor)
        withUnsafeBytes(of: half) { bytes.replaceSubrange(block + offset..<block + offset + 2, with: $0) }
      }
    }
    return bytes
  }

  /// Where a block has its F16 scales, and how large they should be; the second one shifts the values so
  /// that they lie round zero.
  private static func scales(of type: ElementType) -> [(offset: Int, scale: Float)] {
    switch type {
    case .q4_0: [(0, 1.3e-2)]
    case .q4_1: [(0, 1.3e-2), (2, -7.5 * 1.3e-2)]
    case .q5_0: [(0, 6.6e-3)]
    case .q5_1: [(0, 6.6e-3), (2, -15.5 * 6.6e-3)]
    case .q8_0: [(0, 8e-4)]
    case .q2_K: [(80, 5e-3), (82, 1.5 * 5e-3)]
    case .q3_K: [(108, 1.4e-3)]
    case .q4_K: [(0, 4e-4), (2, 7.5 * 4e-4)]
    case .q5_K: [(0, 2e-4), (2, 15.5 * 2e-4)]
    case .q6_K: [(208, 4.5e-5)]
    case .iq4_NL: [(0, 9e-4)]
    case .iq4_XS: [(0, 4.5e-5)]
    case .f32, .f16, .bf16, .mxfp4: []
    }
  }
}
