#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A file mapped into memory, read-only, for as long as the object lives.
///
/// Pages are read when they are first touched and are the system's to drop, so mapping costs address
/// space and nothing else. The file must not change while it is mapped: rewritten bytes show through
/// after they were checked, and touching a page beyond the end of a file that was cut short in the
/// meantime ends the process (SIGBUS); no portable check can prevent that. To replace a model that
/// may be in use, write a new file and rename it over the old one: the mapping keeps the old bytes.
public final class MappedFile: @unchecked Sendable {
  // Unchecked: the only stored pointer leads to memory that nobody writes, and it stays valid until deinit.

  /// The path it was opened with.
  public let path: String
  /// All bytes of the file; valid while this object lives. Never empty.
  public let bytes: UnsafeRawBufferPointer

  /// Bytes in the file when it was opened.
  public var byteCount: Int { bytes.count }

  /// Maps the file at `path`.
  ///
  /// Throws `notFound`, `unreadable`, `notAFile` (a folder, a pipe) or `empty`.
  public init(path: String) throws(CheckpointError) {
    guard !path.utf8.contains(0) else {
      throw CheckpointError(.notFound, "A path cannot hold a zero byte.", path: path)
    }
    // Non-blocking, or opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.openError(errno, path: path) }
    // The mapping outlives the descriptor, so a checkpoint of many parts holds no descriptors.
    defer { close(descriptor) }
    let size = try Self.regularFileSize(descriptor, path: path)
    guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw CheckpointError(
        .unreadable,
        "Could not map its \(size) bytes into memory: the limit on address space may be too low.",
        path: path, cause: SystemError(call: "mmap", number: errno))
    }
    self.path = path
    self.bytes = UnsafeRawBufferPointer(start: base, count: size)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
  }

  /// Tells the system that the bytes in `range` are no longer needed, so that their pages leave this
  /// process. Only pages that lie wholly in `range` are dropped. Reading them again is allowed, and slow.
  public func release(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside the file")
    let page = Self.pageBytes
    let first = (range.lowerBound + page - 1) / page * page
    // The last page of a file is whole where the file ends in it.
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    if first < end { advise(first..<end, MADV_DONTNEED) }
  }

  /// Tells the system that the bytes in `range` are about to be read, so that it can start reading ahead.
  public func willNeed(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside the file")
    let first = range.lowerBound / Self.pageBytes * Self.pageBytes
    if first < range.upperBound { advise(first..<range.upperBound, MADV_WILLNEED) }
  }

  /// Whether `path` leads to a folder.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The result is not looked at: advice that the system does not take changes nothing but speed.
  private func advise(_ range: Range<Int>, _ advice: some BinaryInteger) {
    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + range.lowerBound)
    _ = madvise(start, range.count, Int32(advice))
  }

  /// Bytes of a memory page.
  static var pageBytes: Int { Int(sysconf(Int32(_SC_PAGESIZE))) }

  private static func regularFileSize(_ descriptor: Int32, path: String) throws(CheckpointError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError(
        .unreadable, "Could not read its size.", path: path,
        cause: SystemError(call: "fstat", number: errno))
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw CheckpointError(.notAFile, "This is a folder; name a file in it.", path: path)
    default:
      throw CheckpointError(
        .notAFile, "This is a pipe, socket or device, which cannot be mapped; copy it to a file.", path: path)
    }
    guard let size = Int(exactly: status.st_size) else {
      throw CheckpointError(.tooLarge, "The file is larger than the address space.", path: path)
    }
    guard size > 0 else {
      throw CheckpointError(.empty, "The file is empty; download or convert it again.", path: path)
    }
    return size
  }

  private static func openError(_ number: Int32, path: String) -> CheckpointError {
    let cause = SystemError(call: "open", number: number)
    return switch number {
    case ENOENT, ENOTDIR:
      CheckpointError(.notFound, "There is no such file; check the path.", path: path, cause: cause)
    case EACCES, EPERM:
      CheckpointError(
        .unreadable, "This user may not read the file; change its permissions.", path: path, cause: cause)
    default: CheckpointError(.unreadable, "The file could not be opened.", path: path, cause: cause)
    }
  }
}

/// The system's words for an error number.
func systemMessage(_ number: Int32) -> String {
  guard let text = strerror(number) else { return "error \(number)" }
  return String(cString: text)
}

/// Whether something exists at `path`.
func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
