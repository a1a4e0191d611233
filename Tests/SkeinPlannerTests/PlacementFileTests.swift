import SkeinGraph
import SkeinModels
import SkeinTestSupport
import Testing

@testable import SkeinPlanner

@Suite("Placement files")
struct PlacementFileTests {
  static let text = #"""
    # what runs where; the first rule that matches wins
    # predicted: 12 tokens a second
    devices: [cuda:0, cuda:1, cpu]
    strategy: experts
    passes_in_flight: 4
    tokens_per_pass: 256
    cache_type: f16
    rules:
      - match: "^model\\.layers\\.([0-9]|1[0-9])\\..*experts$"
        device: cpu
        weights: streamed
      - match: "^blk\\.(2[0-6])\\."   # names of GGUF tensors
        device: {cuda:0: 0.6, "cuda:1": 0.4}
      - node: ^layers\.3\.attentionResidual$
        device: cuda:1
      - match: '.'
        device: cuda:0
    """#

  @Test("All keys are read, with lines and comments")
  func reading() throws {
    let file = try PlacementFile(parsing: Self.text, path: "p.yaml")
    #expect(
      file.header == ["what runs where; the first rule that matches wins", "predicted: 12 tokens a second"])
    #expect(file.devices == ["cuda:0", "cuda:1", "cpu"].map { DeviceID($0) })
    #expect(file.strategy == "experts" && file.cacheType == "f16")
    #expect(file.passesInFlight == 4 && file.tokensPerPass == 256)
    #expect(file.rules.map(\.line) == [9, 12, 14, 16])
    #expect(file.rules[0].weights == .streamed && file.rules[0].shares == [DeviceShare(DeviceID("cpu"))])
    #expect(
      file.rules[1].shares
        == [
          DeviceShare(DeviceID("cuda:0"), fraction: 0.6), DeviceShare(DeviceID("cuda:1"), fraction: 0.4),
        ])
    #expect(file.rules[2].subject == .node)
  }

  @Test("Written, it is the same file again")
  func writing() throws {
    var file = try PlacementFile(parsing: Self.text, path: "p.yaml")
    file.rules.append(.init(.match, "it's\t\"odd\" \\ # é: [x]", [DeviceShare(DeviceID("odd device"))]))
    file.strategy = "no: word"
    var again = try PlacementFile(parsing: file.text, path: "p.yaml")
    #expect(again.text == file.text)
    for index in file.rules.indices {
      file.rules[index].line = nil
      again.rules[index].line = nil
    }
    #expect(again == file)
  }

  @Test("The first rule wins; nodes that nothing names follow; names of GGUF work")
  func resolving() throws {
    let context = try RuleModel.deepSeekV2Lite.context()
    let (placement, findings) = try PlacementFile(parsing: Self.text, path: "p").resolve(context)
    let graph = context.modules.graph
    func device(_ node: String) -> String { placement.deviceName(node, in: graph) }
    #expect(device("tokenEmbedding") == "cuda:0")
    #expect(device("layers.1.experts") == "cpu")
    #expect(device("layers.1.router") == "cuda:0")
    #expect(device("layers.3.attentionResidual") == "cuda:1")
    #expect(device("layers.4.attentionResidual") == "cuda:0")
    #expect(device("layers.3.feedForwardResidual") == "cuda:0")
    let split = graph.nodes.first { $0.name == NodeName(layer: 21, .query) }!
    #expect(
      placement.shares[split.id.index]
        == [Share(device: 0, fraction: 0.6), Share(device: 1, fraction: 0.4)])
    let streamed = placement.streamed.map { graph[$0].name.description }
    #expect(streamed.contains("layers.1.experts") && streamed.count == 19)
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test("Nodes without weights go with their neighbours in the layer")
  func following() throws {
    let text = #"""
      rules:
        - {match: 'experts', device: cpu}
        - {match: 'layers\.1\.(mlp|self_attn|.*norm)', device: b}
        - {match: '(proj|norm|embed|head|mlp\.)', device: a}
      """#
    let context = try RuleModel.deepSeekV2Lite.context()
    let (placement, _) = try PlacementFile(parsing: text, path: "p").resolve(context)
    func device(_ node: String) -> String { placement.deviceName(node, in: context.modules.graph) }
    #expect(device("layers.0.queryRope") == "a" && device("layers.1.queryRope") == "b")
    #expect(device("layers.1.attentionResidual") == "b" && device("layers.2.attentionResidual") == "a")
    #expect(device("layers.1.feedForwardResidual") == "b")
    #expect(device("layers.1.mixture") == "b" && device("layers.2.feedForwardResidual") == "a")
    #expect(device("layers.0.activation") == "a" && device("layers.5.sharedActivation") == "cpu")
    #expect(device("layers.26.selectedResidual") == "a")
  }

  @Test("A tied head goes by its own name, not the embedding's")
  func tiedHead() throws {
    var g = GraphBuilder(vocabularySize: 8, layerCount: 1) { _ in false }
    let x = g.embedding(.tokenEmbedding, width: 4)
    g.layer = 0
    let (residual, _) = g.selectOutputs(x, x)
    g.layer = nil
    _ = g.linear(residual, .head, width: 8, sharing: WeightName(NodeName(.tokenEmbedding)))
    let modules = ModuleTree(try g.finish(), classes: ModuleClasses("tiny", prefix: "Tiny"))
    func devices(_ text: String) throws -> [String] {
      let placement = try readPlacement(text, path: "p").evaluate(PlacementContext(modules: modules))
        .placement
      return ["tokenEmbedding", "head"].map { placement.deviceName($0, in: modules.graph) }
    }
    for name in ["embed_tokens", "token_embd"] {
      #expect(
        try devices("rules: [{match: \(name), device: cpu}, {match: ., device: gpu}]") == ["cpu", "gpu"])
    }
    for name in ["lm_head", "^output.weight"] {
      #expect(
        try devices("rules: [{match: \(name), device: cpu}, {match: ., device: gpu}]") == ["gpu", "cpu"])
    }
    #expect(try devices(#"{"model.embed_tokens": 0, "lm_head": 1}"#) == ["cuda:0", "cuda:1"])
    // There the copy of the matrix has the embedding's name.
    #expect(try devices("-ngl 99 -ot token_embd=CPU") == ["cpu", "cpu"])
  }

  @Test("Lines end as on any system")
  func lineEnds() throws {
    let text = Self.text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
    #expect(try PlacementFile(parsing: text, path: "p") == PlacementFile(parsing: Self.text, path: "p"))
  }

  @Test("A placement becomes a file and comes back, whatever it is")
  func describing() throws {
    var random = SplitMix64(state: 7)
    let devices = ["cpu", "cuda:0", "cuda:1"].map { DeviceID($0) }
    let modules = try RuleModel.deepSeekV2Lite.description().modules
    let graph = modules.graph
    var placements = [
      Placement.layerSplit(of: graph, over: devices) { graph[$0].shape.elementCount ?? 0 },
      Placement.random(of: graph, over: devices, using: &random),
    ]
    var offloaded = placements[0]
    for node in graph.nodes where node.name.role == .experts {
      offloaded.shares[node.id.index] = [Share(device: 0, fraction: 1)]
      if node.name.layer! % 2 == 0 { offloaded.streamed.insert(node.id) }
    }
    placements.append(offloaded)
    var split = placements[0]
    for node in graph.nodes where node.name.role == .query {
      split.shares[node.id.index] = [Share(device: 0, fraction: 0.1), Share(device: 2, fraction: 0.9)]
    }
    placements.append(split)
    for (index, placement) in placements.enumerated() {
      let file = try PlacementFile(describing: placement, of: modules)
      let read = try PlacementFile(parsing: file.text, path: "p")
      let (again, findings) = try read.resolve(PlacementContext(modules: modules, knownDevices: devices))
      #expect(again == placement, "placement \(index)")
      #expect(findings.isEmpty, "\(findings)")
      if index == 2 { #expect(file.rules.count < 12) }
    }
  }

  @Test("A split by layers is told in few rules that people can read")
  func compact() throws {
    let modules = try RuleModel.llama.description().modules
    let graph = modules.graph
    let placement = Placement.layerSplit(of: graph, over: [DeviceID("cuda:0"), DeviceID("cuda:1")]) {
      graph[$0].shape.elementCount ?? 0
    }
    #expect(
      try PlacementFile(describing: placement, of: modules).text == #"""
        devices: [cuda:0, cuda:1]
        rules:
          - match: '^model\.layers\.[0-7]\.'
            device: cuda:0
          - match: '^model\.layers\.([89]|1[0-5])\.'
            device: cuda:1
          - match: '^model\.embed_tokens$'
            device: cuda:0
          - match: '^(model\.norm|lm_head)$'
            device: cuda:1

        """#)
  }

  @Test("Expressions for layers match those and no others")
  func layerRanges() throws {
    var random = SplitMix64(state: 3)
    for _ in 0..<200 {
      let count = Int.random(in: 1...40, using: &random)
      let numbers = Set((0..<count).map { _ in Int.random(in: 0...130, using: &random) })
      let pattern = try RulePattern("^\(LayerRanges.expression(numbers))$")
      for number in 0...1300 { #expect(try pattern.matches("\(number)") == numbers.contains(number)) }
    }
    #expect(LayerRanges.expression(0...14) == "([0-9]|1[0-4])")
    #expect(LayerRanges.expression(0...60) == "([0-9]|[1-5][0-9]|60)")
    #expect(LayerRanges.expression([7]) == "7")
    #expect(LayerRanges.words([0, 1, 2, 5, 9, 10]) == "0 to 2, 5 and 9 to 10")
  }
}
