import SkeinGraph
import SkeinModels

/// A device map of Hugging Face's accelerate: names of modules with the device of each, as JSON.
///
///     {"model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": "cpu", "": "disk"}
///
/// The longest name that a weight is in decides. A number is a GPU. What is on `disk` runs on the host, with its
/// weights streamed from the file.
public struct DeviceMap: Hashable, Sendable, PlacementSource {
  /// Where a module is.
  public struct Entry: Hashable, Sendable {
    /// The module, or a single weight; empty for the whole model.
    public var name: String
    /// The device; nil for the disk.
    public var device: DeviceID?
    /// The line in the file.
    public var line: Int
  }

  /// The file, for messages.
  public var path: String
  /// The modules, in the order of the file.
  public var entries: [Entry]

  /// Reads a map's text.
  ///
  /// - Throws: `PlannerError` with the line, where the text is not JSON or a value is no device.
  public init(parsing text: String, path: String) throws(PlannerError) {
    guard let root = try YAMLValue.parse(text, path: path) else {
      throw PlannerError(.invalidFile, "holds nothing; a map of modules to devices is needed", path: path)
    }
    try self.init(root, path: path)
  }

  init(_ root: YAMLValue, path: String) throws(PlannerError) {
    self.path = path
    let reader = PlacementReader(path: path)
    // A file may hold the map alone, or as one of its keys.
    let map = root["device_map"] ?? root
    guard let pairs = map.mapping else {
      throw reader.fail(
        "the device map is \(map.kind); what accelerate finds out by itself is not in the file. Save the model's "
          + "hf_device_map", map)
    }
    entries = []
    for (key, value) in pairs {
      guard let name = key.text else { throw reader.fail("\(key.kind) is no name of a module", key) }
      entries.append(Entry(name: name, device: try Self.device(value, reader), line: key.line))
    }
  }

  private static func device(
    _ value: YAMLValue, _ reader: PlacementReader
  ) throws(PlannerError) -> DeviceID? {
    if value.isNull { throw reader.fail("a module has no device; give a number or \"cpu\"", value) }
    let text = try reader.word(value, for: "a device")
    if let number = Int(text) {
      guard number >= 0 else { throw reader.fail("\(number) is no number of a GPU", value) }
      return DeviceID("cuda:\(number)")
    }
    switch text {
    case "disk": return nil
    case "cuda": return DeviceID("cuda:0")
    case "auto", "balanced", "balanced_low_0", "sequential", "meta":
      throw reader.fail("\"\(text)\" is no device; give a number, \"cuda:1\", \"cpu\" or \"disk\"", value)
    default: return DeviceID(text)
    }
  }

  /// What the map makes of a model.
  public func evaluate(_ context: PlacementContext) throws(PlannerError) -> PlacementEvaluation {
    let modules = context.modules
    let graph = modules.graph
    var places: [String: Int] = [:]
    for (index, entry) in entries.enumerated() { places[entry.name] = index }
    var usage = RuleUsage(entries.map { RuleUsage.Rule(name: "\"\($0.name)\"", line: $0.line) })
    var shares = [[DeviceShare]](repeating: [], count: graph.nodes.count)
    var streamed: Set<NodeID> = []
    var findings: [Finding] = []
    var mentions = DeviceMentions()
    for entry in entries { mentions.note(entry.device ?? context.hostDevice, line: entry.line) }
    for node in graph.nodes {
      var counts: [(entry: Int?, count: Int)] = []
      for name in Self.names(of: node, in: modules) {
        let entry = usage.note(matching(name, places))
        if let known = counts.firstIndex(where: { $0.entry == entry }) {
          counts[known].count += 1
        } else {
          counts.append((entry, 1))
        }
      }
      let best = counts.reduce(nil as (entry: Int?, count: Int)?) { best, next in
        best.map { next.count > $0.count ? next : $0 } ?? next
      }
      guard let index = best?.entry else { continue }
      let entry = entries[index]
      shares[node.id.index] = [DeviceShare(entry.device ?? context.hostDevice)]
      if entry.device == nil { streamed.insert(node.id) }
      if Set(counts.compactMap { $0.entry.map { entries[$0].device } }).count > 1 {
        findings.append(
          Finding(
            .warning,
            "the weights of \(modules.module(of: node.id).name) are on several devices; it is one operation here "
              + "and goes to \(entry.device ?? context.hostDevice) as a whole", line: entry.line))
      }
    }
    let unnamed = UnnamedNodes(graph)
    unnamed.place(&shares)
    findings += mentions.findings(known: context.knownDevices)
    lazy var names = KnownNames(modules.modules.lazy.map(\.name))
    // Maps have no bound on their entries but the file's; looking for near names has. Maps that accelerate makes
    // name modules without weights as well, which is no fault.
    var hintsLeft = 100
    let meant = entries.indices.filter { index in
      modules[entries[index].name].map { !$0.weights.isEmpty || !$0.children.isEmpty } ?? true
    }
    findings += usage.findings(of: meant) { index in
      let name = entries[index].name
      if modules[name] != nil { return "there are no weights in it" }
      hintsLeft -= 1
      return hintsLeft >= 0 ? names.hint(name) : "no module has this name"
    }
    findings += unnamed.placeRest(&shares, default: context.defaultDevice, modules: modules)
    unnamed.place(&shares)
    return PlacementEvaluation(
      shares: shares, streamed: streamed, deviceOrder: mentions.order, findings: findings.byLine())
  }

  /// The entries that a weight is in, the longest first.
  private func matching(_ weight: String, _ places: [String: Int]) -> [Int] {
    var result: [Int] = []
    var name = Substring(weight)
    while true {
      if let entry = places[String(name)] { result.append(entry) }
      guard !name.isEmpty else { return result }
      name = name.lastIndex(of: ".").map { name[..<$0] } ?? ""
    }
  }

  /// The names of a node's weights, one for each expert; a tied head has the name of its own.
  private static func names(of node: Node, in modules: ModuleTree) -> [String] {
    let graph = modules.graph
    return node.weights.flatMap { id -> [String] in
      let (name, weight) = (modules.name(of: id), graph[id])
      if node.name.role == .head, weight.name.node.role != .head {
        return [modules.module(of: node.id).name + ".weight"]
      }
      guard let star = name.firstIndex(of: "*") else { return [name] }
      return (0..<(weight.shape.extents.first ?? 0)).map { expert in
        "\(name[..<star])\(expert)\(name[name.index(after: star)...])"
      }
    }
  }
}
