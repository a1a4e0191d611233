import Benchmark
import CKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Work that is measured: what it is at least, and how it is done once.
struct Case {
  /// Multiplications and additions.
  var operations: Double
  /// Bytes that come from memory; 0 where all lies in caches.
  var bytes: Double
  /// The limit that its operations are held against.
  var peak: KeyPath<Limits, Double> & Sendable
  /// Does it; told how often it was done before.
  var run: (Int) -> Void
}

enum Metric {
  static let operations = BenchmarkMetric.custom("MOP/s", polarity: .prefersLarger, useScalingFactor: false)
  static let peak = BenchmarkMetric.custom(
    "1/1000 of peak", polarity: .prefersLarger, useScalingFactor: false)
  static let bytes = BenchmarkMetric.custom("MB/s", polarity: .prefersLarger, useScalingFactor: false)
  static let bandwidth = BenchmarkMetric.custom(
    "1/1000 of bandwidth", polarity: .prefersLarger, useScalingFactor: false)
}

/// Registers a benchmark. `make` is called in the process that runs it.
func measure(_ name: String, readsMemory: Bool, _ make: @escaping @Sendable () -> Case) {
  var configuration = Benchmark.Configuration()
  configuration.metrics =
    [.wallClock, Metric.operations, Metric.peak] + (readsMemory ? [Metric.bytes, Metric.bandwidth] : [])
  configuration.timeUnits = .microseconds
  configuration.warmupIterations = 3
  configuration.maxDuration = .milliseconds(700)
  configuration.maxIterations = 2_000
  Benchmark(name, configuration: configuration) { benchmark, state in
    let (work, limits) = state
    let seconds = secondsOf { work.run(benchmark.currentIteration) }
    let operations = work.operations / seconds
    benchmark.measurement(Metric.operations, Int(operations / 1e6))
    benchmark.measurement(Metric.peak, Int(operations / limits[keyPath: work.peak] * 1000))
    if readsMemory {
      benchmark.measurement(Metric.bytes, Int(work.bytes / seconds / 1e6))
      benchmark.measurement(Metric.bandwidth, Int(work.bytes / seconds / limits.read * 1000))
    }
  } setup: {
    (make(), Limits())
  }
}

/// The kernels that are measured: the fastest that the processor runs, or those that SKEIN_ISA names.
// A constant table, which nothing changes.
nonisolated(unsafe) let kernels: skein_kernels = {
  let name = ProcessInfo.processInfo.environment["SKEIN_ISA"]
  guard let table = skein_kernels_named(name) else {
    fatalError("this processor has no kernels named \"\(name ?? "")\"; leave SKEIN_ISA out")
  }
  return table.pointee
}()
