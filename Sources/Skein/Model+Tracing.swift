import SkeinExecutor
import SkeinGraph
import SkeinPlanner

extension Model {
  /// What each device did when, step by step, as Chrome's tracing and Perfetto read it; nil where the model was
  /// loaded without tracing (`LoadOptions.executor`). Waits for what is running.
  public func trace(title: String) async throws -> String? {
    try await thread.run { [engine, plan] in
      let trace = engine.executor.trace
      if trace.isEmpty { return nil }
      let events = trace.enumerated().flatMap { device, records in
        records.map {
          RecordedTrace.Event(
            device: device, step: $0.step, pass: $0.pass, tokens: $0.tokenCount, start: $0.start, end: $0.end)
        }
      }
      return RecordedTrace(plan, events: events, title: title).json
    }
  }

  /// Steps that the trace has lost to later ones, on all devices. Waits for what is running.
  public func lostTraceSteps() async throws -> Int {
    try await thread.run { [engine] in engine.executor.lostStepCounts.reduce(0, +) }
  }

  /// How often each expert was chosen since the model was loaded; nil where that is not counted
  /// (`LoadOptions.executor`). Waits for what is running.
  public func expertUsage() async throws -> ExpertUsage? {
    try await thread.run { [engine] in engine.executor.expertUsage }
  }
}
