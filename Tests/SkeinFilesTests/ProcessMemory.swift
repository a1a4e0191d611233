#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The memory that this process has and has had, as Linux counts it; zeros elsewhere.
///
/// The virtual peak sees an allocation that was never touched, which the resident one does not.
struct ProcessMemory {
  /// The most that was in memory at once since the last reset.
  var peakResidentBytes = 0
  /// The most addresses that were in use at once since the process started.
  var peakVirtualBytes = 0
  /// Pages of mapped files that are in memory now.
  var fileBytesNow = 0
  /// Addresses in use now.
  var virtualBytesNow = 0

  /// The numbers now.
  static func read() -> ProcessMemory {
    var memory = ProcessMemory()
    guard let file = fopen("/proc/self/status", "r") else { return memory }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      let words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }
      guard words.count == 3, let kibibytes = Int(words[1]) else { continue }
      if words[0] == "VmHWM:" { memory.peakResidentBytes = kibibytes << 10 }
      if words[0] == "VmPeak:" { memory.peakVirtualBytes = kibibytes << 10 }
      if words[0] == "RssFile:" { memory.fileBytesNow = kibibytes << 10 }
      if words[0] == "VmSize:" { memory.virtualBytesNow = kibibytes << 10 }
    }
    return memory
  }

  /// Sets the resident peak back to what is in use now (the virtual one cannot be), and reads both.
  static func resetAndRead() -> ProcessMemory {
    if let file = fopen("/proc/self/clear_refs", "w") {
      fputs("5", file)
      fclose(file)
    }
    return read()
  }
}
