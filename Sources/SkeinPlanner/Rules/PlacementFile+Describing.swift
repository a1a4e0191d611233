import SkeinGraph
import SkeinModels

extension PlacementFile {
  /// A file that describes a placement in as few rules as its modules allow: exceptions first, then ranges of
  /// layers, then what is before and after them. Resolving it gives the same placement.
  ///
  /// - Throws: `PlannerError` where a node of the placement has no device.
  public init(
    describing placement: Placement, of modules: ModuleTree, path: String = "placement"
  ) throws(PlannerError) {
    if let node = modules.graph.nodes.first(where: { placement.shares[$0.id.index].isEmpty }) {
      throw PlannerError(.invalidRequest, "\(node.name) has no device in the placement", path: path)
    }
    let writer = RuleWriter(placement, modules)
    self.init(path: path, devices: placement.devices, rules: writer.moduleRules())
    // Names of modules do not tell all nodes apart. What the rules get wrong is named by node; that may move
    // nodes which follow others, so it is looked at again.
    let context = PlacementContext(modules: modules)
    var named: Set<NodeID> = []
    while true {
      let evaluation = try evaluate(context)
      let wrong = modules.graph.nodes.map(\.id).filter {
        !named.contains($0) && !writer.isRight($0, evaluation)
      }
      if wrong.isEmpty { break }
      named.formUnion(wrong)
      rules = writer.nodeRules(named) + rules.filter { $0.subject == .match }
    }
  }
}

/// Finds the rules of a placement.
private struct RuleWriter {
  /// What a rule can say of a node.
  struct Target: Hashable {
    var shares: [DeviceShare]
    var isStreamed: Bool
  }
  let modules: ModuleTree
  let targets: [Target]

  init(_ placement: Placement, _ modules: ModuleTree) {
    self.modules = modules
    targets = zip(modules.graph.nodes, placement.shares).map { node, shares in
      Target(
        shares: shares.map { share in
          let device = placement.devices[share.device]
          if case .experts(let experts) = node.op, let set = share.experts {
            return DeviceShare(device, set, of: experts)
          }
          return DeviceShare(device, fraction: share.fraction)
        },
        isStreamed: !node.weights.isEmpty && placement.streamed.contains(node.id))
    }
  }

  func isRight(_ node: NodeID, _ evaluation: PlacementEvaluation) -> Bool {
    let target = targets[node.index]
    return evaluation.shares[node.index] == target.shares
      && evaluation.streamed.contains(node) == target.isStreamed
  }

  private func rule(
    _ subject: PlacementFile.Subject, _ pattern: String, _ target: Target
  ) -> PlacementFile.Rule {
    // The last device of several that have experts by name has those that the others have not.
    var shares = target.shares
    if shares.count > 1, shares.allSatisfy({ $0.experts != nil }) {
      shares = shares.map { DeviceShare($0.device, fraction: 0, experts: $0.experts) }
      shares[shares.count - 1].experts = ExpertSet([])
    }
    return PlacementFile.Rule(
      subject, pattern, shares, weights: target.isStreamed ? .streamed : .resident)
  }

  /// Rules by module.
  func moduleRules() -> [PlacementFile.Rule] {
    let usual = usualTargets()
    var exceptions = Groups<ExceptionKey, Int>()
    var layers = Groups<Target, Int>()
    var others = Groups<Target, String>()
    for (layer, target) in usual.sorted(by: { $0.key < $1.key }) { layers.add(target, layer) }
    for node in modules.graph.nodes where !node.weights.isEmpty {
      let (module, target) = (modules.module(of: node.id).name, targets[node.id.index])
      guard let layer = node.name.layer else {
        others.add(target, module)
        continue
      }
      guard target != usual[layer] else { continue }
      exceptions.add(ExceptionKey(stem: stem(module, layer), target: target), layer)
    }
    return exceptionRules(exceptions)
      + layers.groups.map { target, numbers in
        rule(.match, "^model\\.layers\\.\(LayerRanges.expression(numbers))\\.", target)
      }
      + others.groups.map { target, names in rule(.match, "^\(Self.alternatives(names))$", target) }
  }

  private struct ExceptionKey: Hashable {
    var stem: String
    var target: Target
  }
  private struct LayersKey: Hashable {
    var layers: [Int]
    var target: Target
  }

  /// Modules that are elsewhere in the same layers share a rule.
  private func exceptionRules(_ exceptions: Groups<ExceptionKey, Int>) -> [PlacementFile.Rule] {
    var byLayers = Groups<LayersKey, String>()
    for (key, layers) in exceptions.groups {
      byLayers.add(LayersKey(layers: layers, target: key.target), key.stem)
    }
    return byLayers.groups.map { key, stems in
      let layers = LayerRanges.expression(key.layers)
      return rule(.match, "^model\\.layers\\.\(layers)\\.\(Self.alternatives(stems))$", key.target)
    }
  }

  /// What most nodes with weights of each layer do.
  private func usualTargets() -> [Int: Target] {
    var counts: [Int: [(target: Target, count: Int)]] = [:]
    for node in modules.graph.nodes where !node.weights.isEmpty {
      guard let layer = node.name.layer else { continue }
      let target = targets[node.id.index]
      if let known = counts[layer]?.firstIndex(where: { $0.target == target }) {
        counts[layer]![known].count += 1
      } else {
        counts[layer, default: []].append((target, 1))
      }
    }
    return counts.mapValues { list in
      list.reduce(list[0]) { $1.count > $0.count ? $1 : $0 }.target
    }
  }

  /// Rules for single nodes.
  func nodeRules(_ nodes: Set<NodeID>) -> [PlacementFile.Rule] {
    var byRole = Groups<ExceptionKey, Int>()
    var byLayers = Groups<LayersKey, String>()
    for id in nodes.sorted() {
      let name = modules.graph[id].name
      byRole.add(ExceptionKey(stem: name.role.rawValue, target: targets[id.index]), name.layer ?? -1)
    }
    for (key, layers) in byRole.groups {
      for part in [layers.filter { $0 < 0 }, layers.filter { $0 >= 0 }] where !part.isEmpty {
        byLayers.add(LayersKey(layers: part, target: key.target), key.stem)
      }
    }
    return byLayers.groups.map { key, stems in
      let layers = key.layers[0] < 0 ? "" : "layers\\.\(LayerRanges.expression(key.layers))\\."
      return rule(.node, "^\(layers)\(Self.alternatives(stems))$", key.target)
    }
  }

  private func stem(_ module: String, _ layer: Int) -> String {
    let prefix = "model.layers.\(layer)."
    return module.hasPrefix(prefix) ? String(module.dropFirst(prefix.count)) : module
  }

  /// An expression for any of some names.
  private static func alternatives(_ names: [String]) -> String {
    let escaped = names.map { $0.split(separator: ".").joined(separator: "\\.") }
    return escaped.count == 1 ? escaped[0] : "(" + escaped.joined(separator: "|") + ")"
  }
}

/// Values by key, in the order in which the keys came.
private struct Groups<Key: Hashable, Value: Equatable> {
  private(set) var groups: [(Key, [Value])] = []
  private var places: [Key: Int] = [:]

  mutating func add(_ key: Key, _ value: Value) {
    if let place = places[key] {
      if !groups[place].1.contains(value) { groups[place].1.append(value) }
    } else {
      places[key] = groups.count
      groups.append((key, [value]))
    }
  }
}
