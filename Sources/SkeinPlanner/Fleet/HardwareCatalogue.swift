/// Hardware that fleet files may name. Figures are the makers' peaks, without sparsity; matrix figures are for
/// 16-bit values with sums in FP32.
public enum HardwareCatalogue {
  /// All of it: GPUs, then processors.
  public static let all = graphics + processors

  /// The hardware called `id`, or nil.
  public static func hardware(_ id: String) -> HardwareSpecification? { all.first { $0.id == id } }

  private static let graphics: [HardwareSpecification] = [
    HardwareSpecification(
      id: "tesla-p40", name: "Tesla P40", kind: .gpu, memoryBytes: 24_000_000_000,
      memoryBytesPerSecond: 346e9, vectorOperationsPerSecond: 12e12, integerOperationsPerSecond: 47e12,
      source: "NVIDIA Tesla P40 datasheet"),
    HardwareSpecification(
      id: "rtx-3090", name: "GeForce RTX 3090", kind: .gpu, memoryBytes: 24_000_000_000,
      memoryBytesPerSecond: 936e9, vectorOperationsPerSecond: 35.6e12, matrixOperationsPerSecond: 71e12,
      integerOperationsPerSecond: 284e12, source: "NVIDIA Ampere GA102 GPU Architecture, version 2.0"),
    HardwareSpecification(
      id: "rtx-4090", name: "GeForce RTX 4090", kind: .gpu, memoryBytes: 24_000_000_000,
      memoryBytesPerSecond: 1008e9, vectorOperationsPerSecond: 82.6e12, matrixOperationsPerSecond: 165.2e12,
      integerOperationsPerSecond: 660.6e12, source: "NVIDIA Ada GPU Architecture, version 2.01"),
    HardwareSpecification(
      id: "rtx-5090", name: "GeForce RTX 5090", kind: .gpu, memoryBytes: 32_000_000_000,
      memoryBytesPerSecond: 1792e9, vectorOperationsPerSecond: 104.8e12, matrixOperationsPerSecond: 209.5e12,
      integerOperationsPerSecond: 838e12, source: "NVIDIA RTX Blackwell GPU Architecture"),
    HardwareSpecification(
      id: "l40", name: "L40", kind: .gpu, memoryBytes: 48_000_000_000, memoryBytesPerSecond: 864e9,
      vectorOperationsPerSecond: 90.5e12, matrixOperationsPerSecond: 181.05e12,
      integerOperationsPerSecond: 362e12, source: "NVIDIA L40 datasheet"),
    HardwareSpecification(
      id: "a100-40gb", name: "A100 SXM 40 GB", kind: .gpu, memoryBytes: 40_000_000_000,
      memoryBytesPerSecond: 1555e9, vectorOperationsPerSecond: 19.5e12, matrixOperationsPerSecond: 312e12,
      integerOperationsPerSecond: 624e12, source: "NVIDIA A100 Tensor Core GPU datasheet"),
    HardwareSpecification(
      id: "a100-80gb", name: "A100 SXM 80 GB", kind: .gpu, memoryBytes: 80_000_000_000,
      memoryBytesPerSecond: 2039e9, vectorOperationsPerSecond: 19.5e12, matrixOperationsPerSecond: 312e12,
      integerOperationsPerSecond: 624e12, source: "NVIDIA A100 Tensor Core GPU datasheet"),
    HardwareSpecification(
      id: "h100", name: "H100 SXM", kind: .gpu, memoryBytes: 80_000_000_000, memoryBytesPerSecond: 3350e9,
      vectorOperationsPerSecond: 67e12, matrixOperationsPerSecond: 989.5e12,
      integerOperationsPerSecond: 1979e12, source: "NVIDIA H100 Tensor Core GPU datasheet"),
    HardwareSpecification(
      id: "h200", name: "H200 SXM", kind: .gpu, memoryBytes: 141_000_000_000, memoryBytesPerSecond: 4800e9,
      vectorOperationsPerSecond: 67e12, matrixOperationsPerSecond: 989.5e12,
      integerOperationsPerSecond: 1979e12, source: "NVIDIA H200 Tensor Core GPU datasheet"),
    HardwareSpecification(
      id: "mi300x", name: "Instinct MI300X", kind: .gpu, memoryBytes: 192_000_000_000,
      memoryBytesPerSecond: 5300e9, vectorOperationsPerSecond: 163.4e12, matrixOperationsPerSecond: 1307.4e12,
      integerOperationsPerSecond: 2614.9e12, source: "AMD Instinct MI300X Accelerator data sheet"),
  ]

  /// What the vector units of a core do in a cycle.
  private struct CoreWidth {
    /// FP32 operations.
    var float: Double
    /// 8-bit integer operations by dot products (VNNI); nil for none.
    var integer: Double?

    /// Two multiply-adds of 256 bits.
    static let avx2 = CoreWidth(float: 32, integer: nil)
    /// Two multiply-adds of 512 bits, and dot products as wide.
    static let avx512 = CoreWidth(float: 64, integer: 256)
    /// Instructions of 512 bits on units of 256 (Zen 4).
    static let halfAVX512 = CoreWidth(float: 32, integer: 128)
  }

  /// One socket with memory on all its channels, eight bytes wide each, and peaks at its base clock.
  private static func socket(
    _ id: String, _ name: String, cores: Int, clock: Double, _ width: CoreWidth, channels: Int,
    transfersPerSecond: Double, source: String
  ) -> HardwareSpecification {
    let cycles = Double(cores) * clock
    return HardwareSpecification(
      id: id, name: name, kind: .cpu, memoryBytes: nil,
      memoryBytesPerSecond: Double(channels) * transfersPerSecond * 8,
      vectorOperationsPerSecond: cycles * width.float,
      integerOperationsPerSecond: width.integer.map { cycles * $0 }, source: source)
  }

  private static let processors: [HardwareSpecification] = [
    socket(
      "xeon-e5-2690v4-ddr4-4ch", "Xeon E5-2690 v4", cores: 14, clock: 2.6e9, .avx2, channels: 4,
      transfersPerSecond: 2400e6, source: "Intel ARK, Xeon Processor E5-2690 v4"),
    socket(
      "xeon-gold-6248-ddr4-6ch", "Xeon Gold 6248", cores: 20, clock: 2.5e9, .avx512, channels: 6,
      transfersPerSecond: 2933e6, source: "Intel ARK, Xeon Gold 6248 Processor"),
    socket(
      "xeon-platinum-8380-ddr4-8ch", "Xeon Platinum 8380", cores: 40, clock: 2.3e9, .avx512, channels: 8,
      transfersPerSecond: 3200e6, source: "Intel ARK, Xeon Platinum 8380 Processor"),
    socket(
      "xeon-gold-6454s-ddr5-8ch", "Xeon Gold 6454S", cores: 32, clock: 2.2e9, .avx512, channels: 8,
      transfersPerSecond: 4800e6, source: "Intel ARK, Xeon Gold 6454S Processor"),
    socket(
      "xeon-platinum-8592-ddr5-8ch", "Xeon Platinum 8592+", cores: 64, clock: 1.9e9, .avx512, channels: 8,
      transfersPerSecond: 5600e6, source: "Intel ARK, Xeon Platinum 8592+ Processor"),
    socket(
      "epyc-7742-ddr4-8ch", "EPYC 7742", cores: 64, clock: 2.25e9, .avx2, channels: 8,
      transfersPerSecond: 3200e6, source: "AMD EPYC 7742 product specifications"),
    socket(
      "epyc-7763-ddr4-8ch", "EPYC 7763", cores: 64, clock: 2.45e9, .avx2, channels: 8,
      transfersPerSecond: 3200e6, source: "AMD EPYC 7763 product specifications"),
    socket(
      "epyc-9654-ddr5-12ch", "EPYC 9654", cores: 96, clock: 2.4e9, .halfAVX512, channels: 12,
      transfersPerSecond: 4800e6, source: "AMD EPYC 9654 product specifications"),
    socket(
      "epyc-9755-ddr5-12ch", "EPYC 9755", cores: 128, clock: 2.7e9, .avx512, channels: 12,
      transfersPerSecond: 6000e6, source: "AMD EPYC 9755 product specifications"),
  ]
}
