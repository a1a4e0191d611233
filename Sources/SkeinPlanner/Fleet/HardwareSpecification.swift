import SkeinGraph
import SkeinTensor

/// What the maker says of a piece of hardware: peak figures, from which rates are derived.
public struct HardwareSpecification: Hashable, Sendable {
  /// The name in fleet files: `tesla-p40`.
  public var id: String
  /// The maker's name: `Tesla P40`.
  public var name: String
  /// `cpu` or `gpu`.
  public var kind: DeviceProfile.Kind
  /// Bytes of memory as the maker counts them, in powers of ten. Nil for processors: how much memory is on their
  /// channels is for a fleet file to say.
  public var memoryBytes: Int?
  /// Peak bytes a second of that memory.
  public var memoryBytesPerSecond: Double
  /// Peak FP32 operations a second of the ordinary vector units; a multiplication and an addition are two.
  public var vectorOperationsPerSecond: Double
  /// Peak operations a second of matrix units with FP16 or BF16 values, FP32 sums and no sparsity; nil where
  /// there are none that FP16 is fast on.
  public var matrixOperationsPerSecond: Double?
  /// Peak 8-bit integer operations a second, by dot product instructions or matrix units, without sparsity; nil
  /// where there are neither.
  public var integerOperationsPerSecond: Double?
  /// The publication that the figures are from.
  public var source: String

  /// A specification.
  public init(
    id: String, name: String, kind: DeviceProfile.Kind, memoryBytes: Int?, memoryBytesPerSecond: Double,
    vectorOperationsPerSecond: Double, matrixOperationsPerSecond: Double? = nil,
    integerOperationsPerSecond: Double? = nil, source: String
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.memoryBytes = memoryBytes
    self.memoryBytesPerSecond = memoryBytesPerSecond
    self.vectorOperationsPerSecond = vectorOperationsPerSecond
    self.matrixOperationsPerSecond = matrixOperationsPerSecond
    self.integerOperationsPerSecond = integerOperationsPerSecond
    self.source = source
  }
}

/// What part of a maker's peak figures programs reach. The same for all hardware of a kind: a figure that was
/// fitted to one device would say nothing of the next. `docs/fleets.md` says where they are from.
public enum HardwareEfficiency {
  /// Part of the memory bandwidth at which weights stream for few tokens.
  public static let weightReading = 0.70
  /// Part of the 8-bit integer peak in products with quantized weights.
  public static let quantizedProducts = 0.40
  /// Part of the floating-point peak in products with float weights, and with quantized ones where there are no
  /// 8-bit dot products.
  public static let floatProducts = 0.45
  /// Part of the FP32 peak in attention without matrix units.
  public static let vectorAttention = 0.30
  /// Part of the matrix units' peak in attention: softmax between the two products keeps them waiting.
  public static let matrixAttention = 0.20
  /// Part of the memory bandwidth at which the key-value cache is read.
  public static let cacheReading = 0.70
  /// Part of the memory bandwidth of all other steps.
  public static let activations = 0.70
  /// Part of a link's peak.
  public static let link = 0.80
  /// Seconds that a GPU adds to each step: starting a kernel.
  public static let graphicsStepSeconds = 5e-6
  /// Seconds that a processor adds to each step: sharing it out over threads.
  public static let processorStepSeconds = 2e-6
  /// Bytes that a GPU's driver takes for the process before the first plan.
  public static let graphicsRuntimeBytes = 400_000_000
}

extension HardwareSpecification {
  /// Seconds for each kind of step, derived from the peak figures; see `HardwareEfficiency`.
  public var rates: DeviceRates {
    let isProcessor = kind == .cpu
    return DeviceRates(
      linear: Dictionary(uniqueKeysWithValues: ElementType.allCases.map { ($0.name, linearRate(of: $0)) }),
      attentionOperationsPerSecond: matrixOperationsPerSecond.map { $0 * HardwareEfficiency.matrixAttention }
        ?? vectorOperationsPerSecond * HardwareEfficiency.vectorAttention,
      attentionBytesPerSecond: memoryBytesPerSecond * HardwareEfficiency.cacheReading,
      // Kernels that read keys once for several heads of queries are written for matrix units, and for processors.
      readsCachePerQueryHead: !isProcessor && matrixOperationsPerSecond == nil,
      activationBytesPerSecond: memoryBytesPerSecond * HardwareEfficiency.activations,
      stepSeconds: isProcessor
        ? HardwareEfficiency.processorStepSeconds : HardwareEfficiency.graphicsStepSeconds)
  }

  /// Operations a second in products with weights of a format.
  func productOperationsPerSecond(_ type: ElementType) -> Double {
    if type.isQuantized, let integer = integerOperationsPerSecond {
      return integer * HardwareEfficiency.quantizedProducts
    }
    // Matrix units would round F32 weights.
    let peak = type == .f32 ? vectorOperationsPerSecond : matrixOperationsPerSecond
    return (peak ?? vectorOperationsPerSecond) * HardwareEfficiency.floatProducts
  }

  private func linearRate(of type: ElementType) -> LinearRate {
    LinearRate(
      bytesPerSecond: memoryBytesPerSecond * HardwareEfficiency.weightReading,
      bytesPerElement: type.bitsPerElement / 8, operationsPerSecond: productOperationsPerSecond(type))
  }

  /// A device of this hardware.
  ///
  /// - Parameter memoryBytes: in place of the maker's figure; needed where there is none.
  public func profile(id: DeviceID, memoryBytes: Int? = nil, memoryPool: String? = nil) -> DeviceProfile {
    guard let memoryBytes = memoryBytes ?? self.memoryBytes else {
      preconditionFailure("how much memory a \(name) has must be given")
    }
    return DeviceProfile(
      id: id, kind: kind, hardware: name, memoryBytes: memoryBytes,
      memoryPool: memoryPool, runtimeBytes: kind == .gpu ? HardwareEfficiency.graphicsRuntimeBytes : 0,
      rates: rates)
  }
}
