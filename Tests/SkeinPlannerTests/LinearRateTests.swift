import SkeinPlanner
import Testing

@Suite("Linear rates")
struct LinearRateTests {
  @Test("A specification gives the longer of reading and arithmetic")
  func roofline() {
    let rate = LinearRate(bytesPerSecond: 1e9, bytesPerElement: 1, operationsPerSecond: 2e11)
    for tokens in [1.0, 10, 99, 100, 101, 150, 400, 10_000] {
      let expected = max(1e-9, tokens * 1e-11)
      #expect(abs(rate.secondsPerElement(tokens: tokens) - expected) < 1e-6 * expected)
    }
  }

  @Test("A line goes through the samples, and on")
  func interpolation() {
    let rate = LinearRate([
      .init(tokens: 32, secondsPerElement: 5), .init(tokens: 1, secondsPerElement: 1),
      .init(tokens: 64, secondsPerElement: 9),
    ])
    #expect(rate.secondsPerElement(tokens: 0.5) == 1)
    #expect(rate.secondsPerElement(tokens: 16.5) == 3)
    #expect(rate.secondsPerElement(tokens: 32) == 5)
    #expect(rate.secondsPerElement(tokens: 128) == 17)
  }
}
