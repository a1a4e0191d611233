import SkeinTensor

/// How a safetensors file stores the elements of a tensor. The raw values are the names in its header.
public enum SafetensorsType: String, Hashable, Sendable, CaseIterable {
  case bool = "BOOL"
  case u8 = "U8"
  case i8 = "I8"
  case i16 = "I16"
  case u16 = "U16"
  case i32 = "I32"
  case u32 = "U32"
  case i64 = "I64"
  case u64 = "U64"
  case f8_E5M2 = "F8_E5M2"
  case f8_E4M3 = "F8_E4M3"
  case f8_E8M0 = "F8_E8M0"
  case f16 = "F16"
  case bf16 = "BF16"
  case f32 = "F32"
  case f64 = "F64"

  /// Bytes of an element.
  public var byteCount: Int {
    switch self {
    case .bool, .u8, .i8, .f8_E5M2, .f8_E4M3, .f8_E8M0: 1
    case .i16, .u16, .f16, .bf16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64: 8
    }
  }

  /// The same format as weights that kernels read; nil where they read no such.
  public var elementType: ElementType? {
    switch self {
    case .f16: .f16
    case .bf16: .bf16
    case .f32: .f32
    default: nil
    }
  }
}

/// A tensor in a safetensors file: what it is and where its bytes lie.
public struct SafetensorsTensor: Hashable, Sendable {
  /// The name, unique in the checkpoint.
  public let name: String
  /// How elements are stored.
  public let type: SafetensorsType
  /// Extents, outermost first; empty for a single number.
  public let extents: [Int]
  /// Which of the checkpoint's files holds it, counted from 0.
  public let partIndex: Int
  /// Where its bytes are in that file.
  public let byteRange: Range<Int>

  /// Rows of the last extent.
  public var rowCount: Int { extents.dropLast().reduce(1, *) }
  /// Elements of a row.
  public var columnCount: Int { extents.last ?? 1 }
}
