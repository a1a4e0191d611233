#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A folder for the files of one test, deleted with everything in it when the object goes.
public final class TemporaryFolder: Sendable {
  /// The path of the folder.
  public let path: String

  /// A new, empty folder.
  public init() {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/skein-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("cannot make a folder in \(base)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// Writes a file and returns its path. An existing file is replaced, not overwritten: it may still be
  /// mapped, and ext4 makes a file that was emptied and written again wait for the disk.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = "\(path)/\(name)"
    unlink(file)
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { fatalError("cannot write \(file)") }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        #if canImport(Darwin)
          Darwin.write(descriptor, $0.baseAddress! + written, bytes.count - written)
        #elseif canImport(Musl)
          Musl.write(descriptor, $0.baseAddress! + written, bytes.count - written)
        #else
          Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written)
        #endif
      }
      guard count > 0 else { fatalError("cannot write \(file)") }
      written += count
    }
    return file
  }

  /// Names of the files in it, in no order.
  public var names: [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
