import SkeinGraph

/// A placement file: what runs where, as people write it and `skein plan` does.
///
///     devices: [cuda:0, cpu]
///     rules:
///       - match: '^model\.layers\.\d+\.mlp\.experts'
///         device: cpu
///       - match: '.'
///         device: cuda:0
///
/// The first rule that matches wins. `docs/placement.md` has the whole format.
public struct PlacementFile: Hashable, Sendable, PlacementSource {
  /// What a rule's expression is searched in.
  public enum Subject: String, Hashable, Sendable {
    /// The name of a node's module, and the names of its weights in GGUF files and in Hugging Face checkpoints.
    case match
    /// A node's own name in the graph: `layers.3.attentionResidual`. For what module names cannot tell apart.
    case node
  }
  /// Where weights rest.
  public enum Residence: String, Hashable, Sendable {
    /// On the device that uses them.
    case resident
    /// Elsewhere: they are brought to the device for each pass.
    case streamed
  }
  /// What is cut where several devices share a mixture by fractions.
  public enum Cut: String, Hashable, Sendable {
    /// Every expert, if its inner values can be cut so; else whole experts are dealt. What lowering does.
    case width
    /// Runs of whole experts.
    case experts
  }
  /// One rule.
  public struct Rule: Hashable, Sendable {
    /// What the expression is searched in.
    public var subject: Subject
    /// A regular expression, searched, not anchored.
    public var pattern: String
    /// The devices that take what matches, and the part of each.
    public var shares: [DeviceShare]
    /// Where the weights rest.
    public var weights: Residence
    /// What is cut where there are several devices.
    public var cut: Cut
    /// The line in the file; nil for a rule that was not read from one.
    public var line: Int?

    /// A rule.
    public init(
      _ subject: Subject = .match, _ pattern: String, _ shares: [DeviceShare],
      weights: Residence = .resident, cut: Cut = .width, line: Int? = nil
    ) {
      self.subject = subject
      self.pattern = pattern
      self.shares = shares
      self.weights = weights
      self.cut = cut
      self.line = line
    }
  }

  /// The file, for messages.
  public var path: String
  /// Lines of comment at the top, without their `#`.
  public var header: [String]
  /// The devices in order; nil for the order in which rules name them.
  public var devices: [DeviceID]?
  /// What the placement is called, for people.
  public var strategy: String?
  /// Passes in flight at once; nil to leave it open.
  public var passesInFlight: Int?
  /// Most tokens in a pass; nil to leave it open.
  public var tokensPerPass: Int?
  /// The element type of the key-value cache; nil to leave it open.
  public var cacheType: String?
  /// The rules; the first that matches wins.
  public var rules: [Rule]

  /// A placement file.
  public init(
    path: String = "placement", header: [String] = [], devices: [DeviceID]? = nil, strategy: String? = nil,
    passesInFlight: Int? = nil, tokensPerPass: Int? = nil, cacheType: String? = nil, rules: [Rule]
  ) {
    self.path = path
    self.header = header
    self.devices = devices
    self.strategy = strategy
    self.passesInFlight = passesInFlight
    self.tokensPerPass = tokensPerPass
    self.cacheType = cacheType
    self.rules = rules
  }
}
