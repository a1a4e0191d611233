import CKernels
import SkeinGraph

extension CPUQueue {
  /// Runs one step: fills in the addresses, then shares the kernel's items out over the team.
  func compute(step index: Int, pass: PassShape) throws(DeviceError) {
    let step = steps[index]
    let rows = step.rows.count(tokens: pass.tokenCount, outputs: pass.outputCount)
    if rows == 0 { return }  // no logits are wanted of this pass
    let y = address(step.result, slot: pass.slot).assumingMemoryBound(to: Float.self)
    func input(_ index: Int) -> UnsafePointer<Float> {
      UnsafePointer(address(step.inputs[index], slot: pass.slot).assumingMemoryBound(to: Float.self))
    }
    func integers(_ buffer: Buffer) -> UnsafePointer<Int32> {
      UnsafePointer(address(buffer, slot: pass.slot).assumingMemoryBound(to: Int32.self))
    }
    let kernels = kernels.pointee
    switch step.kernel {
    case .embedding(var args, let byPosition):
      args.tokens = integers(byPosition ? device.inputs.positions : device.inputs.tokens)
      args.y = y
      team.run(kernels.embedding, &args, items: rows, grain: team.grain(items: rows))
    case .linear(let args):
      linear(args, step, x: input(0), y: y, rows: rows, pass: pass)
    case .rmsNorm(var args, let groupCount):
      args.x = input(0)
      args.y = y
      let groups = rows * groupCount
      team.run(kernels.rms_norm, &args, items: groups, grain: team.grain(items: groups, unit: groupCount))
    case .layerNorm(var args):
      args.x = input(0)
      args.y = y
      team.run(kernels.layer_norm, &args, items: rows, grain: team.grain(items: rows))
    case .rope(var args):
      args.x = input(0)
      args.y = y
      args.positions = integers(device.inputs.positions)
      team.run(kernels.rope, &args, items: rows, grain: team.grain(items: rows))
    case .attention(var args, let parts):
      args.queries = input(0)
      args.y = y
      args.cache.page_table = integers(device.inputs.pageTable)
      args.sequences = integers(device.inputs.sequences)
      args.positions = integers(device.inputs.positions)
      args.tokens = Int32(rows)
      attention(&args, parts, step, keys: input(1), values: input(2), rows: rows)
    case .activation(var args):
      args.x = input(0)
      args.y = y
      team.run(kernels.activation, &args, items: rows, grain: team.grain(items: rows))
    case .softCap(var args):
      args.x = input(0)
      args.y = y
      team.run(kernels.soft_cap, &args, items: rows, grain: team.grain(items: rows))
    case .gatedActivation(var args):
      args.gate = input(0)
      args.up = input(1)
      args.y = y
      team.run(kernels.gated_activation, &args, items: rows, grain: team.grain(items: rows))
    case .add(var args):
      args.a = input(0)
      args.b = input(1)
      args.y = y
      team.run(kernels.add, &args, items: rows, grain: team.grain(items: rows))
    case .selectRows(var args):
      args.x = input(0)
      args.rows = integers(device.inputs.outputRows)
      args.y = y
      team.run(kernels.select_rows, &args, items: rows, grain: team.grain(items: rows))
    case .reduce, .join:
      putTogether(step, y: y, rows: rows, pass: pass)
    case .latentAttention, .expandLatent, .expertRouter, .experts, .sigmoidGate:
      computeMixture(step, y: y, rows: rows, pass: pass)
    case .none:
      break
    }
  }

  /// A linear layer on a node's first input.
  func linear(
    _ template: skein_linear_args, _ step: CPUStep, x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>,
    rows: Int, pass: PassShape
  ) {
    var args = template
    args.y = y
    args.tokens = Int32(rows)
    let form = inputForm(type: args.type, layout: args.layout, tokens: rows)
    args.x = input(x, as: form, columns: args.columns, rows: rows, step, pass)
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    let unit = Int(skein_linear_row_grain())
    team.run(
      kernels.pointee.linear, &args, items: Int(args.rows),
      grain: team.grain(items: Int(args.rows), unit: unit))
  }

  /// Stores the new keys and values, then attends.
  private func attention(
    _ args: inout skein_attention_args, _ parts: AttentionParts, _ step: CPUStep, keys: UnsafePointer<Float>,
    values: UnsafePointer<Float>, rows: Int
  ) {
    rounded = nil  // attention's scratch takes its place
    var write = skein_cache_write_args(
      cache: args.cache, keys: keys, values: values, sequences: args.sequences, positions: args.positions)
    team.run(kernels.pointee.cache_write, &write, items: rows, grain: team.grain(items: rows))
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    var items = Int(skein_attention_items(&args))
    // With four items a thread, one that is slowed down by others costs little. Bits are the same either way.
    guard team.threadCount > 1, items < 4 * team.threadCount, rows <= parts.tokenCount else {
      return team.run(kernels.pointee.attention, &args, items: items, grain: 1)
    }
    args.parts = workspace.assumingMemoryBound(to: Float.self)
    let chunks = Int(skein_attention_items(&args))
    if chunks == items {  // nothing to cut
      args.parts = nil
      return team.run(kernels.pointee.attention, &args, items: items, grain: 1)
    }
    team.run(kernels.pointee.attention, &args, items: chunks, grain: team.grain(items: chunks))
    items = rows * Int(args.heads)
    team.run(kernels.pointee.attention_combine, &args, items: items, grain: team.grain(items: items))
  }
}
