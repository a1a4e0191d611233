import SkeinGraph
import SkeinModels
import SkeinTensor

/// How a device that is not here lays out what it holds: weights as they are in the file, and scratch memory as
/// kernels need it that take 8-bit activations.
public struct FleetLayout: DeviceLayout {
  /// The device's name.
  public let id: DeviceID
  /// The most bytes that a plan may take there: what the runtime leaves of the memory.
  public let memoryBytes: Int
  /// The memory that the bytes come from.
  public let memoryPool: String
  /// Bits of each element of a matrix, where weights are priced by those; nil for those of their format.
  public private(set) var weights: WeightFormat?

  /// The layout of a device of a fleet.
  ///
  /// - Parameter weights: how the model's weights are stored, where it has no file that says so.
  public init(_ profile: DeviceProfile, weights: WeightFormat? = nil) {
    id = profile.id
    memoryBytes = profile.memoryBytes - profile.runtimeBytes
    memoryPool = profile.memoryPool
    self.weights = weights
  }

  /// The same for weights whose bytes their own formats decide.
  var forStoredFormats: FleetLayout {
    var layout = self
    layout.weights = nil
    return layout
  }

  /// Bytes of a weight: those in the file.
  public func byteCount(of weight: Weight, type: ElementType) -> Int {
    if case .bitsPerElement? = weights, let bytes = weights?.byteCount(of: weight) { return bytes }
    return (type.rowBytes(elementCount: weight.shape.columns) ?? 0) * weight.shape.rows
  }

  /// Bytes of scratch memory that the node's kernel needs.
  public func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int {
    let rows = node.rows.count(tokens: limits.tokensPerPass, outputs: limits.outputsPerPass)
    switch node.op {
    case .linear:
      return rows * Self.quantizedBytes(columns: graph[node.inputs[0]].width)
    case .experts(let experts):
      // The input, and for each chosen expert gate and up, their product quantized, and what it gives.
      let each =
        8 * experts.expertWidth + Self.quantizedBytes(columns: experts.expertWidth) + 4 * node.width
      return rows * (Self.quantizedBytes(columns: graph[node.inputs[0]].width) + experts.chosenCount * each)
    case .latentAttention(let attention):
      // Queries and results in terms of compressed rows.
      return rows * attention.heads.headCount * (attention.heads.latentWidth + attention.heads.rank) * 4
    case .expandLatent(let expansion):
      return rows * Self.quantizedBytes(columns: expansion.heads.rank)
    case .attention, .embedding, .rmsNorm, .layerNorm, .rope, .expertRouter, .activation, .gatedActivation,
      .softCap, .sigmoidGate, .add, .selectRows:
      return 0
    }
  }

  /// Bytes of a row of activations rounded to 8 bits: blocks of 32, each with its scale and its sum.
  private static func quantizedBytes(columns: Int) -> Int { (columns + 31) / 32 * 40 }
}

extension Fleet {
  /// The layouts of all devices, in their order.
  public func layouts(weights: WeightFormat? = nil) -> [FleetLayout] {
    devices.map { FleetLayout($0, weights: weights) }
  }
}
