import SkeinGraph
import SkeinTensor

/// How the weights of a model are stored that is planned from its configuration alone.
public enum WeightFormat: Hashable, Sendable, CustomStringConvertible {
  /// Matrices in one format, as quantizers write them; see `type(of:)`.
  case elementType(ElementType)
  /// An average number of bits for every element of a matrix: for formats that Skein cannot compute with, whose
  /// models can be priced all the same. A matrix takes `ceil(elements * bits / 8)` bytes.
  case bitsPerElement(Double)

  /// Reads `q8_0`, `BF16` or `10.6bpw`.
  ///
  /// - Throws: `ModelError` that names the nearest known format.
  public init(_ text: String) throws(ModelError) {
    let name = text.lowercased()
    if let type = ElementType.allCases.first(where: { $0.name.lowercased() == name }) {
      self = .elementType(type)
    } else if name.hasSuffix("bpw"), let bits = Double(name.dropLast(3)) {
      guard bits >= 0.5, bits <= 64 else {
        throw ModelError(
          .unsupported, "\(text.prefix(40)) is not within 0.5bpw...64bpw", path: "--weights")
      }
      self = .bitsPerElement(bits)
    } else {
      let known = ElementType.allCases.map(\.name)
      throw ModelError(
        .unsupported,
        "\"\(text.prefix(40))\" is no format; give one of \(known.joined(separator: ", ")) (the nearest is"
          + " \(nearestWord(to: name, in: known) ?? "")), or bits for an element as in 4.5bpw",
        path: "--weights")
    }
  }

  /// `Q8_0` or `10.6bpw`
  public var description: String {
    switch self {
    case .elementType(let type): type.name
    case .bitsPerElement(let bits): "\(bits)bpw"
    }
  }

  /// Bits of an element of a matrix whose rows are whole blocks.
  public var bitsPerElement: Double {
    switch self {
    case .elementType(let type): type.bitsPerElement
    case .bitsPerElement(let bits): bits
    }
  }

  /// The format that stands for this one where a plan needs one: of those with no more bits, that with the most;
  /// of all, that with the fewest.
  public var nominalType: ElementType {
    switch self {
    case .elementType(let type): return type
    case .bitsPerElement(let bits):
      let rising = ElementType.allCases.sorted { $0.bitsPerElement < $1.bitsPerElement }
      return rising.last { $0.bitsPerElement <= bits } ?? rising[0]
    }
  }

  /// The format of a weight.
  ///
  /// Vectors (norms and biases) stay F32, and so do the small matrices of routers, which choose experts, and tables
  /// of positions. Rows that are not whole blocks fall back as in quantizers: from blocks of 256 to the next finer
  /// format with blocks of 32 (Q2_K, Q3_K and IQ4_XS to IQ4_NL, Q4_K to Q5_0, Q5_K to Q5_1, Q6_K to Q8_0), and where they are not whole
  /// blocks of 32 either, to F16. An average number of bits is for all matrices.
  public func type(of weight: Weight) -> ElementType {
    guard weight.isMatrix else { return .f32 }
    guard case .elementType(let type) = self else { return nominalType }
    let role = weight.name.node.role
    if role == .router || role == .sharedRouter || role == .positionEmbedding { return .f32 }
    let columns = weight.shape.columns
    if columns % type.blockElementCount == 0 { return type }
    return columns % 32 == 0 ? type.ofShortBlocks : .f16
  }

  /// Bytes of a weight; nil where the number is beyond an `Int`.
  public func byteCount(of weight: Weight) -> Int? {
    let shape = weight.shape
    guard let elements = shape.elementCount else { return nil }
    if case .bitsPerElement(let bits) = self, weight.isMatrix {
      return Int(exactly: (Double(elements) * bits / 8).rounded(.up))
    }
    guard let row = type(of: weight).rowBytes(elementCount: shape.columns) else { return nil }
    let (bytes, overflow) = row.multipliedReportingOverflow(by: shape.rows)
    return overflow ? nil : bytes
  }
}

extension Weight {
  /// Whether it is a matrix or a stack of them, and no norm, no bias and no table of biases.
  var isMatrix: Bool { shape.extents.count > 1 && name.part == .weight }
}

extension ElementType {
  /// Bits of an element, scales included.
  public var bitsPerElement: Double { Double(blockBytes * 8) / Double(blockElementCount) }

  /// The format for rows that are whole blocks of 32 but not of 256.
  fileprivate var ofShortBlocks: ElementType {
    switch self {
    case .q2_K, .q3_K, .iq4_XS: .iq4_NL
    case .q4_K: .q5_0
    case .q5_K: .q5_1
    case .q6_K: .q8_0
    default: .f16
    }
  }
}
