#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A file that is written under another name, in the same folder, and renamed when it is complete.
final class TemporaryFile {
  /// As the caller named it, for errors.
  private let path: String
  /// Where it goes: `path`, or what a symbolic link of that name leads to.
  private let target: String
  private let temporary: String
  private var descriptor: Int32
  /// Bytes written.
  private(set) var byteCount = 0

  /// Makes an empty file beside `path`.
  init(beside path: String, existing: GGUFWriter.ExistingFile) throws(CheckpointError) {
    self.path = path
    guard !path.utf8.contains(0), !path.isEmpty else {
      throw CheckpointError(.unwritable, "This is no name of a file.", path: path)
    }
    target = Self.resolved(path)
    try Self.check(target, path: path, existing: existing)
    // Another program may have the first name; not all of them.
    var generator = SystemRandomNumberGenerator()
    var name = ""
    descriptor = -1
    for _ in 0..<16 where descriptor < 0 {
      name = target + ".partial-" + String(generator.next() as UInt64, radix: 36)
      descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor < 0, errno != EEXIST { break }
    }
    temporary = name
    guard descriptor >= 0 else { throw Self.failure("open", errno, path: path) }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// Asks for the space of `byteCount` bytes, where the file system can be asked.
  func reserve(byteCount: Int) throws(CheckpointError) {
    #if !canImport(Darwin)
      guard byteCount > 0 else { return }
      let number = posix_fallocate(descriptor, 0, off_t(byteCount))
      guard number == ENOSPC || number == EFBIG || number == EDQUOT else { return }
      throw Self.failure("fallocate", number, path: path, wantedBytes: byteCount)
    #endif
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    var rest = bytes
    while !rest.isEmpty {
      // Systems limit one call to 2 GB.
      let count = write(descriptor, rest.baseAddress!, min(rest.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure("write", errno, path: path)
      }
      byteCount += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  func append(_ bytes: [UInt8]) throws(CheckpointError) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try append(bytes) }
    }
    try result.get()
  }

  /// Brings the bytes to the disk and gives the file its name.
  func finish(existing: GGUFWriter.ExistingFile) throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Self.failure("fsync", errno, path: path) }
    try Self.check(target, path: path, existing: existing)
    guard rename(temporary, target) == 0 else { throw Self.failure("rename", errno, path: path) }
    close(descriptor)
    descriptor = -1
  }

  /// Where a symbolic link leads, so that the link stays and what it names is replaced.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// That nothing is lost: a file only where it may be replaced, and never a folder or a device.
  private static func check(
    _ target: String, path: String, existing: GGUFWriter.ExistingFile
  ) throws(CheckpointError) {
    var status = stat()
    guard stat(target, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.notAFile, "This is a folder or a device; name a file.", path: path)
    }
    guard existing == .replace else {
      throw CheckpointError(
        .alreadyExists,
        "There is a file of this name; name another one, or say that it may be replaced (--force).",
        path: path)
    }
  }

  private static func failure(
    _ call: String, _ number: Int32, path: String, wantedBytes: Int? = nil
  ) -> CheckpointError {
    let message =
      switch number {
      case ENOENT, ENOTDIR: "The folder does not exist; make it, or name another one."
      case EACCES, EPERM, EROFS: "This user may not write here; name another folder."
      case ENOSPC, EDQUOT, EFBIG:
        "There is not enough space" + (wantedBytes.map { " for \($0) bytes" } ?? "")
          + "; free some, or name a file on another disk."
      default: "The file could not be written."
      }
    return CheckpointError(.unwritable, message, path: path, cause: SystemError(call: call, number: number))
  }
}
