import SkeinGraph
import SkeinModels
import SkeinTensor

extension KTransformersRules {
  /// What the rules make of a model. Nodes run on their module's device for generating; `moduleDevices` has the
  /// other devices as well.
  ///
  /// - Throws: `PlannerError` where an expression is none, or takes too long to search for.
  public func evaluate(_ context: PlacementContext) throws(PlannerError) -> PlacementEvaluation {
    let walk = try KTransformersWalk(self, context)
    let devices = walk.devices()
    let hidden = walk.hiddenDevices(devices)
    let graph = context.modules.graph
    var shares = [[DeviceShare]](repeating: [], count: graph.nodes.count)
    var unruled: [Int] = []
    for node in graph.nodes {
      let place = Self.place(of: node, walk)
      // What no rule matches and has no weights is done where its inputs are.
      guard walk.ruleOf[place] != nil || !node.weights.isEmpty || !walk.isVisited[place] else {
        if isOfResidualStream(node), let layer = node.name.layer {
          shares[node.id.index] = [DeviceShare(hidden[layer])]
        }
        continue
      }
      shares[node.id.index] = [DeviceShare(devices[place].generate)]
      if walk.ruleOf[place] == nil, walk.isVisited[place] { unruled.append(place) }
    }
    UnnamedNodes(graph).place(&shares)
    var findings = try ruleFindings(walk) + deviceFindings(context)
    findings += placeFindings(walk, devices)
    if !unruled.isEmpty {
      let names = unruled.prefix(4).map { context.modules.modules[$0].name }.joined(separator: ", ")
      findings.append(
        Finding(
          .warning,
          "no rule matches \(unruled.count) modules with weights, which KTransformers puts on cuda:0: \(names)"
            + (unruled.count > 4 ? "..." : "")))
    }
    return PlacementEvaluation(
      shares: shares, streamed: [], deviceOrder: mentions(context).order, findings: findings.byLine(),
      moduleDevices: devices)
  }

  private func isOfResidualStream(_ node: Node) -> Bool {
    [.attentionResidual, .selectedResidual, .feedForwardResidual].contains(node.name.role)
  }

  /// The module that says where a node runs: its own, or that of its weights where no rule matches its own.
  private static func place(of node: Node, _ walk: KTransformersWalk) -> Int {
    let own = walk.modules.place(of: node.id)
    if walk.ruleOf[own] != nil || !walk.isVisited[own] { return own }
    for weight in node.weights {
      let name = walk.modules.name(of: weight)
      guard let end = name.lastIndex(of: "."), let place = walk.modules.place(of: String(name[..<end])),
        walk.modules.modules[place].weights.contains(weight), walk.ruleOf[place] != nil
      else { continue }
      return place
    }
    return own
  }

  private func mentions(_ context: PlacementContext) -> DeviceMentions {
    var mentions = DeviceMentions()
    for rule in rules {
      let named = [rule.generateDevice, rule.prefillDevice, rule.outputDevice].compactMap { $0 }
      for device in named + rule.transfers.sorted(by: { $0.key < $1.key }).map(\.value) {
        mentions.note(device.name == "cpu" ? context.hostDevice : device, line: rule.line)
      }
    }
    return mentions
  }

  private func deviceFindings(_ context: PlacementContext) -> [Finding] {
    mentions(context).findings(known: context.knownDevices)
  }

  /// Rules that do nothing, or that name layers the model does not have.
  private func ruleFindings(_ walk: KTransformersWalk) throws(PlannerError) -> [Finding] {
    var hints: [Int: String] = [:]
    // The modules of all layers and experts are alike; one of each will do for most hints.
    var seen: Set<String> = []
    let examples = walk.modules.modules.filter {
      seen.insert(KnownNames.shape(of: $0.name) + $0.classes[0]).inserted
    }
    for rule in rules.indices where !walk.usage.isMatching(rule) {
      hints[rule] = try hint(rule, walk, examples)
    }
    var findings = walk.usage.findings { hints[$0] ?? "" }
    let count = walk.modules.graph.layerCount
    for rule in rules.indices where rules[rule].name != nil {
      guard
        let place = walk.ruleOf.firstIndex(of: rule),
        let beyond = try LayersBeyond(
          walk.modules.modules[place].name, layerCount: count,
          matches: { name throws(PlannerError) in try walk.isMatching(rule, name: name) })
      else { continue }
      findings.append(
        Finding(
          .warning, "\(rules[rule].title) also names \(beyond.words(layerCount: count))",
          line: rules[rule].line))
    }
    return findings
  }

  /// What to do about a rule that matches nothing.
  private func hint(
    _ rule: Int, _ walk: KTransformersWalk, _ examples: [ModuleTree.Module]
  ) throws(PlannerError) -> String {
    let modules = walk.modules
    for (place, module) in modules.modules.enumerated() where !walk.isVisited[place] {
      if try walk.isMatching(rule, module) {
        return "it matches only modules below one whose rule says `recursive: False`"
      }
    }
    var candidates = examples
    if let wanted = rules[rule].matchClass {
      candidates = candidates.filter { $0.classes.contains(wanted) }
      if candidates.isEmpty {
        let near = nearestWord(to: wanted, in: Set(examples.flatMap(\.classes)).sorted()) ?? ""
        return "none of its modules is of that class (the nearest class is \(near))"
      }
    }
    for module in candidates {
      let beyond = try LayersBeyond(
        module.name, layerCount: modules.graph.layerCount,
        matches: { name throws(PlannerError) in try walk.isMatching(rule, name: name) })
      if let beyond { return "it names " + beyond.words(layerCount: modules.graph.layerCount) }
    }
    return KnownNames(candidates.map(\.name)).hint(rules[rule].name ?? "")
      + (rules[rule].matchClass == nil ? "" : " with that class")
  }

  /// What Skein's placement cannot say, or KTransformers would stumble over.
  private func placeFindings(_ walk: KTransformersWalk, _ devices: [ModuleDevices]) -> [Finding] {
    var findings: [Finding] = []
    for (index, rule) in rules.enumerated() {
      let places = devices.indices.filter { walk.ruleOf[$0] == index }
      guard let first = places.first else { continue }
      let device = devices[first]
      if device.prefill != device.generate {
        findings.append(
          Finding(
            .warning,
            "reads prompts on \(device.prefill) and generates on \(device.generate); the placement has "
              + "\(device.generate) for both", line: rule.line))
      }
      if rule.isDefault, rule.generateDevice == nil,
        places.contains(where: { !walk.modules.modules[$0].weights.isEmpty })
      {
        findings.append(
          Finding(
            .warning,
            "gives no generate_device to modules with weights: they go to cuda:0, and KTransformers refuses "
              + "them. Add one", line: rule.line))
      }
      let isModel = places.contains { walk.modules.modules[$0].name == "model" }
      if !rule.transfers.isEmpty, !isModel || rule.isDefault {
        findings.append(
          Finding(
            .warning,
            "has a transfer_map that nothing reads: only a rule for `^model$` with a class of KTransformers has "
              + "one", line: rule.line))
      }
      let layers = walk.modules.graph.layerCount
      for layer in rule.transfers.keys.sorted() where layer >= layers {
        findings.append(
          Finding(.warning, "transfer_map names layer \(layer); the model has \(layers)", line: rule.line))
      }
    }
    return findings
  }
}
