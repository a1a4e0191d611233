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
    case .linear(let args, let takesQuantized):
      linear(args, takesQuantized: takesQuantized, step, x: input(0), y: y, rows: rows, pass: pass)
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
    case .attention(var args):
      args.queries = input(0)
      args.y = y
      args.cache.page_table = integers(device.inputs.pageTable)
      args.sequences = integers(device.inputs.sequences)
      args.positions = integers(device.inputs.positions)
      args.tokens = Int32(rows)
      attention(&args, step, keys: input(1), values: input(2), rows: rows)
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
    _ template: skein_linear_args, takesQuantized: Bool, _ step: CPUStep, x: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>, rows: Int, pass: PassShape
  ) {
    var args = template
    args.y = y
    args.tokens = Int32(rows)
    let quantized = quantizedInput(
      x, columns: args.columns, rows: rows, step, pass, isWanted: takesQuantized)
    args.x = quantized ?? UnsafeRawPointer(x)
    team.setWorkspace(workspace + step.scratch.threadOffset, stride: step.scratch.threadStride)
    let unit = Int(skein_linear_row_grain())
    team.run(
      kernels.pointee.linear, &args, items: Int(args.rows),
      grain: team.grain(items: Int(args.rows), unit: unit))
  }

  /// A node's first input in the form that quantized weights take, at the front of the workspace; nil where it is
  /// not wanted. Query, key and value (gate and up, router and experts) take the same input: it is quantized
  /// for the first of them.
  func quantizedInput(
    _ x: UnsafePointer<Float>, columns: Int32, rows: Int, _ step: CPUStep, _ pass: PassShape, isWanted: Bool
  ) -> UnsafeRawPointer? {
    // A node with another input may put its threads' scratch where the quantized rows are.
    if quantized?.input != step.firstInput || quantized?.pass != pass.serial { quantized = nil }
    guard isWanted else { return nil }
    if quantized == nil {
      var quantize = skein_quantize_activations_args(x: x, columns: columns, y: workspace)
      team.run(kernels.pointee.quantize_activations, &quantize, items: rows, grain: team.grain(items: rows))
      quantized = (pass.serial, step.firstInput!)
    }
    return UnsafeRawPointer(workspace)
  }

  /// Stores the new keys and values, then attends.
  private func attention(
    _ args: inout skein_attention_args, _ step: CPUStep, keys: UnsafePointer<Float>,
    values: UnsafePointer<Float>, rows: Int
  ) {
    quantized = nil  // attention's scratch takes its place
    var write = skein_cache_write_args(
      cache: args.cache, keys: keys, values: values, sequences: args.sequences, positions: args.positions)
    team.run(kernels.pointee.cache_write, &write, items: rows, grain: team.grain(items: rows))
    team.setWorkspace(workspace, stride: step.scratch.threadStride)
    team.run(kernels.pointee.attention, &args, items: Int(skein_attention_items(&args)), grain: 1)
  }
}
