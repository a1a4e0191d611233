import SkeinExecutor
import SkeinGraph
import SkeinModels

/// How a model is loaded.
public struct LoadOptions: Hashable, Sendable {
  /// Which devices to use.
  public enum Devices: Hashable, Sendable {
    /// All that help.
    case automatic
    /// A list as people write it: `cpu/2`, `cpu@0,cpu@1`. See `DeviceSelection`.
    case list(String)
  }

  /// Which devices there are for the model.
  public var devices = Devices.automatic
  /// How the model is placed on them, and the sizes to run with.
  public var planning = PlanningOptions()
  /// Where the speeds come from that the planner takes devices to have.
  public var profiles = Machine.Profiles.measured
  /// What families leave open, such as what latent attention keeps of a token.
  public var graph = GraphOptions()
  /// The format that devices are given weights in; nil for what the checkpoint has. Converting is done while
  /// loading, a few rows at a time.
  public var weights: WeightFormat?
  /// What is taken note of while the model runs; by default nothing.
  public var executor = ExecutorOptions()
  /// The CPU kernels to use (`reference`; `avx2`, `avx512`; on ARM `neon`, `dotprod`, `i8mm`); nil for the
  /// fastest that the processor runs.
  public var instructionSet: String?

  /// The defaults.
  public init() {}
}
