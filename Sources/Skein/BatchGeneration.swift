import Synchronization

/// What a generation of several texts together did.
public struct BatchGenerationReport: Hashable, Sendable {
  /// Tokens written, a list for each prompt.
  public var tokens: [[Int32]]
  /// Tokens of all prompts.
  public var readTokenCount = 0
  /// Tokens of all texts computed after the prompts. The first of each comes from its prompt's own pass.
  public var decodedTokenCount = 0
  /// Seconds to read the prompts.
  public var prefillSeconds = 0.0
  /// Seconds to write, from the prompts' end.
  public var decodeSeconds = 0.0

  /// Tokens of all prompts read a second.
  public var prefillTokensPerSecond: Double { Double(readTokenCount) / max(prefillSeconds, 1e-9) }

  /// Tokens of all texts computed after the prompts a second; 0 where there were none.
  public var decodeTokensPerSecond: Double {
    decodedTokenCount > 0 ? Double(decodedTokenCount) / max(decodeSeconds, 1e-9) : 0
  }
}

extension Model {
  /// Continues several texts together: each pass computes a token of every text that has not ended.
  ///
  /// Load with `sequenceCount` at the number of texts, and the request's `concurrency` too, so that one pass has all
  /// of their logits. The texts' seeds are the option's and those that follow.
  ///
  /// - Parameters:
  ///   - prompts: the tokens of each text, at least one.
  ///   - options: for every text; one ends by itself, at `maximumTokenCount`, or where the context is full.
  /// - Throws: `SkeinError` where there are more texts than the model was loaded for or a prompt is empty,
  ///   `ExecutorError` where one is longer than the context, `CancellationError` where the task was cancelled.
  public func generate(
    batch prompts: [[Int32]], options: GenerationOptions = GenerationOptions()
  ) async throws -> BatchGenerationReport {
    try options.sampling.validate()
    let stop = StopFlag()
    return try await withTaskCancellationHandler {
      try await thread.run { [engine] in
        let report = try engine.generate(batch: prompts, options) { stop.isSet.load(ordering: .relaxed) }
        guard let report else { throw CancellationError() }
        return report
      }
    } onCancel: {
      stop.isSet.store(true, ordering: .relaxed)
    }
  }
}

private final class StopFlag: Sendable {
  let isSet = Atomic<Bool>(false)
}
