import CKernels

extension Case {
  /// A linear layer: with few tokens its weights come from memory, with many they lie in caches if they fit.
  static func linear(_ format: Format, rows: Int, columns: Int, tokens: Int) -> Case {
    let count = tokens > 8 ? 1 : Matrices.countBeyondCaches(format, rows: rows, columns: columns)
    let matrices = Matrices(format, rows: rows, columns: columns, count: count)
    let input = Inputs(
      .random(count: tokens * columns), rows: tokens, columns: columns,
      form: format.inputForm(tokens: tokens))
    let output = Memory(Float.self, count: tokens * rows)
    let workspace = Memory(
      byteCount: skein_linear_workspace_bytes(format.type, Int32(columns), Int32(tokens)))
    var arguments = skein_linear_args()
    arguments.row_bytes = Int64(format.rowBytes(columns))
    arguments.type = format.type
    arguments.layout = format.layout
    arguments.rows = Int32(rows)
    arguments.columns = Int32(columns)
    arguments.tokens = Int32(tokens)
    arguments.x = input.address
    arguments.y = output.floats
    arguments.y_stride = Int64(rows)
    return Case(
      operations: 2 * Double(rows * columns * tokens), bytes: Double(matrices.byteCountEach),
      peak: format.peak
    ) { [arguments] turn in
      var arguments = arguments
      arguments.weights = matrices[turn]
      kernels.linear(&arguments, 0, Int32(rows), workspace.address)
      withExtendedLifetime((input, output)) {}
    }
  }
}

extension Format {
  /// The limit of products with it: of F16 it is that of float32, to which it is widened.
  var peak: KeyPath<Limits, Double> & Sendable {
    if skein_linear_takes_quantized(type) { return \.int8 }
    return type == Int32(SKEIN_BF16) ? \.bf16 : \.float32
  }
}
