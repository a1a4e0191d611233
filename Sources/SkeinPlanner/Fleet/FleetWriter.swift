extension Fleet {
  /// The fleet as a file that reads back as the same fleet: all rates written out, none by the catalogue's names.
  public var yaml: String {
    var lines = ["devices:"]
    for device in devices { lines += FleetWriter.lines(device) }
    lines.append("default_link: " + FleetWriter.text(defaultLink))
    if !links.isEmpty { lines.append("links:") }
    for link in links {
      lines.append("  - from: \(link.source)")
      lines.append("    to: \(link.destination)")
      lines.append("    bandwidth: " + Quantity.bytesPerSecond.text(link.rate.bytesPerSecond))
      lines.append("    latency: " + Quantity.seconds.text(link.rate.latencySeconds))
    }
    if !sharedSpeed.isEmpty { lines.append("shared_speed:") }
    for (pool, speed) in sharedSpeed.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(FleetWriter.quoted(pool)): \(speed)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Parts of a fleet as YAML.
private enum FleetWriter {
  static func lines(_ device: DeviceProfile) -> [String] {
    let rates = device.rates
    var lines = [
      "  - name: \(device.id.name)",
      "    description: \(quoted(device.hardware))",
      "    kind: \(device.kind.rawValue)",
      "    memory: " + Quantity.bytes.text(Double(device.memoryBytes)),
      "    runtime_memory: " + Quantity.bytes.text(Double(device.runtimeBytes)),
    ]
    if device.memoryPool != device.id.name { lines.append("    pool: \(quoted(device.memoryPool))") }
    lines += [
      "    rates:",
      "      attention: " + Quantity.operationsPerSecond.text(rates.attentionOperationsPerSecond),
      "      cache_bandwidth: " + Quantity.bytesPerSecond.text(rates.attentionBytesPerSecond),
      "      cache_per_query_head: \(rates.readsCachePerQueryHead)",
      "      activation_bandwidth: " + Quantity.bytesPerSecond.text(rates.activationBytesPerSecond),
      "      step: " + Quantity.seconds.text(rates.stepSeconds),
    ]
    if rates.outputSeconds > 0 {
      lines.append("      output: " + Quantity.seconds.text(rates.outputSeconds))
    }
    lines.append("      linear:")
    for (type, rate) in rates.linear.sorted(by: { $0.key < $1.key }) {
      let samples = rate.samples.map { "\($0.tokens): \($0.secondsPerElement)" }
      lines.append("        \(type): {\(samples.joined(separator: ", "))}")
    }
    return lines
  }

  static func text(_ link: Fleet.LinkRate) -> String {
    "{bandwidth: \(Quantity.bytesPerSecond.text(link.bytesPerSecond)),"
      + " latency: \(Quantity.seconds.text(link.latencySeconds))}"
  }

  /// Free text in quotes, in which YAML reads two escapes.
  static func quoted(_ text: String) -> String {
    let escaped = text.flatMap { character -> String in
      switch character {
      case "\\", "\"": "\\\(character)"
      case _ where character.unicodeScalars.contains { $0.value < 0x20 }: " "
      default: "\(character)"
      }
    }
    return "\"" + escaped + "\""
  }
}
