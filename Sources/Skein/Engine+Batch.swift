import CSystem
import SkeinExecutor
import SkeinText

extension Engine {
  /// Reads several prompts, each a sequence of its own, then writes a token of every text in each pass.
  ///
  /// - Returns: nil where it was cancelled.
  func generate(
    batch prompts: [[Int32]], _ options: GenerationOptions, isCancelled: () -> Bool
  ) throws -> BatchGenerationReport? {
    try check(batch: prompts)
    let tokenizer = options.ignoresEndOfGeneration ? try? tokenizer.get() : try tokenizer.get()
    let ends = options.ignoresEndOfGeneration ? [] : tokenizer?.endOfGeneration ?? []
    truncate()
    defer { forgetAll() }
    let vocabulary = executor.plan.graph.vocabularySize
    let rows = UnsafeMutableBufferPointer<Float>.allocate(capacity: prompts.count * vocabulary)
    defer { rows.deallocate() }
    var report = BatchGenerationReport(tokens: prompts.map { _ in [] })
    var samplers = prompts.indices.map { index in
      // Texts from the same prompt must differ, and from the same seed be the same again.
      var sampling = options.sampling
      sampling.seed = sampling.seed.map { $0 &+ UInt64(index) }
      return Sampler(sampling)
    }
    for (index, prompt) in prompts.enumerated() { for token in prompt { samplers[index].accept(token) } }

    let start = skein_clock_nanoseconds()
    var step = Batch(capacity: prompts.reduce(0) { $0 + $1.count })
    for (sequence, prompt) in prompts.enumerated() {
      for (position, token) in prompt.enumerated() {
        step.append(token, position: position, sequence: sequence, wantsLogits: position == prompt.count - 1)
      }
    }
    report.readTokenCount = step.count
    guard try executor.execute(step, logits: rows, isCancelled: isCancelled) else { return nil }
    report.prefillSeconds = seconds(since: start)

    let firstToken = skein_clock_nanoseconds()
    var writing = Array(prompts.indices)
    while true {
      if isCancelled() { return nil }
      step.removeAll()
      var going: [Int] = []
      for (row, text) in writing.enumerated() {
        let logits = UnsafeMutableBufferPointer(rebasing: rows[row * vocabulary..<(row + 1) * vocabulary])
        let token = try samplers[text].sample(logits)
        if ends.contains(token) { continue }
        samplers[text].accept(token)
        report.tokens[text].append(token)
        let position = prompts[text].count + report.tokens[text].count - 1
        if report.tokens[text].count == options.maximumTokenCount { continue }
        if position == executor.plan.limits.contextTokens { continue }
        step.append(token, position: position, sequence: text, wantsLogits: true)
        going.append(text)
      }
      writing = going
      if writing.isEmpty { break }
      try executor.execute(step, logits: rows)
      report.decodedTokenCount += step.count
    }
    report.decodeSeconds = seconds(since: firstToken)
    return report
  }

  private func check(batch prompts: [[Int32]]) throws {
    let most = executor.plan.limits.sequenceCount
    guard (1...most).contains(prompts.count) else {
      throw SkeinError(
        .invalidInput,
        "\(prompts.count) texts at once, but the model was loaded for 1 to \(most); load it with a sequenceCount of"
          + " as many")
    }
    for (index, prompt) in prompts.enumerated() where prompt.isEmpty {
      throw SkeinError(.invalidInput, "the prompt of text \(index) has no tokens")
    }
  }

  private func forgetAll() {
    for sequence in 0..<executor.plan.limits.sequenceCount { executor.truncate(sequence: sequence, to: 0) }
  }
}
