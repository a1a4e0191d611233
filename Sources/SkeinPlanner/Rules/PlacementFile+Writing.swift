import SkeinGraph
import SkeinModels

extension PlacementFile {
  /// The file's text: reading it gives the same rules.
  public var text: String {
    var lines = header.map { $0.isEmpty ? "#" : "# " + $0 }
    if let devices {
      lines.append("devices: [" + devices.map { Self.word($0.name) }.joined(separator: ", ") + "]")
    }
    if let strategy { lines.append("strategy: " + Self.word(strategy)) }
    if let passesInFlight { lines.append("passes_in_flight: \(passesInFlight)") }
    if let tokensPerPass { lines.append("tokens_per_pass: \(tokensPerPass)") }
    if let cacheType { lines.append("cache_type: " + Self.word(cacheType)) }
    lines.append(rules.isEmpty ? "rules: []" : "rules:")
    for rule in rules {
      lines.append("  - \(rule.subject.rawValue): " + Self.quoted(rule.pattern))
      lines.append("    device: " + Self.shares(rule.shares))
      if rule.weights == .streamed { lines.append("    weights: streamed") }
      if rule.cut == .experts { lines.append("    cut: experts") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func shares(_ shares: [DeviceShare]) -> String {
    if shares.count == 1, shares[0].fraction == 1 { return word(shares[0].device.name) }
    let parts = shares.map { share in
      let part =
        share.experts.map { $0.count == 0 ? "rest" : "[\($0)]" } ?? "\(share.fraction)"
      return "\(quoted(share.device.name)): \(part)"
    }
    return "{" + parts.joined(separator: ", ") + "}"
  }

  /// A word as it is, or in quotes where YAML would read it otherwise.
  private static func word(_ text: String) -> String {
    let isPlain =
      text.first.map { $0.isASCII && $0.isLetter } ?? false
      && text.utf8.allSatisfy {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0
          || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || ":/_-.".utf8.contains($0)
      } && !text.hasSuffix(":")
    return isPlain ? text : quoted(text)
  }

  /// In single quotes, where backslashes need no care; in double quotes where there are control characters.
  private static func quoted(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control || !$0.isASCII })
    else {
      return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      default:
        if scalar.isASCII, scalar.properties.generalCategory != .control {
          result.unicodeScalars.append(scalar)
        } else {
          let digits = String(scalar.value, radix: 16)
          result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
      }
    }
    return result + "\""
  }
}
