import SkeinGraph

/// How a family's Hugging Face code calls its modules, where that is not as most families do.
public struct ModuleNames: Hashable, Sendable {
  /// The module that everything but the head is in.
  public var base = "model"
  /// The list of layers in it.
  public var layers = "layers"
  /// The part of a module's name after the layer (or after `base`), for roles that are called otherwise.
  public var stems: [Role: String] = [:]
  /// Roles whose weights are parameters of a larger module: their stem is the parameter's name, and a bias is
  /// another parameter, `NAME_bias`.
  public var parameters: Set<Role> = [.attentionSinks]

  /// Names as most families have them, but for `stems`.
  public init(stems: [Role: String] = [:]) { self.stems = stems }

  /// The module that a node is a part of: `model.layers.3.self_attn.q_proj`.
  public func module(of node: NodeName) -> String {
    let stem = stems[node.role] ?? node.role.moduleStem
    switch node.role {
    case .head: return stem
    // The model as a whole.
    case .cappedHead: return ""
    default: break
    }
    let outer = node.layer.map { "\(base).\(layers).\($0)" } ?? base
    return stem.isEmpty ? outer : outer + "." + stem
  }

  /// A weight's name: `model.layers.3.self_attn.q_proj.weight`.
  public func weight(_ weight: WeightName) -> String {
    let module = module(of: weight.node)
    let role = weight.node.role
    if parameters.contains(role) { return module + (weight.part == .weight ? "" : "_bias") }
    switch weight.part {
    case .weight: return module + ".weight"
    case .logitBias: return module + ".bias"
    // The bias of a router that is for choosing is called by what it is.
    case .bias: return module + (role == .router ? ".e_score_correction_bias" : ".bias")
    }
  }
}
