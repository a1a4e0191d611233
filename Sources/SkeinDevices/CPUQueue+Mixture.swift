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
    case .latentAttention(var args):
      args.queries = input(0)
      args.y = y
      args.cache.page_table = integers(device.inputs.pageTable)
      args.sequences = integers(device.inputs.sequences)
      args.positions = integers(device.inputs.positions)
      args.tokens = Int32(rows)
      latentAttention(&args, step, latent: input(1), rows: rows)
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
    let logits = (workspace + step.scratch.quantizedBytes).assumingMemoryBound(to: Float.self)
    self.linear(
      linear, takesQuantized: skein_linear_takes_quantized(linear.type), step, x: x, y: logits, rows: rows,
      pass: pass)
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
    let quantizes = args.gate.takesQuantized || args.up.takesQuantized
    args.quantized_x = quantizedInput(
      x, columns: args.gate.columns, rows: rows, step, pass, isWanted: quantizes)
    let shared = workspace + step.scratch.quantizedBytes
    args.x = x
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
    if rows > 1, slots > 0 {
      let takesFloats = !args.gate.takesQuantized || !args.up.takesQuantized
      if takesFloats { args.gathered = (shared + buffers.gathered).assumingMemoryBound(to: Float.self) }
      if quantizes { args.quantized_gathered = shared + buffers.quantizedGathered }
      team.run(kernels.pointee.experts_gather, &args, items: slots, grain: team.grain(items: slots))
    }
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    let unit = Int(skein_linear_row_grain())
    let up = Int(args.groups.count) * Int(args.gate.rows)
    if up > 0 {
      team.run(kernels.pointee.experts_up, &args, items: up, grain: team.grain(items: up, unit: unit))
    }
    if args.down.takesQuantized, slots > 0 {
      args.quantized_inner = UnsafeRawPointer(shared + buffers.quantizedInner)
      var quantize = skein_quantize_activations_args(
        x: args.inner, columns: args.down.columns, y: shared + buffers.quantizedInner)
      team.run(
        kernels.pointee.quantize_activations, &quantize, items: slots, grain: team.grain(items: slots))
    }
    let down = Int(args.down.rows)
    team.run(kernels.pointee.experts_down, &args, items: down, grain: team.grain(items: down, unit: unit))
  }

  /// Stores the new compressed rows, then attends.
  private func latentAttention(
    _ args: inout skein_latent_attention_args, _ step: CPUStep, latent: UnsafePointer<Float>, rows: Int
  ) {
    quantized = nil  // the scratch of threads takes its place
    var write = skein_cache_write_args(
      cache: args.cache, keys: latent, values: latent, sequences: args.sequences, positions: args.positions)
    team.run(kernels.pointee.cache_write, &write, items: rows, grain: team.grain(items: rows))
    team.setWorkspace(workspace, stride: step.scratch.threadStride)
    let items = Int(skein_latent_attention_items(&args))
    team.run(kernels.pointee.latent_attention, &args, items: items, grain: 1)
  }

  /// Keys or values from compressed rows.
  private func expandLatent(_ args: inout skein_expand_latent_args, _ step: CPUStep) {
    quantized = nil
    team.setWorkspace(workspace, stride: step.scratch.threadStride)
    let items = Int(skein_expand_latent_items(&args))
    team.run(kernels.pointee.expand_latent, &args, items: items, grain: 1)
  }
}
