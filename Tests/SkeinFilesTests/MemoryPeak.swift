#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The most memory that this process has had, as Linux counts it; zeros elsewhere.
///
/// The virtual peak sees an allocation that was never touched, which the resident one does not.
struct MemoryPeak {
  /// The most that was in memory at once since the last reset.
  var residentBytes = 0
  /// The most addresses that were in use at once since the process started.
  var virtualBytes = 0
  /// Addresses in use now.
  var virtualBytesNow = 0

  /// The peaks since the last reset.
  static func read() -> MemoryPeak {
    var peak = MemoryPeak()
    guard let file = fopen("/proc/self/status", "r") else { return peak }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      let words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }
      guard words.count == 3, let kibibytes = Int(words[1]) else { continue }
      if words[0] == "VmHWM:" { peak.residentBytes = kibibytes << 10 }
      if words[0] == "VmPeak:" { peak.virtualBytes = kibibytes << 10 }
      if words[0] == "VmSize:" { peak.virtualBytesNow = kibibytes << 10 }
    }
    return peak
  }

  /// Sets the resident peak back to what is in use now (the virtual one cannot be), and reads both.
  static func resetAndRead() -> MemoryPeak {
    if let file = fopen("/proc/self/clear_refs", "w") {
      fputs("5", file)
      fclose(file)
    }
    return read()
  }
}
