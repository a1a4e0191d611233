import SkeinTensor

extension FleetReader {
  private static let linkKeys = ["link", "bandwidth", "latency"]

  /// A name from the catalogue, or a mapping with `bandwidth` and `latency`.
  func linkRate(_ value: YAMLValue) throws(PlannerError) -> Fleet.LinkRate {
    if value.text != nil { return try catalogueRate(value) }
    return try linkRate(FleetMembers(value, Self.linkKeys, of: "a link", in: self))
  }

  private func catalogueRate(_ value: YAMLValue) throws(PlannerError) -> Fleet.LinkRate {
    let name = try word(value, for: "a link")
    try known(name, in: LinkCatalogue.all.map(\.id), "link", value)
    return LinkCatalogue.link(name)!.rate
  }

  private func linkRate(_ members: FleetMembers) throws(PlannerError) -> Fleet.LinkRate {
    let base = try members["link"].map { value throws(PlannerError) in try catalogueRate(value) }
    guard
      let bytes = try members.quantity("bandwidth", .bytesPerSecond) ?? base?.bytesPerSecond,
      let latency = try members.quantity("latency", .seconds) ?? base?.latencySeconds
    else {
      throw fail("a link needs link (a name from the catalogue), or bandwidth and latency", members.value)
    }
    return Fleet.LinkRate(bytesPerSecond: bytes, latencySeconds: latency)
  }

  func links(_ value: YAMLValue, _ devices: [String]) throws(PlannerError) -> [Fleet.Link] {
    var links: [Fleet.Link] = []
    for item in try list(value, of: "links", most: Self.mostLinks) {
      let members = try FleetMembers(
        item, ["between", "from", "to"] + Self.linkKeys, of: "a link", in: self)
      let rate = try linkRate(members)
      for (source, destination) in try ends(members, devices) {
        guard links.count < Self.mostLinks else { throw fail("more than \(Self.mostLinks) links", item) }
        links.append(Fleet.Link(source: source, destination: destination, rate: rate))
      }
    }
    return links
  }

  /// `between: [a, b, c]` is every pair in both directions, `from: a, to: b` is one direction.
  private func ends(
    _ members: FleetMembers, _ devices: [String]
  ) throws(PlannerError) -> [(String, String)] {
    func device(_ value: YAMLValue) throws(PlannerError) -> String {
      let name = try word(value, for: "a device")
      try known(name, in: devices, "device", value)
      return name
    }
    if let between = members["between"] {
      guard members["from"] == nil, members["to"] == nil else {
        throw fail("a link has either between, or from and to", members.value)
      }
      var names: [String] = []
      for value in try list(between, of: "the devices of between", most: Self.mostDevices) {
        let name = try device(value)
        if names.contains(name) { throw fail("\(name) is there twice", value) }
        names.append(name)
      }
      guard names.count > 1 else { throw fail("between needs two devices or more", between) }
      return names.flatMap { a in names.filter { $0 != a }.map { (a, $0) } }
    }
    let source = try device(try members.required("from"))
    let destination = try device(try members.required("to"))
    guard source != destination else { throw fail("a link from \(source) to itself", members.value) }
    return [(source, destination)]
  }
}
