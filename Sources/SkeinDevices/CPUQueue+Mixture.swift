import CKernels
import SkeinGraph

extension CPUQueue {
  /// Runs one step of a mixture of experts or of latent attention.
  func computeMixture(_ step: CPUStep, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape) {
    func input(_ index: Int) -> UnsafePointer<Float> {
      UnsafePointer(address(step.inputs[index], slot: pass.slot).assumingMemoryBound(to: Float.self))
    }
    func integers(_ buffer: Buffer) -> UnsafePointer<Int32> {
      UnsafePointer(address(buffer, slot: pass.slot).assumingMemoryBound(to: Int32.self))
    }
    switch step.kernel {
    case .latentAttention(var args, let expandedFrom):
      args.queries = input(0)
      args.y = y
      args.cache.page_table = integers(device.inputs.pageTable)
      args.sequences = integers(device.inputs.sequences)
      args.positions = integers(device.inputs.positions)
      args.tokens = Int32(rows)
      latentAttention(&args, expandedFrom: expandedFrom, step, latent: input(1), rows: rows)
    case .expandLatent(var args):
      args.x = input(0)
      args.y = y
      args.tokens = Int32(rows)
      expandLatent(&args, step)
    case .expertRouter(let linear, let args):
      expertRouter(linear, args, step, x: input(0), y: y, rows: rows, pass: pass)
    case .experts(let args, let buffers):
      experts(args, buffers, step, x: input(0), choice: input(1), y: y, rows: rows, pass: pass)
    case .sigmoidGate(var args):
      args.x = input(0)
      args.gate = input(1)
      args.y = y
      team.run(kernels.pointee.sigmoid_gate, &args, items: rows, grain: team.grain(items: rows))
    default:
      break
    }
  }

  /// The logits of all experts, then the choice.
  private func expertRouter(
    _ linear: skein_linear_args, _ template: skein_expert_router_args, _ step: CPUStep,
    x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape
  ) {
    let logits = (workspace + step.scratch.inputBytes).assumingMemoryBound(to: Float.self)
    self.linear(linear, step, x: x, y: logits, rows: rows, pass: pass)
    var args = template
    args.logits = UnsafePointer(logits)
    args.y = y
    team.run(kernels.pointee.expert_router, &args, items: rows, grain: team.grain(items: rows))
  }

  /// Groups the tokens by expert, then runs each chosen expert on its tokens.
  private func experts(
    _ template: skein_experts_args, _ buffers: ExpertBuffers, _ step: CPUStep, x: UnsafePointer<Float>,
    choice: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape
  ) {
    var args = template
    let shared = workspace + step.scratch.inputBytes
    args.y = y
    args.tokens = Int32(rows)
    args.inner = (shared + buffers.inner).assumingMemoryBound(to: Float.self)
    args.groups.experts = (shared + buffers.numbers).assumingMemoryBound(to: Int32.self)
    args.groups.starts = (shared + buffers.starts).assumingMemoryBound(to: Int32.self)
    args.groups.tokens = (shared + buffers.tokens).assumingMemoryBound(to: Int32.self)
    args.groups.weights = (shared + buffers.weights).assumingMemoryBound(to: Float.self)
    skein_group_by_expert(
      choice, Int32(rows), buffers.chosenCount, buffers.expertCount, buffers.places, &args.groups)
    // Where only some experts are here, fewer than all chosen ones are, or none: then the result is zeros.
    let slots = Int(args.groups.slots)
    func matrixInput(_ matrix: skein_expert_matrix, gathered: Int) -> UnsafeRawPointer {
      let form = inputForm(type: matrix.type, layout: matrix.layout, tokens: rows)
      let whole = input(x, as: form, columns: matrix.columns, rows: rows, step, pass)
      if rows == 1 || slots == 0 { return whole }
      var gather = skein_experts_gather_args(
        x: whole, row_bytes: form.rowBytes(columns: matrix.columns), tokens: args.groups.tokens,
        y: shared + gathered)
      team.run(kernels.pointee.experts_gather, &gather, items: slots, grain: team.grain(items: slots))
      return UnsafeRawPointer(shared + gathered)
    }
    args.gate_x = matrixInput(args.gate, gathered: buffers.gateInput)
    let isShared = buffers.upInput == buffers.gateInput
    args.up_x = isShared ? args.gate_x : matrixInput(args.up, gathered: buffers.upInput)
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    let unit = Int(skein_linear_row_grain())
    let up = Int(args.groups.count) * Int(args.gate.rows)
    if up > 0 {
      team.run(kernels.pointee.experts_up, &args, items: up, grain: team.grain(items: up, unit: unit))
    }
    let form = inputForm(type: args.down.type, layout: args.down.layout, tokens: rows)
    args.down_x = UnsafeRawPointer(args.inner)
    if form != .float32, slots > 0 {
      args.down_x = UnsafeRawPointer(shared + buffers.downInput)
      round(args.inner, to: form, columns: args.down.columns, rows: slots, y: shared + buffers.downInput)
    }
    let down = Int(args.down.rows)
    team.run(kernels.pointee.experts_down, &args, items: down, grain: team.grain(items: down, unit: unit))
  }

  /// Stores the new compressed rows, then attends: each span of tokens in its form.
  private func latentAttention(
    _ args: inout skein_latent_attention_args, expandedFrom: Int32, _ step: CPUStep,
    latent: UnsafePointer<Float>, rows: Int
  ) {
    rounded = nil  // the scratch of threads takes its place
    var write = skein_cache_write_args(
      cache: args.cache, keys: latent, values: latent, sequences: args.sequences, positions: args.positions)
    team.run(kernels.pointee.cache_write, &write, items: rows, grain: team.grain(items: rows))
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    var first = 0
    while first < rows {
      let span = skein_latent_attention_span(&args, Int32(first), expandedFrom)
      var part = args
      let heads = Int(args.heads.heads)
      part.queries += first * heads * Int(args.heads.plain_width + args.heads.rope_width)
      part.y += first * heads * Int(args.heads.value_width)
      part.sequences += first
      part.positions += first
      part.tokens = span.tokens
      part.batch_tokens = Int32(rows)
      if span.is_expanded {
        expandedLatentAttention(part, step)
      } else {
        let items = Int(skein_latent_attention_items(&part))
        team.run(kernels.pointee.latent_attention, &part, items: items, grain: 1)
      }
      first += Int(span.tokens)
    }
  }

  /// Tokens of one sequence: stretch by stretch of positions, keys and values, then attention to them.
  private func expandedLatentAttention(_ attention: skein_latent_attention_args, _ step: CPUStep) {
    let positions = UnsafeBufferPointer(start: attention.positions, count: Int(attention.tokens))
    let end = positions.reduce(0, max) + 1
    var args = skein_latent_stretch_args()
    args.attention = attention
    args.shared = (workspace + step.scratch.inputBytes).assumingMemoryBound(to: Float.self)
    let most = skein_latent_stretch_positions(&args.attention.heads)
    while args.first < end {
      args.positions = min(most, end - args.first)
      let expanded = Int(skein_latent_stretch_expand_items(&args))
      team.run(kernels.pointee.latent_stretch_expand, &args, items: expanded, grain: 1)
      let attended = Int(skein_latent_stretch_attend_items(&args))
      team.run(kernels.pointee.latent_stretch_attend, &args, items: attended, grain: 1)
      args.first += args.positions
    }
  }

  /// Keys or values from compressed rows.
  private func expandLatent(_ args: inout skein_expand_latent_args, _ step: CPUStep) {
    rounded = nil
    team.setWorkspace(workspace, stride: step.scratch.threadStride)
    let items = Int(skein_expand_latent_items(&args))
    team.run(kernels.pointee.expand_latent, &args, items: items, grain: 1)
  }
}
