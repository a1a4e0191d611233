import SkeinGraph
import SkeinTensor

/// How fast a device is: what the price of a plan is made from. Measured on a device that is here, or derived
/// from the specification of one that is not.
public struct DeviceProfile: Hashable, Sendable {
  /// The device's name: `cuda:0`.
  public var id: DeviceID
  /// `cpu` or `gpu`. Experts are offloaded to devices of kind `cpu`.
  public var kind: Kind
  /// The maker's name for it: `Tesla P40`.
  public var hardware: String
  /// Bytes of memory that plans may take.
  public var memoryBytes: Int
  /// The memory that the bytes come from: devices that name the same pool share `memoryBytes`.
  public var memoryPool: String
  /// Bytes that the driver or the process takes before the first plan (a CUDA context, for example).
  public var runtimeBytes: Int
  /// How long steps take.
  public var rates: DeviceRates

  /// The kind of device.
  public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    case cpu, gpu
  }

  /// A profile.
  public init(
    id: DeviceID, kind: Kind, hardware: String, memoryBytes: Int, memoryPool: String? = nil,
    runtimeBytes: Int = 0, rates: DeviceRates
  ) {
    self.id = id
    self.kind = kind
    self.hardware = hardware
    self.memoryBytes = memoryBytes
    self.memoryPool = memoryPool ?? id.name
    self.runtimeBytes = runtimeBytes
    self.rates = rates
  }
}

/// How long a device takes for each kind of step.
public struct DeviceRates: Hashable, Sendable, Codable {
  /// For each weight format by its name (`Q8_0`), how long a linear layer takes.
  public var linear: [String: LinearRate]
  /// Multiplications and additions a second in attention.
  public var attentionOperationsPerSecond: Double
  /// Bytes of key-value cache read a second in attention. Its time is that of the operations plus that of the
  /// bytes.
  public var attentionBytesPerSecond: Double
  /// Whether every query head reads the keys and values anew, instead of once for all heads that share them.
  public var readsCachePerQueryHead: Bool
  /// Bytes of activations read and written a second by all other steps.
  public var activationBytesPerSecond: Double
  /// Seconds added to every step.
  public var stepSeconds: Double
  /// Seconds added for every value of the result of a matrix product with more than a few tokens, whatever the
  /// length of its sum: what makes short rows dearer.
  public var outputSeconds: Double

  /// Rates of a device.
  public init(
    linear: [String: LinearRate], attentionOperationsPerSecond: Double, attentionBytesPerSecond: Double,
    readsCachePerQueryHead: Bool = false, activationBytesPerSecond: Double, stepSeconds: Double,
    outputSeconds: Double = 0
  ) {
    self.linear = linear
    self.attentionOperationsPerSecond = attentionOperationsPerSecond
    self.attentionBytesPerSecond = attentionBytesPerSecond
    self.readsCachePerQueryHead = readsCachePerQueryHead
    self.activationBytesPerSecond = activationBytesPerSecond
    self.stepSeconds = stepSeconds
    self.outputSeconds = outputSeconds
  }
}

/// How long a linear layer takes with weights of one format: a line through measured points, since the time is
/// bound by reading weights for few tokens and by arithmetic for many.
public struct LinearRate: Hashable, Sendable, Codable {
  /// A measured point.
  public struct Sample: Hashable, Sendable, Codable {
    /// Tokens in the pass.
    public var tokens: Double
    /// Seconds for each element of the weight matrix.
    public var secondsPerElement: Double

    /// A measured point.
    public init(tokens: Double, secondsPerElement: Double) {
      self.tokens = tokens
      self.secondsPerElement = secondsPerElement
    }
  }

  /// In rising order of tokens; at least one.
  public var samples: [Sample]

  /// A line through these points.
  public init(_ samples: [Sample]) {
    precondition(!samples.isEmpty, "a rate needs a sample")
    self.samples = samples.sorted { $0.tokens < $1.tokens }
  }

  /// A rate from a specification: the longer of reading the weights and of the arithmetic.
  ///
  /// - Parameters:
  ///   - bytesPerSecond: bandwidth of the memory that weights rest in.
  ///   - bytesPerElement: bytes of one element of the format.
  ///   - operationsPerSecond: multiplications and additions a second.
  public init(bytesPerSecond: Double, bytesPerElement: Double, operationsPerSecond: Double) {
    let reading = bytesPerElement / bytesPerSecond
    let perToken = 2 / operationsPerSecond
    let knee = max(reading / perToken, 1)
    self.init([
      Sample(tokens: 1, secondsPerElement: max(reading, perToken)),
      Sample(tokens: knee, secondsPerElement: knee * perToken),
      Sample(tokens: 2 * knee, secondsPerElement: 2 * knee * perToken),
    ])
  }

  /// Seconds for each element of the matrix with so many tokens; beyond the last sample the line goes on.
  public func secondsPerElement(tokens: Double) -> Double {
    guard let first = samples.first, tokens > first.tokens, samples.count > 1 else {
      return samples[0].secondsPerElement
    }
    let above = samples.firstIndex { $0.tokens >= tokens } ?? samples.count - 1
    let (a, b) = (samples[above - 1], samples[above])
    guard b.tokens > a.tokens else { return b.secondsPerElement }
    let slope = (b.secondsPerElement - a.secondsPerElement) / (b.tokens - a.tokens)
    return max(a.secondsPerElement + slope * (tokens - a.tokens), 0)
  }
}
