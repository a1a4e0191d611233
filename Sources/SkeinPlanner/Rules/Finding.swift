import SkeinGraph

/// Something about a placement file that its writer should know.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
  /// How bad it is.
  public enum Severity: String, Hashable, Sendable, Codable {
    /// The placement cannot be used as it is.
    case error
    /// The placement can be used, and may not do what was meant.
    case warning
  }
  /// How bad it is.
  public var severity: Severity
  /// What is wrong, and what to do about it.
  public var message: String
  /// The line in the file that it is about, counted from 1.
  public var line: Int?

  /// A finding.
  public init(_ severity: Severity, _ message: String, line: Int? = nil) {
    self.severity = severity
    self.message = message
    self.line = line
  }

  /// `12: warning: the expression matches nothing...`
  public var description: String { (line.map { "\($0): " } ?? "") + "\(severity.rawValue): \(message)" }
}

extension Finding {
  /// The devices that are asked to hold more than they can.
  ///
  /// - Parameters:
  ///   - bytes: what each device has to hold, as a plan says.
  ///   - limits: what it can hold; a device that is not listed has no limit.
  public static func overfullDevices(bytes: [DeviceID: Int], limits: [DeviceID: Int]) -> [Finding] {
    bytes.sorted { $0.key < $1.key }.compactMap { device, needed in
      guard let limit = limits[device], needed > limit else { return nil }
      return Finding(
        .error,
        "\(device) has to hold \(gigabytes(needed)) and has room for \(gigabytes(limit)): move "
          + "\(gigabytes(needed - limit)) to other devices, or stream weights")
    }
  }

  private static func gigabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000_000) / 100_000_000
    return tenths == 0 ? "\(bytes) bytes" : "\(tenths / 10).\(tenths % 10) GB"
  }
}
