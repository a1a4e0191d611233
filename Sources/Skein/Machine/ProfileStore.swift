import FoundationEssentials
import SkeinPlanner

/// Measured profiles, kept between runs: `profiles.json` in the user's cache folder.
///
/// Devices are known by what they are (maker's name, kernels, cores), not by the name that a list gives them, so
/// a file of another machine is of no harm, and two devices of one kind are measured once.
public struct ProfileStore: Sendable {
  /// Profiles of another version are measured anew: the kernels, or what is measured, have changed.
  public static let version = 2

  /// The file.
  public let path: String

  /// The store in a folder; by default `SKEIN_CACHE`, else `skein` in the user's cache folder.
  public init(folder: String? = nil) {
    path = (folder ?? ProfileStore.defaultFolder) + "/profiles.json"
  }

  private static var defaultFolder: String {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["SKEIN_CACHE"], !folder.isEmpty { return folder }
    if let folder = environment["XDG_CACHE_HOME"], !folder.isEmpty { return folder + "/skein" }
    return (environment["HOME"] ?? ".") + "/.cache/skein"
  }

  /// What the file holds.
  struct Contents: Codable {
    var version = ProfileStore.version
    /// Rates by the device's identity.
    var devices: [String: DeviceRates] = [:]
    /// Links by both identities: `from > to`.
    var links: [String: Fleet.LinkRate] = [:]
    /// The part of its speed that a device keeps beside another, by both identities.
    var shared: [String: Double] = [:]
  }

  /// What was kept; empty where there is nothing that can be used.
  func read() -> Contents {
    guard let data = try? Data(contentsOf: URL(filePath: path)), data.count < 1 << 24,
      let contents = try? JSONDecoder().decode(Contents.self, from: data), contents.version == Self.version,
      contents.isSound
    else { return Contents() }
    return contents
  }

  /// Keeps profiles. A store that cannot be written only costs measuring again.
  func write(_ contents: Contents) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    guard let data = try? encoder.encode(contents) else { return }
    let folder = URL(filePath: path).deletingLastPathComponent()
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try? data.write(to: URL(filePath: path), options: .atomic)
  }
}

extension ProfileStore.Contents {
  /// Whether all rates are such as a device can have: the file may have been edited, or damaged.
  var isSound: Bool {
    func isPositive(_ value: Double) -> Bool { value.isFinite && value > 0 }
    let rates = devices.values.allSatisfy { rates in
      isPositive(rates.attentionBytesPerSecond) && isPositive(rates.attentionOperationsPerSecond)
        && isPositive(rates.activationBytesPerSecond) && rates.stepSeconds.isFinite && rates.stepSeconds >= 0
        && rates.outputSeconds.isFinite && rates.outputSeconds >= 0
        && rates.linear.values.allSatisfy { rate in
          !rate.samples.isEmpty
            && rate.samples.allSatisfy { isPositive($0.tokens) && isPositive($0.secondsPerElement) }
        }
    }
    return rates
      && links.values.allSatisfy {
        isPositive($0.bytesPerSecond) && $0.latencySeconds.isFinite && $0.latencySeconds >= 0
      }
      && shared.values.allSatisfy { isPositive($0) && $0 <= 1 }
  }
}
