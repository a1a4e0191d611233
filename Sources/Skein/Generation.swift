import SkeinText
import Synchronization

/// How text is generated.
public struct GenerationOptions: Hashable, Sendable {
  /// The most tokens to write.
  public var maximumTokenCount = 256
  /// How each token is chosen.
  public var sampling = SamplingOptions()
  /// Goes on where the model says that it is done; for measuring speed.
  public var ignoresEndOfGeneration = false

  /// The defaults.
  public init() {}
}

/// What a generation did.
public struct GenerationReport: Hashable, Sendable {
  /// Why generation ended.
  public enum Stop: Hashable, Sendable {
    /// The most tokens asked for were written.
    case length
    /// The model wrote this token, which ends its text.
    case endOfGeneration(Int32)
    /// The sequence fills the context.
    case contextFull
    /// The caller asked to stop.
    case cancelled
  }

  /// Tokens in the prompt.
  public var promptTokenCount: Int
  /// Tokens of the prompt that the cache already held.
  public var reusedTokenCount = 0
  /// Tokens written.
  public var tokens: [Int32] = []
  /// Tokens computed after the prompt. The first token written comes from the prompt's own pass.
  public var decodedTokenCount = 0
  /// Why it ended.
  public var stop = Stop.length
  /// Seconds to read the prompt.
  public var prefillSeconds = 0.0
  /// Seconds to write, from the prompt's end.
  public var decodeSeconds = 0.0

  /// Tokens of the prompt that were computed.
  public var readTokenCount: Int { promptTokenCount - reusedTokenCount }

  /// Tokens of the prompt read a second.
  public var prefillTokensPerSecond: Double {
    Double(readTokenCount) / max(prefillSeconds, 1e-9)
  }

  /// Tokens computed after the prompt a second; 0 where there were none.
  public var decodeTokensPerSecond: Double {
    decodedTokenCount > 0 ? Double(decodedTokenCount) / max(decodeSeconds, 1e-9) : 0
  }
}

/// Text as it is written: an asynchronous sequence of pieces. Each may be a word, a part of one, or less.
///
/// Ending the iteration, or cancelling its task, stops the generation.
public struct Generation: AsyncSequence, Sendable {
  /// A piece of text.
  public typealias Element = String
  private let stream: AsyncThrowingStream<String, any Error>
  private let state: State

  fileprivate final class State: Sendable {
    let isCancelled = Atomic<Bool>(false)
    let report = Mutex<GenerationReport?>(nil)
  }

  /// What was done, once the sequence has ended; nil before.
  public var report: GenerationReport? { state.report.withLock { $0 } }

  /// Stops after the token that is being computed.
  public func cancel() { state.isCancelled.store(true, ordering: .relaxed) }

  /// Iterates over the pieces. Letting go of the iterator stops the generation.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(pieces: stream.makeAsyncIterator(), stopper: Stopper(state))
  }

  /// The pieces in order.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var pieces: AsyncThrowingStream<String, any Error>.Iterator
    fileprivate let stopper: Stopper

    /// The next piece; nil after the last.
    public mutating func next() async throws -> String? { try await pieces.next() }
  }

  fileprivate final class Stopper: Sendable {
    private let state: State
    init(_ state: State) { self.state = state }
    deinit { state.isCancelled.store(true, ordering: .relaxed) }
  }

  init(_ model: Model, prompt: @escaping @Sendable () throws -> [Int32], options: GenerationOptions) {
    let state = State()
    self.state = state
    stream = AsyncThrowingStream { continuation in
      continuation.onTermination = { _ in state.isCancelled.store(true, ordering: .relaxed) }
      model.thread.submit { [engine = model.engine] in
        do {
          try options.sampling.validate()
          let report = try engine.generate(
            prompt(), options, isCancelled: { state.isCancelled.load(ordering: .relaxed) },
            emit: { continuation.yield($0) })
          state.report.withLock { $0 = report }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
    }
  }
}

extension Model {
  /// Continues a text.
  public func generate(_ prompt: String, options: GenerationOptions = GenerationOptions()) -> Generation {
    Generation(self, prompt: { try self.tokenizer.encode(prompt) }, options: options)
  }

  /// Continues tokens. What the cache still holds of them is not computed again, so a conversation costs
  /// only what is new in each turn.
  public func generate(tokens: [Int32], options: GenerationOptions = GenerationOptions()) -> Generation {
    Generation(self, prompt: { tokens }, options: options)
  }

  /// Forgets all tokens, so that the next prompt is computed whole.
  public func reset() async throws {
    try await truncate(to: 0)
  }

  /// Forgets all tokens but the first `length`, so that of the next prompt at least what follows them is computed.
  public func truncate(to length: Int) async throws {
    precondition(length >= 0, "a length is 0 or more")
    try await thread.run { [engine] in engine.truncate(to: length) }
  }
}
