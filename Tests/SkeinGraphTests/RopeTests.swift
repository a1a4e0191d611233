@testable import SkeinGraph
import Testing

/// Expected values: `transformers` 5, `ROPE_INIT_FUNCTIONS`, in float32.
@Suite struct RopeTests {
  private func rope(_ scaling: Rope.Scaling, base: Float = 10_000) -> Rope {
    Rope(headCount: 1, headWidth: 16, dimensions: 16, base: base, pairing: .halves, scaling: scaling)
  }

  private func expect(_ rope: Rope, _ expected: [Float], _ magnitude: Float = 1) {
    #expect(rope.frequencies.count == expected.count)
    for (mine, theirs) in zip(rope.frequencies, expected) { #expect(abs(mine - theirs) <= 2e-6 * theirs) }
    #expect(abs(rope.magnitude - magnitude) < 1e-6)
  }

  @Test func plain() {
    expect(
      rope(.none),
      [
        1, 0.316227764, 0.100000001, 0.0316227749, 0.00999999978, 0.00316227763, 0.00100000005,
        0.000316227757,
      ])
  }

  @Test func linear() {
    expect(
      rope(.linear(factor: 4)),
      [
        0.25, 0.079056941, 0.0250000004, 0.00790569372, 0.00249999994, 0.000790569407, 0.000250000012,
        7.90569393e-05,
      ])
  }

  @Test func llama3() {
    let scaling = Rope.Scaling.llama3(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 256)
    expect(
      rope(scaling),
      [
        1, 0.316227764, 0.100000001, 0.00661310693, 0.00124999997, 0.000395284733, 0.000125000006,
        3.95284733e-05,
      ])
  }

  @Test func yarn() {
    let scaling = Rope.Scaling.yarn(
      factor: 4, originalContext: 256, betaFast: 32, betaSlow: 1, attentionFactor: nil)
    expect(
      rope(scaling),
      [1, 0.25693506, 0.0625, 0.0138349654, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05],
      1.13862944)
  }

  @Test func perFrequency() {
    let factors = (1...8).map { Float($0) }
    let plain = rope(.none).frequencies
    #expect(rope(.perFrequency(factors: factors)).frequencies == zip(plain, factors).map { $0 / $1 })
  }
}
