/// One GGUF file, read and checked on its own; a checkpoint is one or more of these.
///
/// The format, all numbers little-endian: the letters GGUF, version (u32), tensor count (u64), key count
/// (u64), then the keys with their values, then the tensors' names, extents, types and offsets, then
/// padding to the alignment, then the tensors' bytes.
struct GGUFPart {
  let file: MappedFile
  /// 2 or 3; they differ only in that version 3 may be big-endian, which this reader refuses.
  let version: Int
  let metadata: Metadata
  let tensors: [TensorInfo]

  /// Maps and checks the file at `path`, part `partIndex` of its checkpoint.
  init(path: String, partIndex: Int) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    var reader = ByteReader(file.bytes, path: path)
    self.file = file
    version = try reader.ggufVersion()
    // Counted in the fewest bytes that a key or a tensor can take: a name of one letter and, for a
    // key, a type and a byte; for a tensor, one extent, a type and an offset.
    let tensorCount = try reader.count("tensor count", minimumBytes: 33, limit: GGUFLimit.tensorCount)
    let keyCount = try reader.count("key count", minimumBytes: 14, limit: GGUFLimit.keyCount)
    metadata = try reader.ggufMetadata(keyCount: keyCount, file: file)
    let entries = try reader.ggufTensorEntries(count: tensorCount)
    let alignment = try metadata.ggufAlignment()
    tensors = try GGUFTensorLayout(
      path: path, partIndex: partIndex, fileBytes: file.byteCount, headerBytes: reader.offset,
      alignment: alignment
    ).place(entries)
  }
}

extension ByteReader {
  /// Checks the letters and the version, and says what the file is where it is something else.
  fileprivate mutating func ggufVersion() throws(CheckpointError) -> Int {
    let magic = Array("GGUF".utf8)
    guard bytes.starts(with: magic) else {
      if bytes.starts(with: magic.reversed()) { throw bigEndian() }
      if remaining < magic.count, magic.starts(with: bytes) {
        throw error(
          .truncated, "The file has only \(remaining) bytes; download or convert it again.")
      }
      throw error(.unknownFormat, "This is not a GGUF file: \(looksLike()).")
    }
    _ = try range("format letters", byteCount: magic.count)
    let version = try number("version", as: UInt32.self)
    switch version {
    case 2, 3: return Int(version)
    case 1:
      throw error(
        .unsupportedVersion,
        "The file has GGUF version 1 of 2023; versions 2 and 3 are read. Convert it again.")
    case _ where (1...3).contains(version.byteSwapped): throw bigEndian()
    default:
      throw error(
        .unsupportedVersion,
        "The file has GGUF version \(version); versions 2 and 3 are read. It is damaged or newer than this reader."
      )
    }
  }

  private func bigEndian() -> CheckpointError {
    error(
      .unsupportedVersion,
      "The file is a big-endian GGUF file; only little-endian ones are read. Convert the model again as "
        + "little-endian.")
  }

  /// The usual mistakes, recognized by their first bytes.
  private func looksLike() -> String {
    func starts(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if starts("version https://git-lfs") {
      return "it is a Git LFS pointer to one; fetch the real file with `git lfs pull`"
    }
    if starts("<") { return "it looks like a web page, probably saved by a download that failed" }
    if starts("PK") { return "it looks like a zip archive, as PyTorch saves its models; convert it to GGUF" }
    if starts("tjgg") || starts("fmgg") || starts("lmgg") {
      return "it is in one of the formats before GGUF; convert the original model again"
    }
    return "it starts with other bytes than GGUF; check that this is the model file"
  }

  fileprivate mutating func ggufMetadata(
    keyCount: Int, file: MappedFile
  ) throws(CheckpointError) -> Metadata {
    var metadata = Metadata(path: path)
    for _ in 0..<keyCount {
      place = nil
      let key = try name("key", limit: GGUFLimit.keyBytes)
      place = .key(key)
      let type = try metadataType("value type")
      try metadata.add(key, try value(of: type, in: file))
    }
    place = nil
    return metadata
  }
}

extension Metadata {
  /// The value of `general.alignment`; 32 where it is not there.
  func ggufAlignment() throws(CheckpointError) -> Int {
    let key = "general.alignment"
    guard let alignment = try integer(key) else { return 32 }
    guard alignment >= 8, alignment.nonzeroBitCount == 1 else {
      throw error(
        .malformed,
        "The alignment is \(alignment); it must be a power of two, at least 8. Convert the file again.",
        key)
    }
    return alignment
  }
}
