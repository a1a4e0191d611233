import CSystem
import SkeinExecutor
import SkeinText

/// The executor with the tokens that its cache holds. Used on the model's one thread only.
final class Engine: @unchecked Sendable {
  let executor: Executor
  let tokenizer: Result<Tokenizer, any Error>
  /// The tokens of sequence 0 whose keys and values are in the cache.
  private var cached: [Int32] = []
  private var batch = Batch(capacity: 4096)
  private let logits: UnsafeMutableBufferPointer<Float>

  init(_ executor: Executor, _ tokenizer: Result<Tokenizer, any Error>) {
    self.executor = executor
    self.tokenizer = tokenizer
    logits = .allocate(capacity: executor.plan.graph.vocabularySize)
  }

  deinit { logits.deallocate() }

  /// Reads the prompt, then writes token after token: the whole of generation.
  ///
  /// What the cache already holds of the prompt is not computed again.
  func generate(
    _ prompt: [Int32], _ options: GenerationOptions, isCancelled: () -> Bool, emit: (String) -> Void
  ) throws -> GenerationReport {
    guard !prompt.isEmpty else { throw SkeinError(.invalidInput, "the prompt has no tokens") }
    // Who wants tokens only, and as many as asked for, needs no tokenizer.
    let tokenizer = options.ignoresEndOfGeneration ? try? tokenizer.get() : try tokenizer.get()
    var sampler = Sampler(options.sampling)
    for token in prompt { sampler.accept(token) }
    var detokenizer = tokenizer?.makeDetokenizer()
    var report = GenerationReport(promptTokenCount: prompt.count)

    let start = skein_clock_nanoseconds()
    report.reusedTokenCount = reuse(prompt)
    guard try extend(prompt[report.reusedTokenCount...], isCancelled: isCancelled) else {
      report.stop = .cancelled
      return report
    }
    report.prefillSeconds = seconds(since: start)

    let firstToken = skein_clock_nanoseconds()
    while report.tokens.count < options.maximumTokenCount {
      if isCancelled() {
        report.stop = .cancelled
        break
      }
      let token = try sampler.sample(logits)
      if !options.ignoresEndOfGeneration, let tokenizer, tokenizer.endOfGeneration.contains(token) {
        report.stop = .endOfGeneration(token)
        break
      }
      sampler.accept(token)
      report.tokens.append(token)
      if let text = detokenizer?.append(token) { emit(text) }
      if report.tokens.count == options.maximumTokenCount { break }
      if cached.count == executor.plan.limits.contextTokens {
        report.stop = .contextFull
        break
      }
      _ = try extend(CollectionOfOne(token), isCancelled: { false })
      report.decodedTokenCount += 1
    }
    report.decodeSeconds = seconds(since: firstToken)
    if let rest = detokenizer?.finish(), !rest.isEmpty { emit(rest) }
    return report
  }

  /// The logits of every token of a text of its own, a row a token, handed over run by run.
  func score(_ tokens: ArraySlice<Int32>, _ body: (_ firstRow: Int, UnsafeBufferPointer<Float>) -> Void)
    throws
  {
    cached.removeAll()
    executor.truncate(sequence: 0, to: 0)
    let vocabulary = executor.plan.graph.vocabularySize
    let run = executor.plan.limits.outputsPerPass * max(executor.plan.limits.passesInFlight, 1)
    let rows = UnsafeMutableBufferPointer<Float>.allocate(capacity: min(run, tokens.count) * vocabulary)
    defer { rows.deallocate() }
    var position = 0
    while position < tokens.count {
      let count = min(run, tokens.count - position)
      batch.removeAll()
      for index in position..<position + count {
        batch.append(tokens[tokens.startIndex + index], position: index, wantsLogits: true)
      }
      try executor.execute(batch, logits: rows)
      body(position, UnsafeBufferPointer(rebasing: rows[..<(count * vocabulary)]))
      position += count
    }
    executor.truncate(sequence: 0, to: 0)
  }

  /// The logits of every token of several texts, each a sequence of its own, computed together.
  ///
  /// - Parameter body: told which text and which of its tokens a run of rows begins with.
  func score(
    batch texts: [[Int32]], _ body: (_ text: Int, _ token: Int, UnsafeBufferPointer<Float>) -> Void
  ) throws {
    cached.removeAll()
    let vocabulary = executor.plan.graph.vocabularySize
    let sequences = executor.plan.limits.sequenceCount
    let run = executor.plan.limits.outputsPerPass * max(executor.plan.limits.passesInFlight, 1)
    let rows = UnsafeMutableBufferPointer<Float>.allocate(capacity: run * vocabulary)
    defer { rows.deallocate() }
    for first in stride(from: 0, to: texts.count, by: sequences) {
      let group = first..<min(first + sequences, texts.count)
      for sequence in 0..<sequences { executor.truncate(sequence: sequence, to: 0) }
      // Token after token of every text, as they would be decoded together.
      let longest = texts[group].map(\.count).max() ?? 0
      var tokens = (0..<longest).flatMap { token in
        group.filter { token < texts[$0].count }.map { (text: $0, token: token) }
      }[...]
      while !tokens.isEmpty {
        let part = tokens.prefix(run)
        tokens = tokens.dropFirst(part.count)
        batch.removeAll()
        for (text, token) in part {
          batch.append(texts[text][token], position: token, sequence: text - first, wantsLogits: true)
        }
        try executor.execute(batch, logits: rows)
        for (row, place) in part.enumerated() {
          let logits = UnsafeBufferPointer(rebasing: rows[row * vocabulary..<(row + 1) * vocabulary])
          body(place.text, place.token, logits)
        }
      }
    }
    for sequence in 0..<sequences { executor.truncate(sequence: sequence, to: 0) }
  }

  /// Forgets all tokens from the first `length` on.
  func truncate(to length: Int = 0) {
    cached.removeLast(max(cached.count - length, 0))
    executor.truncate(sequence: 0, to: cached.count)
  }

  /// Cuts the cache to what it shares with the prompt; the last token is always computed, for its logits.
  private func reuse(_ prompt: [Int32]) -> Int {
    var shared = 0
    while shared < min(cached.count, prompt.count - 1), cached[shared] == prompt[shared] { shared += 1 }
    cached.removeLast(cached.count - shared)
    executor.truncate(sequence: 0, to: shared)
    return shared
  }

  /// Computes the next tokens of sequence 0, and the logits of the last; false where it was cancelled.
  private func extend(_ tokens: some Collection<Int32>, isCancelled: () -> Bool) throws -> Bool {
    batch.removeAll()
    for (index, token) in tokens.enumerated() {
      batch.append(token, position: cached.count + index, wantsLogits: index == tokens.count - 1)
    }
    do {
      guard try executor.execute(batch, logits: logits, isCancelled: isCancelled) else {
        executor.truncate(sequence: 0, to: cached.count)
        return false
      }
    } catch {
      executor.truncate(sequence: 0, to: cached.count)
      throw error
    }
    cached.append(contentsOf: tokens)
    return true
  }

  func seconds(since start: UInt64) -> Double { Double(skein_clock_nanoseconds() - start) / 1e9 }
}
