import CKernels
import SkeinGraph
import SkeinTensor

/// A compute step with all that does not change between passes already filled in.
struct CPUStep {
  /// The kernel, with its arguments but for the addresses of activations.
  enum Kernel {
    case embedding(skein_embedding_args, byPosition: Bool)
    case linear(skein_linear_args)
    case rmsNorm(skein_rms_norm_args, groupCount: Int)
    case layerNorm(skein_layer_norm_args)
    case rope(skein_rope_args)
    case attention(skein_attention_args, AttentionParts)
    case activation(skein_activation_args)
    case gatedActivation(skein_gated_activation_args)
    case softCap(skein_soft_cap_args)
    case add(skein_add_args)
    case selectRows(skein_select_rows_args)
    case latentAttention(skein_latent_attention_args, expandedFrom: Int32)
    case expandLatent(skein_expand_latent_args)
    case expertRouter(skein_linear_args, skein_expert_router_args)
    case experts(skein_experts_args, ExpertBuffers)
    case sigmoidGate(skein_sigmoid_gate_args)
    /// Adds up the parts of a node's result.
    case reduce(skein_add_args)
    /// Puts parts of so many columns each side by side.
    case join([Int])
    /// Copies and outputs: the queue has other calls for them.
    case none
  }

  /// The result of a node, or a part of it.
  struct Input: Hashable {
    var node: NodeID
    var part: Int?
  }

  var kernel: Kernel
  /// The first input; linear layers that share it share its rounded form.
  var firstInput: Input?
  var inputs: [Buffer]
  var result: Buffer
  var rows: RowCount
  var scratch: CPUScratch
}

/// Makes a device's steps ready to run.
struct CPUBinder {
  let plan: Plan
  let device: DevicePlan
  let base: UnsafeMutableRawPointer
  /// Owns the tables that steps point to.
  let tables: StepTables

  func address(_ buffer: Buffer) -> UnsafeMutableRawPointer {
    base + device.offset(of: buffer.region, limits: plan.limits) + buffer.offset
  }

  /// The steps of the device, in order.
  func steps() -> [CPUStep] {
    var slots = Dictionary(uniqueKeysWithValues: device.weights.map { ($0.piece, $0) })
    return device.steps.map { step in
      // What was fetched is for the next step.
      if case .fetch(let range) = step.kind {
        for slot in device.streamed[range] { slots[slot.piece] = slot }
      }
      let node = plan.node(of: step)
      let own = Dictionary(
        plan.pieces(of: step).compactMap { piece in slots[piece].map { (piece.weight, $0) } }
      ) { first, _ in first }
      let scratch = CPUScratch(for: node, in: plan.graph, limits: plan.limits) { own[$0]?.type ?? .f32 }
      let firstInput = node.inputs.first.map {
        CPUStep.Input(node: $0, part: plan.part(ofInput: 0, of: step))
      }
      return CPUStep(
        kernel: kernel(of: step, node, own), firstInput: firstInput,
        inputs: step.inputs, result: step.result, rows: node.rows, scratch: scratch)
    }
  }

  private func kernel(of step: Step, _ node: Node, _ slots: [WeightID: WeightSlot]) -> CPUStep.Kernel {
    switch step.kind {
    case .compute: return kernel(of: node, plan.slice(of: step)?.experts, slots)
    case .join:
      return .join(
        (plan.splits[step.node] ?? []).indices.map { part in
          var made = step
          made.part = part
          return plan.width(of: made)
        })
    case .reduce: return .reduce(skein_add_args(a: nil, b: nil, y: nil, columns: Int32(node.width)))
    case .fetch, .copy, .output: return .none
    }
  }

  private func kernel(
    of node: Node, _ slice: ExpertSlice?, _ slots: [WeightID: WeightSlot]
  ) -> CPUStep.Kernel {
    func weight(_ index: Int) -> WeightSlot { slots[node.weights[index]]! }
    func vector(_ index: Int) -> UnsafePointer<Float> {
      UnsafePointer(address(weight(index).buffer).assumingMemoryBound(to: Float.self))
    }
    func rowBytes(_ slot: WeightSlot) -> Int64 {
      Int64(slot.type.rowBytes(elementCount: plan.graph[slot.weight].sliced(slot.slice).shape.columns) ?? 0)
    }
    switch node.op {
    case .embedding(let embedding):
      var args = skein_embedding_args()
      args.table = UnsafeRawPointer(address(weight(0).buffer))
      args.row_bytes = rowBytes(weight(0))
      args.type = weight(0).type.rawValue
      args.layout = weight(0).kernelLayout
      args.columns = Int32(node.width)
      args.scale = embedding.scale
      return .embedding(args, byPosition: embedding.index == .position)
    case .linear:
      return .linear(linearArguments(node, slots))
    case .rmsNorm(let norm):
      var args = skein_rms_norm_args()
      args.weight = vector(0)
      args.columns = Int32(norm.groupWidth)
      args.epsilon = norm.epsilon
      args.passed = Int32(norm.passedWidth)
      return .rmsNorm(args, groupCount: (node.width - norm.passedWidth) / norm.groupWidth)
    case .layerNorm(let norm):
      var args = skein_layer_norm_args()
      args.weight = vector(0)
      args.bias = node.weights.count > 1 ? vector(1) : nil
      args.columns = Int32(node.width)
      args.epsilon = norm.epsilon
      return .layerNorm(args)
    case .rope(let rope):
      var args = skein_rope_args()
      args.frequencies = tables.frequencies(of: rope)
      args.heads = Int32(rope.headCount)
      args.head_width = Int32(rope.headWidth)
      args.dimensions = Int32(rope.dimensions)
      args.first = Int32(rope.first)
      args.interleaved = rope.pairing == .interleaved
      args.magnitude = rope.magnitude
      return .rope(args)
    case .attention(let attention):
      var args = arguments(attention)
      args.sinks = node.weights.isEmpty ? nil : vector(0)
      let parts = AttentionParts(attention, plan.limits)
      args.part_chunks = Int32(parts.chunkCount)
      return .attention(args, parts)
    case .latentAttention, .expandLatent, .expertRouter, .experts, .sigmoidGate:
      return mixtureKernel(of: node, slice, slots)
    case .activation(let activation):
      return .activation(
        skein_activation_args(
          x: nil, y: nil, columns: Int32(node.width), activation: skein_activation(activation)))
    case .gatedActivation(let activation):
      return .gatedActivation(
        skein_gated_activation_args(
          gate: nil, up: nil, y: nil, columns: Int32(node.width), activation: skein_activation(activation)))
    case .softCap(let cap):
      return .softCap(skein_soft_cap_args(x: nil, y: nil, columns: Int32(node.width), cap: cap))
    case .add:
      return .add(skein_add_args(a: nil, b: nil, y: nil, columns: Int32(node.width)))
    case .selectRows:
      return .selectRows(skein_select_rows_args(x: nil, rows: nil, y: nil, columns: Int32(node.width)))
    }
  }

  /// A matrix and what is added to its products.
  func linearArguments(_ node: Node, _ slots: [WeightID: WeightSlot]) -> skein_linear_args {
    let matrix = slots[node.weights[0]]!
    let shape = plan.graph[matrix.weight].sliced(matrix.slice).shape
    var args = skein_linear_args()
    args.weights = UnsafeRawPointer(address(matrix.buffer))
    args.row_bytes = Int64(matrix.type.rowBytes(elementCount: shape.columns) ?? 0)
    args.type = matrix.type.rawValue
    args.layout = matrix.kernelLayout
    args.rows = Int32(shape.rows)
    args.columns = Int32(shape.columns)
    // A router may have another vector, which is for choosing.
    if node.weights.count > 1, node.op == .linear || plan.graph[node.weights[1]].name.part == .logitBias {
      args.bias = UnsafePointer(address(slots[node.weights[1]]!.buffer).assumingMemoryBound(to: Float.self))
    }
    args.y_stride = Int64(shape.rows)
    return args
  }

  private func arguments(_ attention: Attention) -> skein_attention_args {
    var args = skein_attention_args()
    args.cache = cacheArguments(attention.cache)
    args.heads = Int32(attention.headCount)
    args.scale = attention.scale
    args.window = Int32(clamping: attention.window ?? 0)
    args.soft_cap = attention.softCap ?? 0
    return args
  }

  /// Where a layer's cache lies; the page table comes with each pass.
  func cacheArguments(_ id: CacheID) -> skein_cache {
    let slot = device.caches.first { $0.cache == id }!
    let shape = plan.graph[id]
    var cache = skein_cache()
    cache.keys = address(slot.keys).assumingMemoryBound(to: UInt8.self)
    cache.values = address(slot.values).assumingMemoryBound(to: UInt8.self)
    cache.type = plan.limits.cacheType.rawValue
    cache.page_tokens = Int32(plan.limits.cachePageTokens)
    cache.kv_heads = Int32(slot.headCount)
    cache.key_width = Int32(shape.keyWidth)
    cache.value_width = Int32(shape.valueWidth)
    cache.pages_per_sequence = Int32(plan.limits.pagesPerSequence)
    return cache
  }
}

extension WeightSlot {
  /// How kernels are told that it lies.
  var kernelLayout: Int32 { Int32(isPacked ? SKEIN_LAYOUT_PACKED : SKEIN_LAYOUT_ROWS) }
}

extension skein_activation {
  init(_ activation: Activation) {
    self.init()
    switch activation {
    case .silu: kind = Int32(SKEIN_ACTIVATION_SILU)
    case .gelu: kind = Int32(SKEIN_ACTIVATION_GELU)
    case .geluTanh: kind = Int32(SKEIN_ACTIVATION_GELU_TANH)
    case .clampedSwish(let alpha, let limit):
      self.init(kind: Int32(SKEIN_ACTIVATION_CLAMPED_SWISH), alpha: alpha, limit: limit)
    }
  }
}
