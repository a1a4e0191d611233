import SkeinTensor

/// A checkpoint in the GGUF format, versions 2 and 3, in one file or several, mapped into memory.
///
/// Opening reads and checks everything but the tensors' numbers: every count, length and offset is
/// compared with the bytes that are there before it is used, so a damaged file gives an error that
/// names the key or tensor, and what a file claims never decides how much memory is taken. The objects
/// that come out can be trusted: every tensor lies in its file, aligned, apart from all others, with a
/// whole number of blocks a row.
///
/// The files must not change while they are open; see `MappedFile`.
public final class GGUFFile: Checkpoint {
  /// The version of the format in the first file: 2 or 3.
  public let version: Int
  /// The keys of the first file; those of further parts only say which part they are.
  public let metadata: Metadata
  /// The file, or all parts in order.
  public let files: [MappedFile]
  /// All tensors, part by part in each file's order.
  public let tensors: [TensorInfo]
  private let indices: [String: Int]

  /// Opens the file at `path`; where that is a part of several (`name-00002-of-00003.gguf`), all parts.
  ///
  /// Throws where a file is missing, unreadable or not valid GGUF, and where it uses something that
  /// Skein does not support: a big-endian file, an element type that is not in `ElementType`.
  public init(path: String) throws(CheckpointError) {
    let parts = try Self.openParts(path)
    version = parts[0].version
    metadata = parts[0].metadata
    files = parts.map(\.file)
    tensors = parts.flatMap(\.tensors)
    var indices: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard let first = indices.updateValue(index, forKey: tensor.name) else { continue }
      let other = files[tensors[first].partIndex].path
      throw CheckpointError(
        .duplicate, "Another tensor has the same name, in \(other). The file is damaged; convert it again.",
        path: files[tensor.partIndex].path, place: .tensor(tensor.name))
    }
    self.indices = indices
  }

  /// The tensor with this name, or nil.
  public func tensor(named name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }
}

extension GGUFFile {
  private static let countKey = "split.count"

  /// The file at `path` alone, or with all the parts that belong to it.
  private static func openParts(_ path: String) throws(CheckpointError) -> [GGUFPart] {
    let name = GGUFPartName(path: path)
    let opened = try GGUFPart(path: path, partIndex: name?.index ?? 0)
    // A count of 0 or 1 is how some programs say that a file is whole.
    let count = max(try opened.metadata.integer(countKey, in: 0...Int(UInt16.max)) ?? 1, 1)
    let namedCount = name?.count ?? 1
    guard count > 1 || namedCount > 1 else { return [opened] }
    guard let name, count == namedCount else {
      throw opened.metadata.error(
        .inconsistentParts,
        "Number of parts by this key: \(count); by the file's name: \(namedCount). Give the file back the name "
          + "it had, like name-00001-of-00003.gguf for the first of three, or one without numbers if it is whole.",
        countKey)
    }
    try checkPresence(of: name)
    var parts: [GGUFPart] = []
    for index in 0..<name.count {
      let part =
        index == name.index ? opened : try GGUFPart(path: name.path(ofPart: index), partIndex: index)
      try check(part, is: index, of: count)
      parts.append(part)
    }
    try checkTensorCount(parts)
    return parts
  }

  /// All missing parts in one error, so that a download is finished in one go.
  private static func checkPresence(of name: GGUFPartName) throws(CheckpointError) {
    let missing = (0..<name.count).map(name.path(ofPart:)).filter { !fileExists($0) }
    guard let first = missing.first else { return }
    let others = missing.count > 1 ? " and \(missing.count - 1) more of the \(name.count) parts are" : " is"
    throw CheckpointError(
      .missingPart, "This part\(others) missing; put all parts into one folder.", path: first)
  }

  /// That a part's keys say what its name says.
  private static func check(
    _ part: GGUFPart, is index: Int, of count: Int
  ) throws(CheckpointError) {
    for (key, expected) in [("split.no", index), (countKey, count)] {
      let value = try part.metadata.requiredInteger(key)
      guard value == expected else {
        throw part.metadata.error(
          .inconsistentParts,
          "The value is \(value), but by the files' names it must be \(expected). The parts are of different "
            + "checkpoints, or files were renamed.", key)
      }
    }
  }

  /// That the parts together hold as many tensors as each of them says.
  private static func checkTensorCount(_ parts: [GGUFPart]) throws(CheckpointError) {
    let key = "split.tensors.count"
    let found = parts.reduce(0) { $0 + $1.tensors.count }
    for part in parts {
      guard let stated = try part.metadata.integer(key), stated != found else { continue }
      throw part.metadata.error(
        .inconsistentParts,
        "The checkpoint should have \(stated) tensors, but its \(parts.count) parts have \(found). The parts are "
          + "of different checkpoints, or one is damaged.", key)
    }
  }
}
