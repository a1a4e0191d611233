import SkeinGraph

/// How a model is loaded.
public struct LoadOptions: Hashable, Sendable {
  /// Which devices to use.
  public enum Devices: Hashable, Sendable {
    /// All that help.
    case automatic
    /// A list as people write it: `cpu/2`, `cpu@0,cpu@1`. See `DeviceSelection`.
    case list(String)
  }

  /// Which devices to use.
  public var devices = Devices.automatic
  /// The most positions of a sequence; nil for what the model was made for, but at most 4,096, since memory
  /// for all of them is reserved.
  public var contextTokens: Int?
  /// The most sequences at a time.
  public var sequenceCount = 1
  /// The most tokens in one pass through the devices.
  public var tokensPerPass = 256
  /// The most tokens in one pass whose logits are wanted. Generating needs one a sequence; scoring a text
  /// is faster with more. Each takes four bytes for every token of the vocabulary.
  public var outputsPerPass = 1
  /// Passes in flight at once; nil for as many as there are devices, which keeps all of them busy while a
  /// prompt is read. With more, a device that is a moment early begins a young pass instead of waiting for
  /// the oldest; all then end together and the last one goes alone (17% slower on two cores).
  public var passesInFlight: Int?
  /// What families leave open, such as what latent attention keeps of a token.
  public var graph = GraphOptions()
  /// The CPU kernels to use (`reference`, `avx2`, `avx512`); nil for the fastest that the processor runs.
  public var instructionSet: String?

  /// The defaults.
  public init() {}

  static let defaultContextTokens = 4096
}
