import CAllocationCounter
import SkeinDevices
import SkeinGraph
import SkeinTestSupport
import Testing

@testable import SkeinExecutor

/// Layers that several devices share: heads, inner values, rows of the head.
@Suite(.serialized) struct TensorSplitTests {
  static let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 3, contextTokens: 200, sequenceCount: 2,
    cachePageTokens: 8, cacheType: .f32)
  /// 6 query heads on 3 heads of keys and values; three units of 32 inner values.
  static let decoder = TinyGraph.decoder(
    width: 48, heads: 6, keyValueHeads: 3, feedForward: 96, vocabulary: 96)
  /// Latent attention of 4 heads, and experts.
  static let mixture = TinyGraph.mixture(expertWidth: 96, vocabulary: 96)

  /// Shares of these fractions on devices from `first` on.
  static func shares(_ fractions: [Double], from first: Int = 0) -> [Share] {
    fractions.enumerated().map { Share(device: first + $0, fraction: $1) }
  }

  private func logits(
    _ graph: Graph, _ devices: [any Device], streamed: Set<NodeID> = [], _ shares: (Node) -> [Share]
  ) throws -> (runner: Runner, logits: [Float]) {
    let placement = Placement(
      devices: devices.map(\.id), shares: graph.nodes.map(shares), streamed: streamed)
    let runner = try Runner(graph, placement, devices, Self.limits)
    return (runner, try runner.logits(tokens(75, vocabulary: 96)))
  }

  private func whole(_ graph: Graph) throws -> [Float] {
    try logits(graph, try oneCoreDevices(1)) { _ in [Share(device: 0, fraction: 1)] }.logits
  }

  /// All of the model, or only its layers; even and uneven; two and three devices; streamed or not.
  @Test(arguments: [
    decoder, mixture, TinyGraph.mixture(expertWidth: 96, vocabulary: 96, isSplit: false),
    TinyGraph.mixture(expertWidth: 96, vocabulary: 96, latentCache: .expanded),
    TinyGraph.decoder(width: 48, heads: 6, keyValueHeads: 3, feedForward: 112, vocabulary: 96, window: 9),
  ])
  func sharedLayersGiveTheSameLogits(graph: Graph) throws {
    let expected = try whole(graph)
    for fractions in [[0.5, 0.5], [0.7, 0.3], [0.3, 0.3, 0.4], [0.1, 0.2, 0.7]] {
      let devices = try oneCoreDevices(fractions.count)
      let shares = Self.shares(fractions)
      for streamed in [Set<NodeID>(), Set(graph.nodes.map(\.id))] {
        for layersOnly in [false, true] {
          let found = try logits(graph, devices, streamed: streamed) {
            layersOnly && $0.name.layer == nil ? [Share(device: 0, fraction: 1)] : shares
          }
          #expect(relativeDifference(found.logits, expected) < 1e-5, "\(fractions)")
          // The order of sums is fixed: not a bit differs between runs.
          for _ in 0..<3 {
            #expect(try found.runner.logits(tokens(75, vocabulary: 96), sequence: 1) == found.logits)
            found.runner.executor.truncate(sequence: 1, to: 0)
          }
          let plan = found.runner.executor.plan
          #expect(
            found.runner.executor.reservedBytes == plan.devices.indices.map { plan.byteCount(device: $0) })
        }
      }
    }
  }

  /// One token at a time over what is cached.
  @Test(arguments: [decoder, mixture]) func decodingGivesTheSameLogits(graph: Graph) throws {
    func decoded(_ fractions: [Double]) throws -> [Float] {
      let devices = try oneCoreDevices(fractions.count)
      let shares = Self.shares(fractions)
      let placement = Placement(devices: devices.map(\.id), shares: graph.nodes.map { _ in shares })
      let runner = try Runner(graph, placement, devices, Self.limits)
      return try tokens(40, vocabulary: 96).enumerated().flatMap { position, token in
        var batch = Batch()
        batch.append(token, position: position, wantsLogits: true)
        return try runner.logits(batch)
      }
    }
    let expected = try decoded([1])
    #expect(relativeDifference(try decoded([0.4, 0.6]), expected) < 1e-5)
    #expect(relativeDifference(try decoded([0.4, 0.3, 0.3]), expected) < 1e-5)
  }

  /// The first layers on two devices, the others on two others, the head on a fifth.
  @Test func groupsOfDevicesFollowEachOther() throws {
    let graph = Self.decoder
    let devices = try oneCoreDevices(5)
    let found = try logits(graph, devices) { node in
      guard let layer = node.name.layer else {
        return node.name.role == .tokenEmbedding ? Self.shares([0.5, 0.5]) : [Share(device: 4, fraction: 1)]
      }
      return layer < 2 ? Self.shares([0.6, 0.4]) : Self.shares([0.3, 0.7], from: 2)
    }
    #expect(relativeDifference(found.logits, try whole(graph)) < 1e-5)
  }

  /// Attention on two devices, the feed-forward network on one of them or another, and the other way round.
  @Test func blocksAreSharedByThemselves() throws {
    let graph = Self.decoder
    let expected = try whole(graph)
    let devices = try oneCoreDevices(3)
    let feedForward: [Role] = [.gate, .up, .activation, .down]
    for home in 0..<3 {
      for isShared in [true, false] {
        let found = try logits(graph, devices) { node in
          guard node.name.layer != nil, feedForward.contains(node.name.role) == isShared else {
            return [Share(device: home, fraction: 1)]
          }
          return Self.shares([0.5, 0.5])
        }
        #expect(relativeDifference(found.logits, expected) < 1e-5)
      }
    }
  }

  /// Whatever shares: the result is right, or an error says what cannot be cut.
  @Test func randomSharesRunOrAreRefused() throws {
    var generator = SplitMix64(state: 11)
    var (ran, refused) = (0, 0)
    for turn in 0..<120 {
      let kinds = [
        TinyGraph.decoder(
          layerCount: 2, width: 32, heads: 4, keyValueHeads: [1, 2, 4][turn % 3],
          feedForward: Int.random(in: 1...5, using: &generator) * 24, vocabulary: 96),
        TinyGraph.mixture(
          layerCount: 2, expertWidth: 64, vocabulary: 96, latentCache: turn % 4 < 2 ? .compressed : .expanded),
      ]
      let graph = kinds[turn % 2]
      let count = Int.random(in: 2...3, using: &generator)
      let devices = try oneCoreDevices(count)
      func draw() -> [Share] {
        let used = (0..<count).shuffled(using: &generator).prefix(
          Int.random(in: 1...count, using: &generator))
        let parts = used.map { _ in Double.random(in: 0.05...1, using: &generator) }
        let sum = parts.reduce(0, +)
        return zip(used, parts).map { Share(device: $0, fraction: $1 / sum) }
      }
      // A few kinds of shares, dealt to runs of nodes: so that some fit together.
      let choices = (0..<3).map { _ in draw() }
      var current = choices[0]
      let placement = Placement(
        devices: devices.map(\.id),
        shares: graph.nodes.map { _ in
          if Int.random(in: 0..<(turn % 5 + 1) * 4, using: &generator) == 0 {
            current = choices.randomElement(using: &generator)!
          }
          return current
        })
      do {
        let runner = try Runner(graph, placement, devices, Self.limits)
        #expect(
          relativeDifference(try runner.logits(tokens(40, vocabulary: 96)), try reference(graph)) < 1e-5,
          "turn \(turn)")
        ran += 1
      } catch let error as GraphError {
        #expect(error.code == .invalidPlacement && error.place != nil, "\(error)")
        refused += 1
      }
    }
    #expect(ran > 20 && refused > 5, "\(ran) ran, \(refused) were refused")
  }

  /// In a process of its own, where no other test allocates meanwhile.
  @Test func theDecodeLoopAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      guard skein_counts_allocations() else { return }
      let devices = try oneCoreDevices(2)
      for graph in [TensorSplitTests.decoder, TensorSplitTests.mixture] {
        let shares = TensorSplitTests.shares([0.6, 0.4])
        let placement = Placement(devices: devices.map(\.id), shares: graph.nodes.map { _ in shares })
        let plan = try lower(
          graph, placement, limits: TensorSplitTests.limits, layouts: devices.map(\.layout)
        ) { _ in .f32 }
        let executor = try Executor(plan: plan, devices: devices, weights: FixedWeights(graph))
        var batch = Batch(capacity: 16)
        let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: graph.vocabularySize)
        func decode(_ positions: Range<Int>) throws {
          for position in positions {
            batch.removeAll()
            batch.append(7, position: position, wantsLogits: true)
            try executor.execute(batch, logits: logits)
          }
        }
        try decode(0..<20)
        let before = skein_allocation_count()
        skein_allocation_counting_start()
        try decode(20..<180)
        skein_allocation_counting_stop()
        precondition(skein_allocation_count() == before, "decoding allocates")
      }
    }
  }

  private func reference(_ graph: Graph) throws -> [Float] {
    let devices = try oneCoreDevices(1)
    let placement = Placement(
      devices: devices.map(\.id), shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    return try Runner(graph, placement, devices, Self.limits).logits(tokens(40, vocabulary: 96))
  }
}
