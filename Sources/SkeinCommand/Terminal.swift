import FoundationEssentials
import Skein
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writing to the two standard streams.
enum Terminal {
  /// Whether someone watches standard error.
  static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }
  /// Whether someone types.
  static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// Writes to standard output at once.
  static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Writes a line to standard error.
  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Prints a value as JSON.
  static func print(json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }

  static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        #if canImport(Glibc)
          let count = Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        #elseif canImport(Musl)
          let count = Musl.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        #else
          let count = Darwin.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        #endif
        if count < 0 && errno == EINTR { continue }
        // A closed pipe: whoever read has enough.
        if count <= 0 { return }
        written += count
      }
    }
  }
}

/// All of standard input.
func readStandardInput() -> Data {
  var data = Data()
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { return data }
    data.append(contentsOf: buffer[..<count])
  }
}

/// A progress bar on standard error, where someone watches.
final class ProgressBar: Sendable {
  private let title: String
  private let isShown: Bool
  private let shownPercent = Mutex(-1)

  init(_ title: String) {
    self.title = title
    isShown = Terminal.isErrorTerminal
  }

  /// Shows that `done` of `all` is done; calls may come from any thread.
  func update(_ done: Int, _ all: Int) {
    guard isShown, all > 0 else { return }
    let percent = min(done * 100 / all, 100)
    shownPercent.withLock { shown in
      guard percent > shown else { return }
      shown = percent
      let filled =
        String(repeating: "#", count: percent / 4) + String(repeating: ".", count: 25 - percent / 4)
      Terminal.write("\r\(title) [\(filled)] \(percent)%", to: STDERR_FILENO)
    }
  }

  /// Removes the bar.
  func end() {
    if isShown { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}

/// Ctrl-C while something runs that can be stopped.
///
/// A signal handler may only set a flag, and so there is one for the process; a task looks at it.
enum Interrupt {
  private static let wasPressed = Atomic<Bool>(false)

  /// Runs `body`; at Ctrl-C calls `stop`, once. A second Ctrl-C ends the process.
  static func stopping(_ stop: @escaping @Sendable () -> Void, _ body: () async throws -> Void) async rethrows
  {
    wasPressed.store(false, ordering: .relaxed)
    signal(SIGINT) { _ in
      if Interrupt.wasPressed.exchange(true, ordering: .relaxed) { _exit(130) }
    }
    defer { signal(SIGINT, SIG_DFL) }
    let watch = Task {
      while !Task.isCancelled {
        if wasPressed.load(ordering: .relaxed) { return stop() }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    defer { watch.cancel() }
    try await body()
  }
}

/// Numbers for people.
enum Format {
  /// `12.3`
  static func number(_ value: Double, decimals: Int = 1) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled)
    let unit = Int(scale)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard decimals > 0 else { return sign + "\(whole)" }
    let fraction = String(whole % unit)
    return sign + "\(whole / unit)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// `1.3 GB`
  static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return "\(number(value, decimals: unit == 0 ? 0 : 1)) \(units[unit])"
  }

  /// `1.2 s`, `3.4 ms`, `5.6 us`
  static func seconds(_ value: Double) -> String {
    if value >= 1 { return "\(number(value, decimals: 2)) s" }
    return value >= 1e-3 ? "\(number(value * 1e3, decimals: 2)) ms" : "\(number(value * 1e6)) us"
  }

  /// Columns of equal width, the first left and the others right.
  static func table(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
