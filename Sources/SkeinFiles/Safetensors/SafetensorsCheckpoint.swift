import SkeinJSON

/// The tensors of a folder as Hugging Face tools save it: one `model.safetensors`, or several files with an index.
public final class SafetensorsCheckpoint: Sendable {
  /// The folder.
  public let path: String
  /// The files; `SafetensorsTensor.partIndex` counts in them.
  public let files: [MappedFile]
  /// All tensors, in the order of the files and of their bytes.
  public let tensors: [SafetensorsTensor]
  private let index: [String: Int]

  /// Maps the files of a folder and checks their headers, and that they hold what the index says.
  ///
  /// - Throws: `CheckpointError`.
  public init(folder path: String) throws(CheckpointError) {
    self.path = path
    let weightMap = try Self.weightMap(folder: path)
    let names =
      if let weightMap { Set(weightMap.values).sorted() } else { [try Self.singleFile(folder: path)] }
    guard names.count <= Self.mostFiles else {
      throw CheckpointError(.tooLarge, "Its index names \(names.count) files.", path: path)
    }
    var files: [MappedFile] = []
    var tensors: [SafetensorsTensor] = []
    for (part, name) in names.enumerated() {
      let file = try SafetensorsFile(path: path + "/" + name, partIndex: part)
      files.append(file.file)
      tensors += file.tensors
    }
    var index: [String: Int] = [:]
    index.reserveCapacity(tensors.count)
    for (place, tensor) in tensors.enumerated() {
      if let first = index.updateValue(place, forKey: tensor.name) {
        throw CheckpointError(
          .duplicate,
          "It is also in \(files[tensors[first].partIndex].path). Keep the files of one model only.",
          path: files[tensor.partIndex].path, place: .tensor(tensor.name))
      }
    }
    for (name, file) in weightMap ?? [:] {
      guard let place = index[name], names[tensors[place].partIndex] == file else {
        throw CheckpointError(
          .missingTensor,
          "The index says that it is in \(quoted(file)), and it is not. Download the file again.",
          path: path, place: .tensor(name))
      }
    }
    (self.files, self.tensors, self.index) = (files, tensors, index)
  }

  /// The tensor with this name, or nil.
  public func tensor(named name: String) -> SafetensorsTensor? { index[name].map { tensors[$0] } }

  /// Whether a folder holds safetensors files under the names that they are looked for by.
  public static func isThere(_ folder: String) -> Bool {
    fileExists(folder + "/" + indexName) || fileExists(folder + "/" + fileName)
  }

  private static let mostFiles = 4096
  private static let indexName = "model.safetensors.index.json"
  private static let fileName = "model.safetensors"

  /// Which file holds each tensor; nil where the folder has no index.
  private static func weightMap(folder: String) throws(CheckpointError) -> [String: String]? {
    let path = folder + "/" + indexName
    guard fileExists(path) else { return nil }
    let value = try JSONValue(
      path: path, limits: JSONValue.Limits(bytes: 100 << 20, values: 1 << 22, depth: 8))
    guard case .object(let members) = value, case .object(let map)? = members["weight_map"], !map.isEmpty
    else {
      throw CheckpointError(.malformed, "It has no weight_map. Download it again.", path: path)
    }
    var files: [String: String] = [:]
    for (name, file) in map {
      guard case .string(let file) = file, file.hasSuffix(".safetensors"),
        !file.utf8.contains(UInt8(ascii: "/"))
      else {
        throw CheckpointError(
          .malformed, "Its file is not the name of a .safetensors file in this folder.", path: path,
          place: .tensor(name))
      }
      files[name] = file
    }
    return files
  }

  private static func singleFile(folder: String) throws(CheckpointError) -> String {
    if fileExists(folder + "/" + fileName) { return fileName }
    let isPickled =
      fileExists(folder + "/pytorch_model.bin") || fileExists(folder + "/pytorch_model.bin.index.json")
    throw CheckpointError(
      .notFound,
      isPickled
        ? "The folder has its weights in PyTorch's own format, which may run code when it is read. Save the model"
          + " again as safetensors."
        : "The folder has neither \(fileName) nor \(indexName). Download the model again.", path: folder)
  }
}
