/// What a family's modules are in Python: rules written for other programs name modules by class.
///
/// Most families name their classes alike, so a family states only what differs. A class goes by every path that
/// rules name it by: KTransformers' own copy of a model's code, and that of transformers.
public struct ModuleClasses: Hashable, Sendable {
  /// The Python modules that define the family's classes: `transformers.models.llama.modeling_llama`.
  public var packages: [String]
  /// What the names of the classes begin with: `Llama`.
  public var prefix: String
  /// The class of feed-forward networks with experts, without the prefix.
  public var mixture: String
  /// The class of routers, if they are more than a linear layer; without a prefix.
  public var router: String?
  /// The class of an expert, without the prefix.
  public var expert: String
  /// The classes of rotations without the prefix, bases last; whole paths where another family defines them.
  public var rotation: [String]

  /// The class of the whole model, without the prefix.
  public var model = "ForCausalLM"
  /// The class of all but the head, without the prefix.
  public var base = "Model"
  /// The class of the embedding of tokens, without the prefix; nil for PyTorch's.
  public var embedding: String?
  /// The class of layers, without the prefix.
  public var layer = "DecoderLayer"
  /// The class of norms, without the prefix; nil for PyTorch's layer norm.
  public var norm: String? = "RMSNorm"
  /// The classes of activations, by their whole paths.
  public var activation = ["torch.nn.SiLU", "torch.nn.modules.activation.SiLU"]
  /// The classes of matrices in layers, by their whole paths.
  public var linear = ["torch.nn.Linear", "torch.nn.modules.linear.Linear"]
  /// The class of a stack of experts, without the prefix; nil where it is a list of modules.
  public var experts: String?

  /// The classes of a family whose code is `ktransformers.models.modeling_NAME` and
  /// `transformers.models.NAME.modeling_NAME`.
  public init(
    _ name: String, prefix: String, mixture: String = "SparseMoeBlock", router: String? = nil,
    expert: String = "MLP", rotation: [String] = ["RotaryEmbedding"], ktransformersName: String? = nil
  ) {
    packages = [
      "ktransformers.models.modeling_\(ktransformersName ?? name)",
      "transformers.models.\(name).modeling_\(name)",
    ]
    self.prefix = prefix
    self.mixture = mixture
    self.router = router
    self.expert = expert
    self.rotation = rotation
  }

  /// The classes that a module is an instance of, by all their paths; bases come last.
  ///
  /// - Parameters:
  ///   - stem: the module's name without `model.` and its layer, with `*` for the number of an expert:
  ///     `mlp.experts.*.up_proj`; `layers.*` for a layer.
  ///   - hasRouter: whether the module has a router in it.
  func paths(stem: String, hasRouter: Bool) -> [String] {
    own(stem: stem, hasRouter: hasRouter) + ["torch.nn.Module", "torch.nn.modules.module.Module"]
  }

  private func own(stem: String, hasRouter: Bool) -> [String] {
    let last = stem.split(separator: ".").last.map(String.init) ?? ""
    switch last {
    case "": return of([prefix + model, prefix + "PreTrainedModel"])
    case "model": return of([prefix + base, prefix + "PreTrainedModel"])
    case "experts":
      return experts.map { of([prefix + $0]) } ?? Self.torch("ModuleList", in: "container")
    case "layers": return Self.torch("ModuleList", in: "container")
    case "embed_tokens", "embed_in", "wte", "wpe":
      return (embedding.map { of([prefix + $0]) } ?? []) + Self.torch("Embedding", in: "sparse")
    case "lm_head", "embed_out": return Self.torch("Linear", in: "linear")
    case "act_fn", "act", "activation_fn": return activation
    case "rotary_emb":
      return rotation.flatMap { $0.contains(".") ? [$0] : of([prefix + $0]) }
    case "self_attn", "attn", "attention":
      return of(["FlashAttention2", "SdpaAttention", "Attention"].map { prefix + $0 })
    case "gate", "router": if let router { return of([router]) }
    case "*": return of([prefix + (stem == "layers.*" ? layer : expert)])
    case "mlp", "block_sparse_moe", "shared_experts", "shared_expert":
      return of([prefix + (hasRouter ? mixture : "MLP")])
    default:
      if last.hasSuffix("norm") || last.hasPrefix("ln_") {
        return norm.map { of([prefix + $0]) } ?? Self.torch("LayerNorm", in: "normalization")
      }
    }
    return linear
  }

  private func of(_ names: [String]) -> [String] {
    names.flatMap { name in packages.map { $0 + "." + name } }
  }

  /// A class of PyTorch by its short and its full path.
  private static func torch(_ name: String, in file: String) -> [String] {
    ["torch.nn.\(name)", "torch.nn.modules.\(file).\(name)"]
  }
}
