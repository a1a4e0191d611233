import SkeinGraph
import SkeinTensor

extension FleetReader {
  private static let deviceKeys = [
    "name", "count", "hardware", "description", "kind", "memory", "runtime_memory", "pool",
    "memory_bandwidth", "vector", "matrix", "integer", "rates",
  ]

  func devices(_ value: YAMLValue) throws(PlannerError) -> [DeviceProfile] {
    var devices: [DeviceProfile] = []
    for item in try list(value, of: "devices", most: Self.mostDevices) {
      let members = try FleetMembers(item, Self.deviceKeys, of: "a device", in: self)
      let profile = try device(members)
      for name in try names(members) {
        if devices.contains(where: { $0.id.name == name }) { throw fail("\(name) is there twice", item) }
        guard devices.count < Self.mostDevices else {
          throw fail("more than \(Self.mostDevices) devices", item)
        }
        var device = profile
        device.id = DeviceID(name)
        device.memoryPool = try members.word("pool") ?? name
        devices.append(device)
      }
    }
    return devices
  }

  /// `cuda:1` with a count of 3 is `cuda:1`, `cuda:2` and `cuda:3`.
  private func names(_ members: FleetMembers) throws(PlannerError) -> [String] {
    let nameValue = try members.required("name")
    let name = try word(nameValue, for: "name")
    guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ":-_.".contains($0)) }) else {
      throw fail("\"\(name.prefix(80))\" is not a device's name: letters, digits and : - _ . are", nameValue)
    }
    guard let countValue = members["count"] else { return [name] }
    guard let count = countValue.integer, (1...Self.mostDevices).contains(count) else {
      throw fail("count is \(countValue.kind), must be within 1...\(Self.mostDevices)", countValue)
    }
    let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
    guard let first = Int(digits), first <= 1 << 20 else {
      throw fail("with a count, the name must end with the first one's number, as cuda:0 does", nameValue)
    }
    return (first..<first + count).map { name.dropLast(digits.count) + "\($0)" }
  }

  /// A device but for its name.
  private func device(_ members: FleetMembers) throws(PlannerError) -> DeviceProfile {
    let specification = try self.specification(members)
    var kind = specification?.kind
    if let word = try members.word("kind") {
      let kinds = DeviceProfile.Kind.allCases.map(\.rawValue)
      try known(word, in: kinds, "kind of device", try members.required("kind"))
      kind = DeviceProfile.Kind(rawValue: word)
    }
    guard let kind else {
      throw fail(
        "a device needs hardware (a name from the catalogue), or kind, memory and rates", members.value)
    }
    let memory = try members.quantity("memory", .bytes).map { Int($0) } ?? specification?.memoryBytes
    guard let memory else {
      throw fail("a device needs memory: how much its hardware has is not in the catalogue", members.value)
    }
    var profile = DeviceProfile(
      id: DeviceID(""), kind: kind,
      hardware: try members.word("description") ?? specification?.name ?? kind.rawValue, memoryBytes: memory,
      runtimeBytes: try members.quantity("runtime_memory", .bytes).map { Int($0) }
        ?? (kind == .gpu ? HardwareEfficiency.graphicsRuntimeBytes : 0),
      rates: specification?.rates ?? Self.noRates)
    guard profile.memoryBytes > profile.runtimeBytes else {
      throw fail("memory must be more than runtime_memory, \(profile.runtimeBytes) B", members.value)
    }
    if let value = members["rates"] {
      profile.rates = try rates(value, changing: specification?.rates)
    } else if specification == nil {
      throw fail("a device without hardware needs rates", members.value)
    }
    return profile
  }

  /// The catalogue's specification with the figures that the file changes.
  private func specification(_ members: FleetMembers) throws(PlannerError) -> HardwareSpecification? {
    guard let name = try members.word("hardware") else {
      for key in ["memory_bandwidth", "vector", "matrix", "integer"] {
        if let value = members[key] { throw fail("\(key) changes a figure of hardware; name that", value) }
      }
      return nil
    }
    try known(name, in: HardwareCatalogue.all.map(\.id), "hardware", try members.required("hardware"))
    guard var specification = HardwareCatalogue.hardware(name) else { return nil }
    if let bandwidth = try members.quantity("memory_bandwidth", .bytesPerSecond) {
      specification.memoryBytesPerSecond = bandwidth
    }
    if let vector = try members.quantity("vector", .operationsPerSecond) {
      specification.vectorOperationsPerSecond = vector
    }
    if let matrix = try members.quantity("matrix", .operationsPerSecond) {
      specification.matrixOperationsPerSecond = matrix
    }
    if let integer = try members.quantity("integer", .operationsPerSecond) {
      specification.integerOperationsPerSecond = integer
    }
    return specification
  }

  // MARK: Rates

  static let rateKeys = [
    "attention", "cache_bandwidth", "cache_per_query_head", "activation_bandwidth", "step", "linear",
    "output",
  ]
  /// Those that need not be given.
  private static let optionalRateKeys: Set<String> = ["cache_per_query_head", "output"]

  /// Stands where a file must give all rates.
  private static let noRates = DeviceRates(
    linear: [:], attentionOperationsPerSecond: 1, attentionBytesPerSecond: 1, activationBytesPerSecond: 1,
    stepSeconds: 0)

  private func rates(_ value: YAMLValue, changing derived: DeviceRates?) throws(PlannerError) -> DeviceRates {
    let members = try FleetMembers(value, Self.rateKeys, of: "rates", in: self)
    if derived == nil {
      for key in Self.rateKeys where !Self.optionalRateKeys.contains(key) { _ = try members.required(key) }
    }
    var rates = derived ?? Self.noRates
    if let operations = try members.quantity("attention", .operationsPerSecond) {
      rates.attentionOperationsPerSecond = operations
    }
    if let bytes = try members.quantity("cache_bandwidth", .bytesPerSecond) {
      rates.attentionBytesPerSecond = bytes
    }
    if let value = members["cache_per_query_head"] {
      rates.readsCachePerQueryHead = try flag(value, for: "cache_per_query_head")
    }
    if let bytes = try members.quantity("activation_bandwidth", .bytesPerSecond) {
      rates.activationBytesPerSecond = bytes
    }
    if let seconds = try members.quantity("step", .seconds) { rates.stepSeconds = seconds }
    if let seconds = try members.quantity("output", .seconds) { rates.outputSeconds = seconds }
    if let value = members["linear"] {
      let types = ElementType.allCases.map(\.name)
      for (type, samples) in try FleetMembers(value, types, of: "the formats of weights", in: self).pairs {
        rates.linear[type] = try linearRate(samples, type)
      }
    }
    return rates
  }

  /// `{1: 2.5e-12, 32: 8e-11}`: for so many tokens, seconds for each element of the matrix.
  private func linearRate(_ value: YAMLValue, _ type: String) throws(PlannerError) -> LinearRate {
    guard let mapping = value.mapping, (1...64).contains(mapping.count) else {
      throw fail(
        "linear of \(type) is \(value.kind), must map numbers of tokens to seconds for an element", value)
    }
    var samples: [LinearRate.Sample] = []
    for (key, value) in mapping {
      guard let tokens = key.number, tokens >= 1, tokens <= 1e9 else {
        throw fail("\(key.kind) is no number of tokens, which are within 1...1e9", key)
      }
      guard let seconds = value.number, seconds > 0, seconds <= 1 else {
        throw fail(
          "\(value.kind) is no time for an element in seconds, which is above 0 and at most 1", value)
      }
      if samples.contains(where: { $0.tokens == tokens }) { throw fail("\(tokens) is there twice", key) }
      samples.append(LinearRate.Sample(tokens: tokens, secondsPerElement: seconds))
    }
    return LinearRate(samples)
  }
}
