import SkeinFiles
import SkeinGraph
import SkeinModels
import SkeinTensor

/// A model in a folder, as Hugging Face tools save it, in the form that GGUF files of its architecture have.
///
/// Tensors have the names and the order of rows that other programs expect: queries and keys of Llama with the two
/// values of a rotated pair next to each other, what is fused in such files in one tensor, experts in stacks, norms
/// of Gemma with their one.
public struct FolderSource: TensorSource {
  /// Hyper-parameters and tokenizer as GGUF says them.
  public let metadata: Metadata
  /// The tensors, in the order of the graph.
  public let tensors: [GGUFTensor]
  /// What the file will not have, or not in the same way, each in a sentence.
  public let warnings: [String]
  /// Bytes of the folder's files of weights.
  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
  private let files: [MappedFile]
  private let contents: [Content]

  /// Where a tensor's numbers come from.
  private enum Content: Sendable {
    case rows(FolderTensor)
    case latentKeys(LatentKeys)
    case numbers([Float])
  }

  /// Finds everything; reads no weights.
  ///
  /// - Parameter folder: with `config.json`, `.safetensors` files and, to be written too, a tokenizer.
  /// - Throws: `ModelError`, `CheckpointError`, `GraphError`, or what a damaged tokenizer's file is refused with.
  public init(folder: String) throws {
    let definition = try ModelDefinition(path: folder)
    let keys = FolderMetadata(definition)
    let vocabulary = try FolderVocabulary(definition)
    var metadata = keys.metadata
    vocabulary.write(to: &metadata)
    self.metadata = metadata
    warnings = keys.warnings + vocabulary.warnings
    files = definition.files
    let all = Self.numbers(keys.vectors) + Self.weights(of: definition)
    tensors = all.map(\.0)
    contents = all.map(\.1)
  }

  private static func numbers(_ vectors: [String: [Float]]) -> [(GGUFTensor, Content)] {
    vectors.sorted { $0.key < $1.key }.map { name, values in
      (GGUFTensor(name: name, shape: Shape([values.count]), type: .f32), .numbers(values))
    }
  }

  private static func weights(of definition: ModelDefinition) -> [(GGUFTensor, Content)] {
    let weights = Array(zip(definition.graph.weights, definition.stored))
    return weights.flatMap { weight, stored -> [(GGUFTensor, Content)] in
      if weight.name.node.role == .keyValueUp { return latent(weight, stored, definition) }
      guard let fused = definition.fused(weight.name) else {
        let tensor = GGUFTensor(name: weight.name.ggufName, shape: weight.shape, type: stored.type)
        return [(tensor, .rows(FolderTensor([stored], order: order(of: weight.name, definition))))]
      }
      // The first part stands for all.
      guard fused.rows.lowerBound == 0 else { return [] }
      let parts = weights.indices.filter {
        let name = weights[$0].0.name
        return name.part == weight.name.part && name.node.layer == weight.name.node.layer
          && definition.fused(name)?.role == fused.role
      }.sorted {
        definition.fused(weights[$0].0.name)!.rows.lowerBound
          < definition.fused(weights[$1].0.name)!.rows.lowerBound
      }
      var shape = weight.shape
      shape.extents[0] = fused.rowCount
      let tensor = GGUFTensor(name: fused.name(for: weight.name).ggufName, shape: shape, type: stored.type)
      return [(tensor, .rows(FolderTensor(parts.map { weights[$0].1 })))]
    }
  }

  private static func order(of name: WeightName, _ definition: ModelDefinition) -> FolderTensor.Order {
    let c = definition.configuration
    guard c.architecture == "llama", name.node.role == .query || name.node.role == .key else { return .same }
    return .pairs(headRows: c.keyWidth, rotated: c.ropeDimensions)
  }

  /// The matrix from compressed rows to keys and values, as the two that newer files have.
  private static func latent(
    _ weight: Weight, _ stored: StoredWeight, _ definition: ModelDefinition
  ) -> [(GGUFTensor, Content)] {
    let c = definition.configuration
    let (heads, rank, plain) = (c.headCount, weight.shape.columns, c.keyWidth - c.ropeDimensions)
    let headRows = plain + c.valueWidth
    func name(_ role: Role) -> String {
      WeightName(NodeName(layer: weight.name.node.layer, role), weight.name.part).ggufName
    }
    let keys = LatentKeys(
      FolderTensor([stored]), headCount: heads, headRows: headRows, width: plain, rank: rank)
    let values = FolderTensor([stored], order: .lastOfHeads(headRows: headRows, count: c.valueWidth))
    return [
      (
        GGUFTensor(name: name(.keyUp), shape: Shape([heads, rank, plain]), type: stored.type),
        .latentKeys(keys)
      ),
      (
        GGUFTensor(name: name(.valueUp), shape: Shape([heads, c.valueWidth, rank]), type: stored.type),
        .rows(values)
      ),
    ]
  }

  /// Reads rows of a tensor.
  public func read(tensor index: Int, rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>) {
    let columns = tensors[index].shape.columns
    precondition(values.count == rows.count * columns, "memory of another size than the rows")
    guard let target = values.baseAddress else { return }
    switch contents[index] {
    case .rows(let tensor):
      // Elements of vectors are stored rows of one.
      let ratio = columns / tensor.columnCount
      tensor.read(rows.lowerBound * ratio..<rows.upperBound * ratio, files, into: target)
    case .latentKeys(let keys): keys.read(rows, files, into: target)
    case .numbers(let numbers):
      for (place, number) in numbers[rows.lowerBound * columns..<rows.upperBound * columns].enumerated() {
        target[place] = number
      }
    }
  }

  /// The bytes in a file, where a tensor is one there.
  public func storedBytes(tensor index: Int) -> UnsafeRawBufferPointer? {
    if case .rows(let tensor) = contents[index] { tensor.storedBytes(files) } else { nil }
  }

  /// Lets the system drop the tensor's pages.
  public func release(tensor index: Int) {
    switch contents[index] {
    case .rows(let tensor): tensor.release(files)
    case .latentKeys(let keys): keys.release()
    case .numbers: break
    }
  }
}
