import CKernels
import SkeinGraph
import SkeinTensor

// Arguments of the kernels of mixtures of experts and latent attention, but for addresses.

extension skein_expert_matrix {
  /// A stack `[experts, rows, columns]`.
  init(_ weight: Weight, _ type: ElementType) {
    let extents = weight.shape.extents
    self.init(
      weights: nil, row_bytes: Int64(type.rowBytes(elementCount: extents[2]) ?? 0), type: type.rawValue,
      layout: Int32(SKEIN_LAYOUT_ROWS), rows: Int32(extents[1]), columns: Int32(extents[2]), bias: nil)
  }

  /// The most bytes of a token's input.
  var inputBytes: Int { InputForm.all(type: type).map { $0.rowBytes(columns: columns) }.max() ?? 0 }

  /// The most bytes of a token's input in a form other than float32; 0 where there is none.
  var roundedInputBytes: Int {
    InputForm.all(type: type).filter { $0 != .float32 }.map { $0.rowBytes(columns: columns) }.max() ?? 0
  }
}

extension skein_expert_router_args {
  /// All but the addresses.
  init(_ router: ExpertRouter) {
    self.init()
    experts = Int32(router.expertCount)
    chosen = Int32(router.chosenCount)
    switch router.scoring {
    case .softmax: scoring = Int32(SKEIN_SCORING_SOFTMAX)
    case .softmaxOfChosen: scoring = Int32(SKEIN_SCORING_SOFTMAX_OF_CHOSEN)
    case .sigmoid: scoring = Int32(SKEIN_SCORING_SIGMOID)
    }
    normalizes = router.normalizesWeights
    scale = router.scale
    guard let router = router.groups else { return }
    groups = Int32(router.count)
    chosen_groups = Int32(router.chosenCount)
    group_score = Int32(router.score == .largest ? SKEIN_GROUP_LARGEST : SKEIN_GROUP_SUM_OF_TWO_LARGEST)
  }
}

extension skein_latent_heads {
  /// The widths and how the weights of a node lie; `address` says where.
  init(
    _ heads: LatentHeads, _ node: Node, _ graph: Graph, type: (WeightID) -> ElementType,
    address: (WeightID) -> UnsafeRawPointer? = { _ in nil }
  ) {
    self.init()
    self.heads = Int32(heads.headCount)
    rank = Int32(heads.rank)
    plain_width = Int32(heads.plainWidth)
    rope_width = Int32(heads.ropeWidth)
    value_width = Int32(heads.valueWidth)
    // One weight for both, or one for each; an expansion has only the one that it needs.
    let (first, last) = (node.weights[0], node.weights[node.weights.count - 1])
    func rowBytes(_ weight: WeightID) -> Int64 {
      Int64(type(weight).rowBytes(elementCount: graph[weight].shape.columns) ?? 0)
    }
    key_up = address(first)
    value_up = address(last)
    key_type = type(first).rawValue
    value_type = type(last).rawValue
    key_row_bytes = rowBytes(first)
    value_row_bytes = rowBytes(last)
    key_rows_plain = graph[first].shape.extents.count == 2
    if key_rows_plain {
      key_head_bytes = Int64(heads.plainWidth + heads.valueWidth) * key_row_bytes
      value_head_bytes = key_head_bytes
      value_up = value_up.map { $0 + heads.plainWidth * Int(value_row_bytes) }
    } else {
      key_head_bytes = Int64(heads.rank) * key_row_bytes
      value_head_bytes = Int64(heads.valueWidth) * value_row_bytes
    }
  }
}

/// Where the kernels of `experts` keep what they hand to each other: offsets in bytes.
struct ExpertBuffers {
  /// Experts that the router chooses from.
  let expertCount: Int32
  let chosenCount: Int32
  /// For each of them its number among those that are here, or -1; nil where all are here.
  let places: UnsafePointer<Int32>?
  private(set) var numbers = 0
  private(set) var starts = 0
  private(set) var tokens = 0
  private(set) var weights = 0
  /// The input of gate for each slot, and that of up: the same where they take it in the same form.
  private(set) var gateInput = 0
  private(set) var upInput = 0
  private(set) var inner = 0
  /// `inner` as down takes it, where that is not float32.
  private(set) var downInput = 0
  private(set) var byteCount = 0

  /// Room for `rows` tokens.
  /// - Parameters:
  ///   - experts: those that are here.
  ///   - expertCount: those that there are.
  init(
    _ experts: Experts, _ matrices: [skein_expert_matrix], rows: Int, of expertCount: Int,
    places: UnsafePointer<Int32>? = nil
  ) {
    self.expertCount = Int32(expertCount)
    self.places = places
    chosenCount = Int32(experts.chosenCount)
    let slots = rows * experts.chosenCount
    let (gate, up, down) = (matrices[0], matrices[1], matrices[2])
    numbers = take(experts.expertCount * 4)
    starts = take((experts.expertCount + 1) * 4)
    tokens = take(slots * 4)
    weights = take(slots * 4)
    gateInput = take(slots * gate.inputBytes)
    upInput =
      gate.type == up.type && gate.layout == up.layout ? gateInput : take(slots * up.inputBytes)
    inner = take(slots * experts.expertWidth * 4)
    downInput = take(slots * down.roundedInputBytes)
  }

  private mutating func take(_ bytes: Int) -> Int {
    defer { byteCount += (bytes + 63) / 64 * 64 }
    return byteCount
  }
}

extension CPUBinder {
  /// The kernel of an op of mixtures of experts or latent attention.
  ///
  /// - Parameter slice: the part of a mixture that the device has; nil for all of it.
  func mixtureKernel(
    of node: Node, _ slice: ExpertSlice?, _ slots: [WeightID: WeightSlot]
  ) -> CPUStep.Kernel {
    func latentHeads(_ heads: LatentHeads) -> skein_latent_heads {
      skein_latent_heads(heads, node, plan.graph, type: { slots[$0]!.type }) {
        UnsafeRawPointer(address(slots[$0]!.buffer))
      }
    }
    switch node.op {
    case .latentAttention(let attention):
      var args = skein_latent_attention_args()
      args.cache = cacheArguments(attention.cache)
      args.heads = latentHeads(attention.heads)
      args.scale = attention.scale
      return .latentAttention(
        args, expandedFrom: Int32(clamping: attention.heads.leastExpandedTokens))
    case .expandLatent(let expansion):
      var args = skein_expand_latent_args()
      args.heads = latentHeads(expansion.heads)
      args.makes_keys = expansion.part == .keys
      return .expandLatent(args)
    case .expertRouter(let router):
      var args = skein_expert_router_args(router)
      if let bias = node.weights.dropFirst().first(where: { plan.graph[$0].name.part == .bias }) {
        args.bias = UnsafePointer(address(slots[bias]!.buffer).assumingMemoryBound(to: Float.self))
      }
      return .expertRouter(linearArguments(node, slots), args)
    case .experts(let experts):
      return expertsKernel(of: node, experts, slice, slots)
    case .sigmoidGate:
      return .sigmoidGate(skein_sigmoid_gate_args(x: nil, gate: nil, y: nil, columns: Int32(node.width)))
    default:
      return .none
    }
  }

  private func expertsKernel(
    of node: Node, _ experts: Experts, _ slice: ExpertSlice?, _ slots: [WeightID: WeightSlot]
  ) -> CPUStep.Kernel {
    let rows = node.rows.count(tokens: plan.limits.tokensPerPass, outputs: plan.limits.outputsPerPass)
    let matrices = (0..<3).map { index in
      let slot = slots[node.weights[index]]!
      var matrix = skein_expert_matrix(plan.graph[slot.weight].sliced(slot.slice), slot.type)
      matrix.weights = UnsafeRawPointer(address(slot.buffer))
      matrix.layout = slot.kernelLayout
      if node.weights.count > 3 {
        matrix.bias = UnsafePointer(
          address(slots[node.weights[3 + index]]!.buffer).assumingMemoryBound(to: Float.self))
      }
      return matrix
    }
    var args = skein_experts_args()
    (args.gate, args.up, args.down) = (matrices[0], matrices[1], matrices[2])
    args.activation = skein_activation(experts.activation)
    let here = slice ?? experts.whole
    let places =
      here.experts == experts.whole.experts
      ? nil : tables.places(of: here.experts, expertCount: experts.expertCount)
    return .experts(
      args,
      ExpertBuffers(
        experts.part(here), matrices, rows: rows, of: experts.expertCount, places: places))
  }
}
