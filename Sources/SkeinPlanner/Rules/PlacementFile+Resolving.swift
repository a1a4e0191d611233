import SkeinGraph
import SkeinModels

extension PlacementFile {
  /// How far the shares of a rule may be from 1 in sum.
  static let shareTolerance = 1e-3

  /// What the rules make of a model.
  ///
  /// - Throws: `PlannerError` where an expression is none, or takes too long to search for.
  public func evaluate(_ context: PlacementContext) throws(PlannerError) -> PlacementEvaluation {
    let graph = context.modules.graph
    let patterns = try compiledPatterns()
    var usage = RuleUsage(rules.map { RuleUsage.Rule(name: "\"\($0.pattern)\"", line: $0.line) })
    var shares = [[DeviceShare]](repeating: [], count: graph.nodes.count)
    var streamed: Set<NodeID> = []
    // For each rule, the names of the first node that it takes.
    var example: [Int: [String]] = [:]
    // For each rule, what is wrong with its shares of the first node for which they are wrong.
    var problems: [Int: Finding] = [:]
    for node in graph.nodes {
      let names = Self.names(of: node, in: context.modules)
      var matching: [Int] = []
      for (index, pattern) in patterns.enumerated() {
        let subjects = rules[index].subject == .match ? names : [node.name.description]
        do {
          if try pattern.matches(subjects) { matching.append(index) }
        } catch {
          throw PlannerError(
            .invalidRule, "\"\(rules[index].pattern.prefix(80))\" \(error.message)", path: path,
            line: rules[index].line)
        }
      }
      if let first = usage.note(matching), rules[first].subject == .match, example[first] == nil {
        example[first] = names
      }
      guard let index = matching.first else { continue }
      let rule = rules[index]
      do { shares[node.id.index] = try rule.shares(of: node) } catch {
        shares[node.id.index] = rule.shares.prefix(1).map { DeviceShare($0.device) }
        if problems[index] == nil {
          problems[index] = Finding(.error, "\(node.name) \(error.message)", line: rule.line)
        }
      }
      if rule.weights == .streamed, !node.weights.isEmpty { streamed.insert(node.id) }
    }
    let unnamed = UnnamedNodes(graph)
    unnamed.place(&shares)
    var findings =
      shareFindings() + deviceFindings(context) + problems.sorted { $0.key < $1.key }.map(\.value)
    lazy var known = KnownNames(context.modules.modules.lazy.map(\.name))
    findings += usage.findings { index in
      rules[index].subject == .match
        ? known.hint(rules[index].pattern)
        : "nodes are called as in \(graph.nodes[graph.nodes.count / 2].name)"
    }
    findings += beyondFindings(patterns, example, layerCount: graph.layerCount)
    findings += unnamed.placeRest(&shares, default: context.defaultDevice, modules: context.modules)
    unnamed.place(&shares)
    return PlacementEvaluation(
      shares: shares, streamed: streamed, deviceOrder: devices ?? mentions.order, findings: findings.byLine())
  }

  private func compiledPatterns() throws(PlannerError) -> [RulePattern] {
    var patterns: [RulePattern] = []
    for rule in rules {
      do { patterns.append(try RulePattern(rule.pattern)) } catch {
        throw PlannerError(
          .invalidRule, "the expression \"\(rule.pattern.prefix(80))\" \(error.message)", path: path,
          line: rule.line)
      }
    }
    return patterns
  }

  /// The names that a rule's `match` is searched in. A head that takes the embedding's matrix goes by its own
  /// name, so that a rule for the embedding does not take the head along.
  static func names(of node: Node, in modules: ModuleTree) -> [String] {
    let module = modules.module(of: node.id).name
    if node.name.role == .head {
      return [module, WeightName(node.name).ggufName, module + ".weight"]
    }
    return [module] + node.weights.flatMap { [modules.tensorName(of: $0), modules.name(of: $0)] }
  }

  private var mentions: DeviceMentions {
    var mentions = DeviceMentions()
    for rule in rules { for share in rule.shares { mentions.note(share.device, line: rule.line) } }
    return mentions
  }

  private func shareFindings() -> [Finding] {
    rules.compactMap { rule in
      let names = Set(rule.shares.map(\.device))
      if names.count < rule.shares.count {
        return Finding(.error, "a device is named twice in one rule; add its shares up", line: rule.line)
      }
      if rule.shares.contains(where: { $0.experts != nil }) { return nil }
      if let share = rule.shares.first(where: { !($0.fraction > 0) }) {
        return Finding(
          .error, "the share of \(share.device) is \(share.fraction); shares are above zero. Leave it out",
          line: rule.line)
      }
      let sum = rule.shares.reduce(0) { $0 + $1.fraction }
      guard abs(sum - 1) > Self.shareTolerance else { return nil }
      return Finding(.error, "the shares sum to \(sum), must sum to 1", line: rule.line)
    }
  }

  private func deviceFindings(_ context: PlacementContext) -> [Finding] {
    let mentions = mentions
    var findings = mentions.findings(known: context.knownDevices)
    guard let devices else { return findings }
    var listed = DeviceMentions()
    for device in devices where !mentions.order.contains(device) { listed.note(device, line: nil) }
    findings += listed.findings(known: context.knownDevices)
    for rule in rules {
      for share in rule.shares where !devices.contains(share.device) {
        findings.append(
          Finding(.error, "\(share.device) is not in the list of devices; add it there", line: rule.line))
      }
    }
    for device in devices where !mentions.order.contains(device) && device != context.defaultDevice {
      findings.append(Finding(.warning, "\(device) is listed, but no rule gives it anything"))
    }
    return findings
  }

  /// Rules that name layers the model does not have.
  private func beyondFindings(
    _ patterns: [RulePattern], _ examples: [Int: [String]], layerCount: Int
  ) -> [Finding] {
    rules.indices.compactMap { rule in
      for name in examples[rule] ?? [] {
        guard
          let beyond = try? LayersBeyond(
            name, layerCount: layerCount,
            matches: { name throws(PatternError) in try patterns[rule].matches(name) })
        else { continue }
        return Finding(
          .warning, "\"\(rules[rule].pattern)\" also names \(beyond.words(layerCount: layerCount))",
          line: rules[rule].line)
      }
      return nil
    }
  }
}
