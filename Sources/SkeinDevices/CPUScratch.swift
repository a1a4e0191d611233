import CKernels
import SkeinGraph
import SkeinTensor

/// The scratch memory of one node: its rounded input, what its kernels hand to each other, then each thread's own.
struct CPUScratch: Hashable {
  /// Bytes of the input in the form that takes most, room for which is kept also where the weights take float32, so
  /// that linear layers that share an input find it again.
  var inputBytes = 0
  /// Bytes that a node's kernels hand to each other.
  var sharedBytes = 0
  /// Bytes from one thread's scratch to the next.
  var threadStride = 0

  /// Where the first thread's scratch begins.
  var threadOffset: Int { inputBytes + sharedBytes }

  init(for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType) {
    var threadBytes = 0
    let rows = node.rows.count(tokens: limits.tokensPerPass, outputs: limits.outputsPerPass)
    func keepInput() {
      let columns = Int32(graph[node.inputs[0]].width)
      inputBytes =
        max(InputForm.int8.rowBytes(columns: columns), InputForm.bf16.rowBytes(columns: columns)) * rows
    }
    switch node.op {
    case .linear:
      let columns = Int32(graph[node.inputs[0]].width)
      keepInput()
      threadBytes = skein_linear_workspace_bytes(type(node.weights[0]).rawValue, columns, Int32(rows))
    case .attention(let attention):
      threadBytes = skein_attention_workspace_bytes(
        Int32(attention.headCount), Int32(attention.keyValueHeadCount), Int32(attention.keyWidth),
        Int32(attention.valueWidth), Int32(limits.cachePageTokens))
    case .expertRouter(let router):
      let columns = Int32(graph[node.inputs[0]].width)
      keepInput()
      sharedBytes = (rows * router.expertCount * 4 + 63) / 64 * 64
      threadBytes = max(
        skein_linear_workspace_bytes(type(node.weights[0]).rawValue, columns, Int32(rows)),
        skein_expert_router_workspace_bytes(Int32(router.expertCount), Int32(router.groups?.count ?? 0)))
    case .experts(let experts):
      // A part of a mixture takes no more than the whole would.
      keepInput()
      let matrices = node.weights.prefix(3).map { skein_expert_matrix(graph[$0], type($0)) }
      sharedBytes = ExpertBuffers(experts, matrices, rows: rows, of: experts.expertCount).byteCount
      threadBytes = withUnsafePointer(to: matrices[0]) { gate in
        withUnsafePointer(to: matrices[1]) { up in
          withUnsafePointer(to: matrices[2]) { skein_experts_workspace_bytes(gate, up, $0, Int32(rows)) }
        }
      }
    case .latentAttention(let attention):
      var heads = skein_latent_heads(attention.heads, node, graph, type: type)
      threadBytes = skein_latent_attention_workspace_bytes(&heads, Int32(limits.cachePageTokens))
    case .expandLatent(let expansion):
      var heads = skein_latent_heads(expansion.heads, node, graph, type: type)
      threadBytes = skein_expand_latent_workspace_bytes(&heads)
    case .embedding, .rmsNorm, .layerNorm, .rope, .activation, .gatedActivation, .softCap, .sigmoidGate, .add,
      .selectRows:
      break
    }
    // Threads do not share cache lines, nor the lines that the prefetcher pairs with them.
    threadStride = (threadBytes + 127) / 128 * 128
  }
}
