import SkeinGraph

/// Which pages of the key-value cache each sequence has.
///
/// One table serves all layers on all devices: page n of a sequence is the same page everywhere. Pages are
/// taken when positions reach them and given back when a sequence is cut.
struct PageTable {
  /// For each sequence its pages in order; `pagesPerSequence` places a sequence.
  private(set) var pages: [Int32]
  /// Positions that each sequence has.
  private(set) var lengths: [Int]
  private var pageCounts: [Int]
  private var free: [Int32]
  private let limits: PlanLimits

  init(_ limits: PlanLimits) {
    self.limits = limits
    pages = [Int32](repeating: 0, count: limits.pageCount)
    lengths = [Int](repeating: 0, count: limits.sequenceCount)
    pageCounts = [Int](repeating: 0, count: limits.sequenceCount)
    free = (0..<Int32(limits.pageCount)).reversed()
  }

  /// Makes room for `position` of `sequence`, which may be at most the next new one.
  mutating func extend(sequence: Int, to position: Int) throws(ExecutorError) {
    guard lengths.indices.contains(sequence) else {
      throw ExecutorError(.invalidBatch, "sequence \(sequence) is not below \(lengths.count)")
    }
    guard position < limits.contextTokens else {
      throw ExecutorError(
        .contextFull,
        "position \(position) is beyond the context of \(limits.contextTokens); use a longer --context")
    }
    guard position >= 0, position <= lengths[sequence] else {
      throw ExecutorError(
        .invalidBatch, "position \(position) of sequence \(sequence) leaves a gap after \(lengths[sequence])")
    }
    while pageCounts[sequence] * limits.cachePageTokens <= position {
      guard let page = free.popLast() else {
        throw ExecutorError(.contextFull, "the key-value cache has no free page; end a sequence")
      }
      pages[sequence * limits.pagesPerSequence + pageCounts[sequence]] = page
      pageCounts[sequence] += 1
    }
    lengths[sequence] = max(lengths[sequence], position + 1)
  }

  /// Forgets all positions of a sequence from `length` on.
  mutating func truncate(sequence: Int, to length: Int) {
    guard lengths.indices.contains(sequence), length < lengths[sequence], length >= 0 else { return }
    lengths[sequence] = length
    let kept = (length + limits.cachePageTokens - 1) / limits.cachePageTokens
    while pageCounts[sequence] > kept {
      pageCounts[sequence] -= 1
      free.append(pages[sequence * limits.pagesPerSequence + pageCounts[sequence]])
    }
  }
}
