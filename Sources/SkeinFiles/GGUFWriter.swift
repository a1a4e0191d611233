/// Writes a GGUF file (version 3), tensor after tensor, without holding more of it than the header.
///
/// The bytes go to a temporary file beside the target, which takes the target's name when all are there: a file of
/// that name is whole, or it is what it was before. Space for all of it is asked for at the start, so a disk that is
/// too small is known before hours of work. The temporary file is removed where the writer goes without `finish`.
///
///     let writer = try GGUFWriter(path: "small.gguf", metadata: metadata, tensors: tensors)
///     for tensor in tensors { try writer.append(bytes(of: tensor)) }   // in pieces of any size
///     try writer.finish()
public final class GGUFWriter {
  /// What to do where there is a file already.
  public enum ExistingFile: Sendable, Hashable {
    /// Throw `alreadyExists`.
    case refuse
    /// Replace it at `finish`. Who has it open or mapped keeps the old bytes.
    case replace
  }

  /// The file, as the caller named it.
  public let path: String
  /// The tensors, in order.
  public let tensors: [GGUFTensor]
  /// Bytes that the whole file will have.
  public var byteCount: Int { header.fileBytes }
  private let header: GGUFHeader
  private let existing: ExistingFile
  private let file: TemporaryFile
  /// The tensor that is being written, and how many of its bytes are.
  private var index = 0
  private var writtenBytes = 0

  /// Checks everything, makes the temporary file and writes the header.
  ///
  /// - Parameters:
  ///   - path: where the file will be.
  ///   - metadata: all keys; `general.alignment` among them decides the alignment, which is 32 else.
  ///   - tensors: all tensors, in the order in which their bytes will come.
  ///   - existing: what to do where `path` exists.
  /// - Throws: `CheckpointError`: a name, shape or key that readers would refuse; `alreadyExists`; `unwritable`, with
  ///   what the system said, also where the disk has too little space.
  public init(
    path: String, metadata: Metadata, tensors: [GGUFTensor], existing: ExistingFile = .refuse
  ) throws(CheckpointError) {
    if let part = GGUFPartName(path: path), part.count > 1 {
      throw CheckpointError(
        .malformed,
        "By this name the file would be one of \(part.count) parts, and no reader would take it for"
          + " whole; give it another name.", path: path)
    }
    header = try GGUFHeader(path: path, metadata: metadata, tensors: tensors)
    self.path = path
    self.tensors = tensors
    self.existing = existing
    file = try TemporaryFile(beside: path, existing: existing)
    try file.reserve(byteCount: header.fileBytes)
    try file.append(header.bytes)
    try pad()
  }

  /// Writes the next bytes of the tensor that is not complete yet, the next tensor's where it is. The bytes must all
  /// be of one tensor.
  ///
  /// - Throws: `malformed` where they are more than the tensor has; `unwritable`. The file cannot be finished then.
  public func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard !bytes.isEmpty else { return }
    guard index < tensors.count else {
      throw CheckpointError(.malformed, "There are \(bytes.count) bytes after the last tensor.", path: path)
    }
    let left = header.ranges[index].count - writtenBytes
    guard bytes.count <= left else {
      let place = CheckpointError.Place.tensor(tensors[index].name)
      throw CheckpointError(
        .malformed, "There are \(bytes.count - left) bytes more than the tensor has.", path: path,
        place: place)
    }
    try file.append(bytes)
    writtenBytes += bytes.count
    if writtenBytes == header.ranges[index].count {
      index += 1
      writtenBytes = 0
      try pad()
    }
  }

  /// Gives the file its name, once all bytes are there and on the disk.
  ///
  /// - Throws: `truncated` where bytes of a tensor are missing; `alreadyExists` where someone else wrote a file of that
  ///   name meanwhile; `unwritable`.
  public func finish() throws(CheckpointError) {
    guard index == tensors.count else {
      let missing = header.ranges[index].count - writtenBytes
      throw CheckpointError(
        .truncated, "\(missing) bytes of the tensor were not written.", path: path,
        place: .tensor(tensors[index].name))
    }
    try file.finish(existing: existing)
  }

  /// Zeros up to where the next tensor, or the end of the file, is.
  private func pad() throws(CheckpointError) {
    let next = index < tensors.count ? header.ranges[index].lowerBound : header.fileBytes
    try file.append([UInt8](repeating: 0, count: next - file.byteCount))
  }
}
