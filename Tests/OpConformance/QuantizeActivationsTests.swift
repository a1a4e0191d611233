import CKernels
import Testing

@Suite struct QuantizeActivationsTests {
  /// The layout of a block of 256 columns (skein_activation_block), as the reference writes it.
  private struct Block {
    let quants: [Int8]
    let scales: [Float]
    let negatedSums32: [Int32]
    let negatedSums16: [Int32]

    init(_ buffer: GuardedBuffer<UInt8>, _ index: Int) {
      let base = UnsafeRawPointer(buffer.raw) + index * 384
      quants = (0..<256).map { base.load(fromByteOffset: $0, as: Int8.self) }
      scales = (0..<8).map { base.load(fromByteOffset: 256 + 4 * $0, as: Float.self) }
      negatedSums32 = (0..<8).map { base.load(fromByteOffset: 288 + 4 * $0, as: Int32.self) }
      negatedSums16 = (0..<16).map { base.load(fromByteOffset: 320 + 4 * $0, as: Int32.self) }
    }
  }

  private func normal(_ count: Int) -> [Float] {
    var generator = SeededGenerator(seed: UInt64(count))
    return (0..<count).map { _ in generator.normal() }
  }

  @Test(arguments: [1, 31, 32, 33, 144, 255, 256, 257, 800])
  func everyInstructionSetGivesTheSameBits(columns: Int) {
    var x = normal(3 * columns)
    // Ties, zeros, tiny and huge values.
    for index in stride(from: 0, to: x.count, by: 7) { x[index] = (x[index] * 2).rounded() / 2 }
    for index in columns..<min(columns + 40, 2 * columns) { x[index] *= 1e-36 }
    x[x.count - 1] = 1e38
    let expected = KernelTable.reference.quantizeActivations(x, tokens: 3, columns: columns)
    for table in KernelTable.all {
      let got = table.quantizeActivations(x, tokens: 3, columns: columns)
      #expect(got.array == expected.array, "\(table.name)")
    }
  }

  @Test(arguments: KernelTable.all)
  func valuesAreWithinHalfAStep(table: KernelTable) {
    let columns = 300
    let x = normal(columns)
    let buffer = table.quantizeActivations(x, tokens: 1, columns: columns)
    let blocks = [Block(buffer, 0), Block(buffer, 1)]
    for column in 0..<512 {
      let block = blocks[column / 256]
      let index = column % 256
      let scale = block.scales[index / 32]
      let value = column < columns ? x[column] : 0
      #expect(abs(scale * Float(block.quants[index]) - value) <= scale * 0.50001)
    }
    for block in blocks {
      for group in 0..<16 {
        let sum = block.quants[16 * group..<16 * group + 16].reduce(Int32(0)) { $0 + Int32($1) }
        #expect(block.negatedSums16[group] == -sum)
      }
      for group in 0..<8 {
        #expect(
          block.negatedSums32[group] == block.negatedSums16[2 * group] + block.negatedSums16[2 * group + 1])
      }
    }
  }

  @Test(arguments: KernelTable.all)
  func infinitiesAndNaNAreNotHidden(table: KernelTable) {
    var x = normal(96)
    x[5] = .infinity
    x[40] = .nan
    let block = Block(table.quantizeActivations(x, tokens: 1, columns: 96), 0)
    #expect(block.scales[0].isNaN && block.scales[1].isNaN && block.scales[2].isFinite)
    #expect(block.quants[0..<64].allSatisfy { $0 == 0 })
  }
}
