@testable import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct GraphTests {
  let graph = TinyGraph.decoder()

  @Test func aGoodGraphIsValid() throws {
    try graph.validate()
    #expect(graph.output.name == NodeName(.head))
    #expect(graph.caches.map(\.layer) == [0, 1, 2])
    // Two weights outside the layers and a norm; ten in each layer.
    #expect(graph.weights.count == 3 + 3 * 10)
  }

  @Test func nodesKnowWhereTheyWereWritten() {
    #expect(graph.nodes.allSatisfy { $0.source.hasPrefix("SkeinTestSupport/TinyGraph.swift:") })
  }

  @Test func theTextNamesEveryNode() {
    let lines = graph.description.split(separator: "\n")
    #expect(lines.count == graph.nodes.count)
    #expect(
      lines[2] == "2 layers.0.query = linear(layers.0.attentionNorm; [32, 32], [32]) -> [tokens, 32]")
  }

  /// A graph with one node replaced.
  private func changed(_ name: NodeName, _ change: (Node) -> Node) -> Graph {
    var copy = graph
    let index = copy.nodes.firstIndex { $0.name == name }!
    copy.nodes[index] = change(copy.nodes[index])
    return copy
  }

  private func node(
    _ node: Node, name: NodeName? = nil, op: Op? = nil, inputs: [NodeID]? = nil, weights: [WeightID]? = nil,
    rows: RowCount? = nil, width: Int? = nil
  ) -> Node {
    Node(
      id: node.id, name: name ?? node.name, op: op ?? node.op, inputs: inputs ?? node.inputs,
      weights: weights ?? node.weights, rows: rows ?? node.rows, width: width ?? node.width,
      source: node.source)
  }

  @Test func everyBrokenRuleIsFound() {
    let query = NodeName(layer: 1, .query)
    let rope = NodeName(layer: 1, .queryRope)
    let attention = NodeName(layer: 1, .attention)
    var withoutHead = graph
    withoutHead.nodes.removeLast()
    let broken: [(String, Graph)] = [
      ("another node has this name", changed(query) { node($0, name: NodeName(layer: 0, .query)) }),
      ("which is not before it", changed(query) { node($0, inputs: [NodeID($0.id.index)]) }),
      ("which does not exist", changed(query) { node($0, weights: [WeightID(9999)]) }),
      ("has weights", changed(query) { node($0, weights: [$0.weights[1]]) }),
      ("takes widths", changed(query) { node($0, inputs: [NodeID(0), NodeID(0)]) }),
      ("mixes rows", changed(query) { node($0, rows: .outputs) }),
      ("its width is 0", changed(query) { node($0, width: 0) }),
      (
        "its heads do not fill its width",
        changed(rope) {
          let rope = Rope(
            headCount: 3, headWidth: 8, dimensions: 8, base: 1, pairing: .halves, scaling: .none)
          return node($0, op: .rope(rope))
        }
      ),
      (
        "cannot rotate 7",
        changed(rope) {
          let rope = Rope(
            headCount: 4, headWidth: 8, dimensions: 7, base: 1, pairing: .halves, scaling: .none)
          return node($0, op: .rope(rope))
        }
      ),
      (
        "cannot share",
        changed(attention) {
          guard case .attention(var attention) = $0.op else { return $0 }
          attention.keyValueHeadCount = 3
          return node($0, op: .attention(attention))
        }
      ),
      (
        "its cache does not exist",
        changed(attention) {
          guard case .attention(var attention) = $0.op else { return $0 }
          attention.cache = CacheID(7)
          return node($0, op: .attention(attention))
        }
      ),
      ("must give logits", withoutHead),
    ]
    for (words, graph) in broken {
      #expect("\(words)") {
        try graph.validate()
      } throws: {
        "\($0)".contains(words)
      }
    }
  }

  @Test func workCountsWhatAnOpDoes() {
    func work(_ name: NodeName, tokens: Int, cacheType: ElementType = .f16) -> Work {
      graph.work(
        of: graph.nodes.first { $0.name == name }!, tokens: tokens, outputs: 1, contextTokens: 10,
        cacheType: cacheType, weightBytes: { graph[$0].shape.elementCount! * 2 })
    }
    let down = work(NodeName(layer: 0, .down), tokens: 5)
    #expect(down.floatingPointOperations == 2 * 5 * 48 * 32)
    #expect(down.weightBytes == 48 * 32 * 2)
    #expect(down.activationBytes == 4 * 5 * (48 + 32))
    // Of the table only the tokens' rows are read.
    #expect(work(NodeName(.tokenEmbedding), tokens: 5).weightBytes == 5 * 32 * 2)
    // Ten positions, four heads of eight, scores and values.
    #expect(work(NodeName(layer: 0, .attention), tokens: 3).floatingPointOperations == 2 * 3 * 10 * 4 * 16)
    // Queries and result of four heads, keys and values of two, then ten positions of the cache: two heads of
    // eight keys and eight values, in F16 or in a block of 34 bytes each.
    let activations = 4.0 * 3 * (2 * 32 + 2 * 16)
    let attention = NodeName(layer: 0, .attention)
    #expect(work(attention, tokens: 3).activationBytes == activations + 10 * 2 * 16 * 2)
    #expect(work(attention, tokens: 3, cacheType: .q8_0).activationBytes == activations + 10 * 2 * 2 * 34)
    // Only one token's logits are wanted.
    #expect(work(NodeName(.head), tokens: 5).floatingPointOperations == 2 * 32 * 64)
  }
}
