import CSystem
import SkeinGraph
import SkeinTensor

/// What a device really does, measured through the same contract that models run through.
public struct DeviceMeasurement: Hashable, Sendable {
  /// A linear layer with so many tokens.
  public struct LinearSample: Hashable, Sendable {
    /// Tokens in the pass.
    public var tokens: Int
    /// Seconds for each element of the matrix.
    public var secondsPerElement: Double
  }

  /// Linear layers by format, in rising order of tokens.
  public var linear: [ElementType: [LinearSample]] = [:]
  /// Multiplications and additions a second in attention; its time is that of these plus that of the bytes.
  public var attentionOperationsPerSecond = 0.0
  /// Bytes of key-value cache a second in attention.
  public var attentionBytesPerSecond = 0.0
  /// Bytes of activations a second, read and written, in a step that only passes over them.
  public var activationBytesPerSecond = 0.0
  /// Seconds that every step takes.
  public var stepSeconds = 0.0
  /// Seconds for every value of the result of a matrix product with many tokens, beside what its sum takes.
  public var outputSeconds = 0.0

  /// Bytes of weights a second with one token; 0 where the format was not measured.
  public func bytesPerSecond(_ type: ElementType) -> Double {
    linear[type]?.first.map {
      Double(type.blockBytes) / Double(type.blockElementCount) / $0.secondsPerElement
    }
      ?? 0
  }

  /// Multiplications and additions a second with many tokens; 0 where the format was not measured.
  public func operationsPerSecond(_ type: ElementType) -> Double {
    linear[type]?.last.map { 2 * Double($0.tokens) / $0.secondsPerElement } ?? 0
  }

  /// Measures a device, on a thread of its own: a device's queue pins the thread that uses it. A format takes
  /// about a second, and 200 MB of the device's memory for a while.
  ///
  /// - Parameter progress: told how many of all measurements are done.
  public static func measure(
    _ device: any Device, types: [ElementType], progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> DeviceMeasurement {
    try HostThread.run {
      var measurement = DeviceMeasurement()
      try measurement.measureActivations(device)
      try measurement.measureAttention(device)
      for (index, type) in types.enumerated() {
        progress(index + 1, types.count + 1)
        measurement.linear[type] = try linear(device, type)
      }
      try measurement.separateOutputs(device, types)
      progress(types.count + 1, types.count + 1)
      return measurement
    }
  }

  /// Columns of the matrices that are measured.
  private static let columns = 2048

  /// Weights come from memory, so the matrix is larger than most caches; with many tokens, which mostly compute,
  /// as large as the time allows.
  private static func linear(_ device: any Device, _ type: ElementType) throws -> [LinearSample] {
    var samples: [LinearSample] = []
    func measure(rows: Int, tokens: Int, turns: Int) throws {
      let graph = try ProbeGraph.linear(rows: rows, columns: columns)
      let probe = try StepProbe(device, graph, role: .head, type: type, tokens: tokens)
      let seconds = tokens > 4 ? try probe.medianSeconds(turns: turns) : try probe.leastSeconds(turns: turns)
      samples.append(
        LinearSample(tokens: tokens, secondsPerElement: seconds / Double(rows * columns)))
    }
    let large = (160 << 20) / (type.rowBytes(elementCount: columns) ?? columns) / 64 * 64
    try measure(rows: large, tokens: 1, turns: 11)
    try measure(rows: large, tokens: 4, turns: 3)
    for tokens in [5, 32, 256] { try measure(rows: 16_384, tokens: tokens, turns: tokens > 100 ? 3 : 5) }
    return samples
  }

  /// Longer rows have fewer results for the same sums: what those take less is the price of the results. It is
  /// measured with one format, and taken out of the samples of all.
  private mutating func separateOutputs(_ device: any Device, _ types: [ElementType]) throws {
    guard let type = types.first, let many = linear[type]?.last else { return }
    let (columns, rows) = (Self.columns * 4, 4096)
    let graph = try ProbeGraph.linear(rows: rows, columns: columns)
    let probe = try StepProbe(device, graph, role: .head, type: type, tokens: many.tokens)
    let seconds = try probe.medianSeconds(turns: 3) / Double(rows * columns)
    let fewer = 1 / Double(Self.columns) - 1 / Double(columns)
    outputSeconds = max(many.secondsPerElement - seconds, 0) / (Double(many.tokens) * fewer)
    // No more than half of what was measured: noise must not make sums free.
    outputSeconds = min(
      outputSeconds, many.secondsPerElement / 2 / Double(many.tokens) * Double(Self.columns))
    for (type, samples) in linear {
      linear[type] = samples.map { sample in
        guard sample.tokens > 4 else { return sample }
        let outputs = Double(sample.tokens) * outputSeconds / Double(Self.columns)
        return LinearSample(
          tokens: sample.tokens,
          secondsPerElement: max(sample.secondsPerElement - outputs, sample.secondsPerElement / 2))
      }
    }
  }

  private mutating func measureActivations(_ device: any Device) throws {
    let width = 4096
    let tokens = 256
    let graph = try ProbeGraph.attention(headCount: 32, keyValueHeadCount: 8, headWidth: width / 32)
    let few = try StepProbe(device, graph, role: .attentionNorm, type: .f32, tokens: 1)
    let many = try StepProbe(device, graph, role: .attentionNorm, type: .f32, tokens: tokens)
    let (one, all) = (try few.medianSeconds(turns: 101), try many.medianSeconds(turns: 21))
    let bytesPerToken = Double(width * 4 * 2)
    activationBytesPerSecond = Double(tokens - 1) * bytesPerToken / max(all - one, 1e-9)
    stepSeconds = max(one - bytesPerToken / activationBytesPerSecond, 1e-8)
  }

  /// Two times, of one token and of many at the same place in the context, give the two rates.
  private mutating func measureAttention(_ device: any Device) throws {
    let (heads, keyValueHeads, width, position, tokens) = (32, 8, 64, 2048, 128)
    let graph = try ProbeGraph.attention(headCount: heads, keyValueHeadCount: keyValueHeads, headWidth: width)
    func seconds(_ count: Int) throws -> Double {
      let probe = try StepProbe(
        device, graph, role: .attention, type: .f32, tokens: count, position: position - count / 2)
      return try probe.medianSeconds(turns: 9)
    }
    let operations = 2 * Double(position * heads * 2 * width)
    let bytes = Double(position * keyValueHeads * 2 * width * 2)
    let (one, many) = (try seconds(1), try seconds(tokens))
    let perOperation = max(many - one, 1e-9) / (Double(tokens - 1) * operations)
    attentionOperationsPerSecond = 1 / perOperation
    attentionBytesPerSecond = bytes / max(one - operations * perOperation - 2 * stepSeconds, one * 0.05)
  }
}
