import SkeinJSON

/// One `.safetensors` file, mapped, with every offset of its header checked.
///
/// Eight bytes with the length of the header, little-endian; the header, a JSON object that gives every tensor's
/// element type, shape and place; then the bytes of the tensors, one after the other without gaps.
struct SafetensorsFile {
  let file: MappedFile
  let tensors: [SafetensorsTensor]

  /// Bounds far beyond any model's header.
  private static let limits = JSONValue.Limits(bytes: 100 << 20, values: 1 << 23, depth: 8)

  /// Maps the file at `path` and reads its header.
  ///
  /// - Parameter partIndex: what the file's tensors say of where they are.
  init(path: String, partIndex: Int) throws(CheckpointError) {
    file = try MappedFile(path: path)
    guard file.byteCount >= 8 else {
      throw CheckpointError(
        .truncated, "It has \(file.byteCount) bytes, a header takes more. Download it again.", path: path)
    }
    let stated = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
    guard stated <= UInt64(Self.limits.bytes) else {
      throw CheckpointError(
        .malformed, "Its header would have \(stated) bytes: this is not a safetensors file.", path: path)
    }
    let start = 8 + Int(stated)
    guard start <= file.byteCount else {
      throw CheckpointError(
        .truncated, "Its header has \(stated) bytes, the file \(file.byteCount). Download it again.",
        path: path
      )
    }
    let header = UnsafeRawBufferPointer(rebasing: file.bytes[8..<start])
    tensors = try Self.tensors(header, start: start, file: file, partIndex: partIndex)
  }

  private static func tensors(
    _ header: UnsafeRawBufferPointer, start: Int, file: MappedFile, partIndex: Int
  ) throws(CheckpointError) -> [SafetensorsTensor] {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(parsing: header, path: file.path, limits: limits)
    } catch {
      throw CheckpointError(error)
    }
    guard case .object(let members) = value else {
      throw CheckpointError(
        .malformed, "Its header is \(value.kind), must be an object. Download it again.", path: file.path)
    }
    var tensors: [SafetensorsTensor] = []
    tensors.reserveCapacity(members.count)
    for (name, member) in members where name != "__metadata__" {
      let entry = Entry(name: name, path: file.path)
      tensors.append(try entry.tensor(member, start: start, fileBytes: file.byteCount, partIndex: partIndex))
    }
    tensors.sort {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    try requireNoGaps(tensors, start: start, file: file)
    return tensors
  }

  /// Tensors that overlap, or bytes that are none's, mean that the header is not this file's.
  private static func requireNoGaps(
    _ tensors: [SafetensorsTensor], start: Int, file: MappedFile
  ) throws(CheckpointError) {
    var end = start
    for tensor in tensors {
      guard tensor.byteRange.lowerBound == end else {
        throw CheckpointError(
          .malformed,
          "It begins at byte \(tensor.byteRange.lowerBound), where the tensor before ends at \(end). Download the"
            + " file again.", path: file.path, place: .tensor(tensor.name))
      }
      end = tensor.byteRange.upperBound
    }
    guard end == file.byteCount else {
      throw CheckpointError(
        end > file.byteCount ? .truncated : .malformed,
        "Its tensors end at byte \(end), the file has \(file.byteCount). Download it again.", path: file.path)
    }
  }
}

/// Reads one tensor's entry of a header.
private struct Entry {
  let name: String
  let path: String

  func fault(_ message: String, _ code: CheckpointError.Code = .malformed) -> CheckpointError {
    CheckpointError(code, message + ". Download the file again.", path: path, place: .tensor(name))
  }

  func tensor(
    _ value: JSONValue, start: Int, fileBytes: Int, partIndex: Int
  ) throws(CheckpointError) -> SafetensorsTensor {
    guard case .object(let members) = value else { throw fault("Its entry is \(value.kind), not an object") }
    guard case .string(let typeName)? = members["dtype"] else { throw fault("Its entry has no dtype") }
    guard let type = SafetensorsType(rawValue: typeName) else {
      let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        .unsupportedElementType, "Its dtype \(quoted(typeName)) is not supported; \(known) are.", path: path,
        place: .tensor(name))
    }
    let extents = try sizes(members["shape"], "shape", most: 8)
    let offsets = try sizes(members["data_offsets"], "data_offsets", most: 2)
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw fault("Its data_offsets are not a beginning and an end")
    }
    guard offsets[1] <= fileBytes - start else {
      throw fault(
        "It would end \(offsets[1]) bytes into the data, of which there are \(fileBytes - start)", .truncated)
    }
    var byteCount = type.byteCount
    for extent in extents {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw fault("Its shape \(extents) is beyond any memory") }
      byteCount = product
    }
    guard byteCount == offsets[1] - offsets[0] else {
      throw fault(
        "Its shape \(extents) takes \(byteCount) bytes, its data_offsets span \(offsets[1] - offsets[0])")
    }
    return SafetensorsTensor(
      name: name, type: type, extents: extents, partIndex: partIndex,
      byteRange: start + offsets[0]..<start + offsets[1])
  }

  private func sizes(_ value: JSONValue?, _ key: String, most: Int) throws(CheckpointError) -> [Int] {
    guard case .array(let elements)? = value else { throw fault("Its entry has no array \(key)") }
    guard elements.count <= most else { throw fault("Its \(key) has \(elements.count) numbers") }
    var sizes: [Int] = []
    for element in elements {
      guard case .integer(let size) = element, size >= 0 else {
        throw fault("Its \(key) holds \(element.kind), must hold whole numbers from 0")
      }
      sizes.append(size)
    }
    return sizes
  }
}
