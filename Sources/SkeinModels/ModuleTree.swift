import SkeinGraph

/// The modules of a model as Hugging Face code has them, and the nodes of the graph that belong to each: what
/// placement rules speak of.
///
/// Every node belongs to one module, with or without weights: the rotation of queries to
/// `model.layers.3.self_attn.rotary_emb`, the sum after attention to `model.layers.3`. Experts, which are one
/// node, have modules of their own below the node's, as rules may name them.
public struct ModuleTree: Hashable, Sendable {
  /// A module.
  public struct Module: Hashable, Sendable {
    /// Its full name, empty for the model itself: `model.layers.3.self_attn.q_proj`.
    public var name: String
    /// The Python classes that it is an instance of, by every path that they are known by; bases come last.
    public var classes: [String]
    /// The module that it is in, by its index.
    public var parent: Int?
    /// The modules in it, by their indices.
    public var children: [Int] = []
    /// The nodes that belong to it and to none of the modules in it.
    public var nodes: [NodeID] = []
    /// The weights that are its own; for an expert's, the stack that its weights are a part of.
    public var weights: [WeightID] = []
  }

  /// The mathematics that the modules are made of.
  public let graph: Graph
  /// The modules; the first is the model itself, and each comes after the one that it is in.
  public private(set) var modules: [Module] = []
  private var index: [String: Int] = [:]
  private var moduleOfNode: [Int] = []
  private let weightNames: [String]
  private let tensorNames: [String]

  /// The tree of a graph.
  ///
  /// - Parameters:
  ///   - classes: the family's classes.
  ///   - names: what the family calls its modules.
  ///   - tensorName: the tensor of GGUF files that a weight is or is a part of.
  public init(
    _ graph: Graph, classes: ModuleClasses, names: ModuleNames = ModuleNames(),
    tensorName: (WeightName) -> String = \.ggufName
  ) {
    self.graph = graph
    weightNames = graph.weights.map { names.weight($0.name) }
    tensorNames = graph.weights.map { tensorName($0.name) }
    modules = [Module(name: "", classes: [])]
    index[""] = 0
    moduleOfNode = graph.nodes.map { _ in 0 }
    for node in graph.nodes {
      let place = add(names.module(of: node.name))
      modules[place].nodes.append(node.id)
      moduleOfNode[node.id.index] = place
      for weight in node.weights { addModules(of: weight) }
    }
    // Newer code makes the angles once for all layers; maps that it saves name this module.
    if graph.nodes.contains(where: { $0.name.role == .queryRope }) { _ = add(names.base + ".rotary_emb") }
    // Layers and experts are many and alike.
    var known: [String: [String]] = [:]
    for place in modules.indices {
      let hasRouter = modules[place].children.contains { child in
        modules[child].nodes.contains { graph[$0].name.role == .router }
      }
      let stem = Self.stem(of: modules[place].name, names)
      let key = hasRouter ? stem + "+" : stem
      let paths = known[key] ?? classes.paths(stem: stem, hasRouter: hasRouter)
      known[key] = paths
      modules[place].classes = paths
    }
  }

  /// The module with this name.
  public subscript(name: String) -> Module? { index[name].map { modules[$0] } }
  /// The place of the module with this name in `modules`.
  public func place(of name: String) -> Int? { index[name] }
  /// The module that a node belongs to.
  public func module(of node: NodeID) -> Module { modules[moduleOfNode[node.index]] }
  /// The place in `modules` of the module that a node belongs to.
  public func place(of node: NodeID) -> Int { moduleOfNode[node.index] }
  /// A weight's name in Hugging Face checkpoints: `model.layers.3.mlp.experts.*.up_proj.weight`, with `*` for the
  /// number of an expert.
  public func name(of weight: WeightID) -> String { weightNames[weight.index] }
  /// The tensor of GGUF files that a weight is or is a part of: `blk.3.attn_qkv.weight`.
  public func tensorName(of weight: WeightID) -> String { tensorNames[weight.index] }

  /// Adds the modules that a weight is in. A stack is in a module for each expert.
  private mutating func addModules(of weight: WeightID) {
    let name = weightNames[weight.index]
    let module = name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex)
    guard let star = module.range(of: ".*.") else {
      let place = add(String(module))
      if !modules[place].weights.contains(weight) { modules[place].weights.append(weight) }
      return
    }
    for expert in 0..<(graph[weight].shape.extents.first ?? 0) {
      let base = "\(module[..<star.lowerBound]).\(expert)."
      modules[add(base + module[star.upperBound...])].weights.append(weight)
      _ = add(base + "act_fn")
    }
  }

  /// The place of a module, which is added with those that it is in where it is new.
  private mutating func add(_ name: String) -> Int {
    if let known = index[name] { return known }
    let parent = add(name.lastIndex(of: ".").map { String(name[..<$0]) } ?? "")
    let place = modules.count
    modules.append(Module(name: name, classes: [], parent: parent))
    modules[parent].children.append(place)
    index[name] = place
    return place
  }

  /// The name without the base and the layer, with `*` for the numbers of layers and experts: `layers.*` for a layer,
  /// `model` for the base.
  private static func stem(of name: String, _ names: ModuleNames) -> String {
    var parts = name.split(separator: ".").map { $0.allSatisfy(\.isNumber) ? "*" : String($0) }
    if parts == [names.base] { return "model" }
    if parts.count > 1, parts[0] == names.base {
      parts.removeFirst()
      if parts[0] == names.layers { parts[0] = "layers" }
    }
    if parts.count > 2, parts[0] == "layers" { parts.removeFirst(2) }
    return parts.joined(separator: ".")
  }
}

extension StringProtocol {
  /// The first place of `text`.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
