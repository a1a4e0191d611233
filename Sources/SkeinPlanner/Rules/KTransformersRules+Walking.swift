import SkeinGraph
import SkeinModels
import SkeinTensor

/// The walk that KTransformers makes over a model's modules.
struct KTransformersWalk {
  /// Where modules go that no rule matches, and what `cuda` means.
  static let defaultDevice = DeviceID("cuda:0")

  let rules: [KTransformersRules.Rule]
  let modules: ModuleTree
  let host: DeviceID
  private let patterns: [RulePattern?]
  private let path: String
  /// For each module, the rule that decided, or nil: none did, or the walk did not come by.
  private(set) var ruleOf: [Int?]
  /// For each module whether the walk came by.
  private(set) var isVisited: [Bool]
  private(set) var usage: RuleUsage

  init(_ file: KTransformersRules, _ context: PlacementContext) throws(PlannerError) {
    rules = file.rules
    path = file.path
    modules = context.modules
    host = context.hostDevice
    var patterns: [RulePattern?] = []
    for rule in file.rules {
      do { patterns.append(try rule.name.map { name throws(PatternError) in try RulePattern(name) }) } catch {
        throw PlannerError(.invalidRule, "the expression \(error.message)", path: file.path, line: rule.line)
      }
    }
    self.patterns = patterns
    ruleOf = modules.modules.map { _ in nil }
    isVisited = modules.modules.map { _ in false }
    usage = RuleUsage(rules.map { RuleUsage.Rule(name: $0.title, line: $0.line) })
    try walk()
  }

  private mutating func walk() throws(PlannerError) {
    // A module comes after the one that it is in.
    for (place, module) in modules.modules.enumerated() {
      if let parent = module.parent {
        guard isVisited[parent], ruleOf[parent].map({ rules[$0].isRecursive }) ?? true else { continue }
      }
      isVisited[place] = true
      var matching: [Int] = []
      for rule in rules.indices where try isMatching(rule, module) { matching.append(rule) }
      ruleOf[place] = usage.note(matching)
    }
  }

  /// Whether a rule matches a module, wherever the walk goes.
  func isMatching(_ rule: Int, _ module: ModuleTree.Module) throws(PlannerError) -> Bool {
    if let wanted = rules[rule].matchClass, !module.classes.contains(wanted) { return false }
    return try isMatching(rule, name: module.name)
  }

  /// Whether a rule's expression is found in a name.
  func isMatching(_ rule: Int, name: String) throws(PlannerError) -> Bool {
    guard let pattern = patterns[rule] else { return true }
    do { return try pattern.matches(name) } catch {
      throw PlannerError(
        .invalidRule, "\"\(pattern.source.prefix(80))\" \(error.message)", path: path, line: rules[rule].line)
    }
  }

  /// The devices of every module.
  ///
  /// Below a rule that ends the walk, modules are parts of what replaced theirs and have its devices; where the
  /// class was left as it is, KTransformers loads them to `cuda:0`.
  func devices() -> [ModuleDevices] {
    var result: [ModuleDevices] = []
    for (place, module) in modules.modules.enumerated() {
      let isPart = !isVisited[place]
      let rule = ruleOf[place].map { rules[$0] }
      if isPart, let parent = module.parent, !isLeft(parent) {
        result.append(result[parent])
        result[place].module = module.name
      } else {
        let generate = onHost(rule?.generateDevice ?? Self.own(rule))
        result.append(
          ModuleDevices(
            module: module.name, line: rule?.line, generate: generate,
            prefill: onHost(rule?.prefillDevice ?? Self.defaultDevice),
            output: rule.map { onHost($0.outputDevice ?? Self.ownOutput($0, generate)) } ?? generate))
      }
    }
    return result
  }

  /// Whether the nearest module that the walk came by was left in its class.
  private func isLeft(_ place: Int) -> Bool {
    var place = place
    while !isVisited[place], let parent = modules.modules[place].parent { place = parent }
    return ruleOf[place].map { rules[$0].isDefault } ?? true
  }

  /// Where a class of KTransformers runs if not told otherwise: experts on the processor, all else on the GPU.
  private static func own(_ rule: KTransformersRules.Rule?) -> DeviceID {
    guard let rule, isExperts(rule) else { return defaultDevice }
    return DeviceID("cpu")
  }

  /// Experts give their result to the GPU if not told otherwise, all else to where it runs.
  private static func ownOutput(_ rule: KTransformersRules.Rule, _ generate: DeviceID) -> DeviceID {
    isExperts(rule) ? defaultDevice : generate
  }

  private static func isExperts(_ rule: KTransformersRules.Rule) -> Bool {
    let name = rule.replacement.split(separator: ".").last ?? ""
    return name.hasPrefix("K") && ["Experts", "ExpertsV2", "ExpertsCPU"].contains { name.hasSuffix($0) }
  }

  private func onHost(_ device: DeviceID) -> DeviceID { device.name == "cpu" ? host : device }

  /// Where the hidden state is in each layer while tokens are generated: it starts where the first layer's
  /// attention runs, and moves as the model's `transfer_map` says.
  func hiddenDevices(_ devices: [ModuleDevices]) -> [DeviceID] {
    let start = modules.place(of: "model.layers.0.self_attn").map { devices[$0].generate }
    var device = start ?? Self.defaultDevice
    let transfers = transfers
    return (0..<max(modules.graph.layerCount, 1)).map { layer in
      if let next = transfers[layer] { device = onHost(next) }
      return device
    }
  }

  /// The map that the model's rule gives; a model whose class is left has none.
  var transfers: [Int: DeviceID] {
    guard let place = modules.place(of: "model"), let rule = ruleOf[place].map({ rules[$0] }),
      !rule.isDefault
    else { return [:] }
    return rule.transfers
  }
}
