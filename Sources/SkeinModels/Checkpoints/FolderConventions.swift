import SkeinGraph
import SkeinJSON

/// How checkpoints of a model type differ from what the graph needs, beside their names.
struct FolderConventions: Sendable {
  /// Added to the weights of norms: some models keep them as the difference from one.
  var normAddend: Float = 0
  /// Roles whose matrices are stored the other way round: `[inputs, outputs]`.
  var transposed: Set<Role> = []
  /// Rows of queries, keys and values of one head lie together, head after head; nil where all queries come first,
  /// then all keys, then all values. The rows of one head.
  var interleavedHeadRows: Int?
  /// What one factor of 8-bit numbers multiplies; nil where the configuration does not say.
  var factorBlock: (rows: Int, columns: Int)?

  init(_ translation: ConfigurationTranslation, _ configuration: DecoderConfiguration) throws {
    switch translation.type {
    case .gemma, .gemma2, .gemma3, .gemma3Text: normAddend = 1
    case .gpt2: transposed = [.query, .key, .value, .attentionOutput, .up, .down]
    case .gptNeoX: interleavedHeadRows = configuration.keyWidth
    default: break
    }
    guard let quantization = try translation.source.object("quantization_config") else { return }
    let sizes = try quantization.array("weight_block_size") ?? []
    if sizes.count == 2, case .integer(let rows) = sizes[0], case .integer(let columns) = sizes[1] {
      guard rows > 0, columns > 0, max(rows, columns) <= ConfigurationReader.largestWidth else {
        throw quantization.error(
          .invalidConfiguration, "must be sizes from 1 to \(ConfigurationReader.largestWidth)",
          at: "weight_block_size")
      }
      factorBlock = (rows, columns)
    }
  }
}
