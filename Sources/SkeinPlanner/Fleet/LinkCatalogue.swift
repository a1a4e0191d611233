/// A kind of link, as its standard says.
public struct LinkSpecification: Hashable, Sendable {
  /// The name in fleet files: `pcie3-x16`.
  public var id: String
  /// Peak bytes a second in one direction, line coding taken off.
  public var bytesPerSecond: Double
  /// Seconds for a copy of no bytes, synchronization of the two devices included. An estimate: standards do not say.
  public var latencySeconds: Double
  /// The publication that the bandwidth is from.
  public var source: String

  /// The speed that copies reach.
  public var rate: Fleet.LinkRate {
    Fleet.LinkRate(
      bytesPerSecond: bytesPerSecond * HardwareEfficiency.link, latencySeconds: latencySeconds)
  }
}

/// Links that fleet files may name.
public enum LinkCatalogue {
  /// All of them.
  public static let all = pciExpress + nvLink + ethernet

  /// The link called `id`, or nil.
  public static func link(_ id: String) -> LinkSpecification? { all.first { $0.id == id } }

  private static let pciExpress = generation(3, 8e9) + generation(4, 16e9) + generation(5, 32e9)

  /// One to sixteen lanes, coded 128b/130b.
  private static func generation(_ number: Int, _ transfersPerSecond: Double) -> [LinkSpecification] {
    [1, 4, 8, 16].map { (lanes: Int) -> LinkSpecification in
      let bytesPerSecond = transfersPerSecond * 128 / 130 / 8
      return LinkSpecification(
        id: "pcie\(number)-x\(lanes)", bytesPerSecond: bytesPerSecond * Double(lanes), latencySeconds: 10e-6,
        source: "PCI Express Base Specification, revision \(number).0")
    }
  }

  /// All links of a GPU together, half of the sum of both directions that is advertised.
  private static let nvLink = [
    LinkSpecification(
      id: "nvlink1", bytesPerSecond: 80e9, latencySeconds: 5e-6, source: "NVIDIA Tesla P100 whitepaper"),
    LinkSpecification(
      id: "nvlink2", bytesPerSecond: 150e9, latencySeconds: 5e-6,
      source: "NVIDIA Tesla V100 GPU Architecture whitepaper"),
    LinkSpecification(
      id: "nvlink3", bytesPerSecond: 300e9, latencySeconds: 5e-6,
      source: "NVIDIA A100 Tensor Core GPU datasheet"),
    LinkSpecification(
      id: "nvlink3-bridge", bytesPerSecond: 56.25e9, latencySeconds: 5e-6,
      source: "NVIDIA Ampere GA102 GPU Architecture, version 2.0"),
    LinkSpecification(
      id: "nvlink4", bytesPerSecond: 450e9, latencySeconds: 5e-6,
      source: "NVIDIA H100 Tensor Core GPU datasheet"),
    LinkSpecification(
      id: "nvlink5", bytesPerSecond: 900e9, latencySeconds: 5e-6,
      source: "NVIDIA DGX B200 datasheet"),
  ]

  private static let ethernet = [
    LinkSpecification(
      id: "ethernet-10g", bytesPerSecond: 1.25e9, latencySeconds: 50e-6, source: "IEEE 802.3ae"),
    LinkSpecification(
      id: "ethernet-100g", bytesPerSecond: 12.5e9, latencySeconds: 20e-6, source: "IEEE 802.3ba"),
  ]
}
