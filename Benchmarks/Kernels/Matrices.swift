import CKernels

/// A format of weights, and how the kernels prefer that a matrix of it lies.
struct Format {
  var name: String
  var type: Int32
  var blockElements: Int
  var blockBytes: Int

  init(_ name: String, _ type: Int, _ blockElements: Int, _ blockBytes: Int) {
    self.name = name
    self.type = Int32(type)
    self.blockElements = blockElements
    self.blockBytes = blockBytes
  }

  /// `SKEIN_LAYOUT_...`
  var layout: Int32 { Int32(kernels.prefers_packed ? SKEIN_LAYOUT_PACKED : SKEIN_LAYOUT_ROWS) }

  /// Bytes of a row as it is in a file.
  func rowBytes(_ columns: Int) -> Int { columns / blockElements * blockBytes }

  /// Bytes of a matrix as the kernels read it.
  func matrixBytes(rows: Int, columns: Int) -> Int {
    if layout == Int32(SKEIN_LAYOUT_ROWS) { return rows * rowBytes(columns) }
    return Int(skein_packed_bytes(type, Int32(rows), Int32(columns)))
  }

  /// The form (`SKEIN_INPUT_...`) in which products with it take the inputs of so many tokens.
  func inputForm(tokens: Int) -> Int32 { kernels.linear_input(type, layout, Int32(tokens)) }

  static let all = [
    Format("Q8_0", SKEIN_Q8_0, 32, 34), Format("Q4_0", SKEIN_Q4_0, 32, 18),
    Format("Q4_K", SKEIN_Q4_K, 256, 144), Format("Q6_K", SKEIN_Q6_K, 256, 210),
    Format("BF16", SKEIN_BF16, 1, 2), Format("F16", SKEIN_F16, 1, 2),
  ]
}

/// Several matrices of one shape, one after the other, the same rows again and again: so many that no cache holds them
/// all, where weights are to come from memory.
final class Matrices {
  let format: Format
  let rows: Int
  let columns: Int
  let count: Int
  let byteCountEach: Int
  private let memory: Memory

  /// - Parameter rows: a multiple of `panelRows`.
  init(_ format: Format, rows: Int, columns: Int, count: Int) {
    precondition(rows % Self.panelRows == 0)
    self.format = format
    self.rows = rows
    self.columns = columns
    self.count = count
    byteCountEach = format.matrixBytes(rows: rows, columns: columns)
    memory = Memory(byteCount: count * byteCountEach)
    Self.writePanel(format, columns: columns, to: memory.address)
    var filled = format.matrixBytes(rows: Self.panelRows, columns: columns)
    while filled < memory.byteCount {
      let part = min(filled, memory.byteCount - filled)
      (memory.address + filled).copyMemory(from: memory.address, byteCount: part)
      filled += part
    }
  }

  /// Rows that lie together where a matrix is packed, and that differ here: quantizing is slow in some formats, and
  /// what rows hold is no matter, but that it is no zeros or infinities.
  private static let panelRows = 16

  private static func writePanel(_ format: Format, columns: Int, to panel: UnsafeMutableRawPointer) {
    let values = Memory.random(count: panelRows * columns)
    let rows = Memory(byteCount: panelRows * format.rowBytes(columns))
    let faults = Memory(UInt8.self, count: panelRows)
    var quantizing = skein_quantize_rows_args()
    quantizing.x = UnsafePointer(values.floats)
    quantizing.type = format.type
    quantizing.columns = Int32(columns)
    quantizing.y = rows.address
    quantizing.row_bytes = Int64(format.rowBytes(columns))
    quantizing.faults = faults.address.assumingMemoryBound(to: UInt8.self)
    skein_quantize_rows(&quantizing, 0, Int32(panelRows), nil)
    if format.layout == Int32(SKEIN_LAYOUT_ROWS) {
      return panel.copyMemory(from: rows.address, byteCount: rows.byteCount)
    }
    var packing = skein_pack_weights_args()
    packing.rows = UnsafeRawPointer(rows.address)
    packing.row_bytes = Int64(format.rowBytes(columns))
    packing.type = format.type
    packing.columns = Int32(columns)
    packing.packed = panel
    kernels.pack_weights(&packing, 0, Int32(panelRows), nil)
  }

  /// A matrix; past the last comes the first.
  subscript(index: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(memory.address + index % count * byteCountEach)
  }

  /// How many matrices of this shape are 200 MB: more than caches hold.
  static func countBeyondCaches(_ format: Format, rows: Int, columns: Int) -> Int {
    (200 << 20) / format.matrixBytes(rows: rows, columns: columns) + 1
  }
}
