import SkeinGraph
import SkeinModels
import SkeinPlanner

extension Model {
  /// What the plan would take for a request of these lengths, by the profiles of the devices.
  ///
  /// - Parameter concurrency: requests at a time.
  public func predicted(promptTokens: Int, genTokens: Int, concurrency: Int = 1) -> PlanPrice {
    plan.price(
      planned.problem.model, on: machine.fleet,
      request: RequestShape(
        promptTokens: max(promptTokens, 1), genTokens: max(genTokens, 1), concurrency: max(concurrency, 1)))
  }

  /// Folds what a request took into the devices' profiles, so that the next prediction is nearer.
  ///
  /// A phase counts only where enough of it was measured: 16 tokens read, 8 written.
  ///
  /// - Returns: by what factor the seconds of prefill and decoding were off; 1 where nothing was learned.
  @discardableResult
  public func calibrate(
    promptTokens: Int, prefillTokensPerSecond: Double, genTokens: Int, decodeTokensPerSecond: Double
  ) -> (prefill: Double, decode: Double) {
    let price = predicted(promptTokens: promptTokens, genTokens: genTokens)
    let prefill =
      promptTokens >= 16 && prefillTokensPerSecond > 0
      ? price.prefillTokensPerSecond / prefillTokensPerSecond : 1
    let decode =
      genTokens >= 8 && decodeTokensPerSecond > 0 ? price.decodeTokensPerSecond / decodeTokensPerSecond : 1
    var machine = machine
    machine.calibrate(
      plan: plan, types: Set(definition.matrixTypes), prefillRatio: prefill, decodeRatio: decode)
    return (prefill, decode)
  }
}
