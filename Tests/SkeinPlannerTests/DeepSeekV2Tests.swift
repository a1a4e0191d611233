import Foundation
import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

/// DeepSeek-V2 with 10.6 bits a weight and a context of 32,768 tokens on eight cards of 46 GB and a host.
@Suite("DeepSeek-V2 on 8 x 46 GB")
struct DeepSeekV2Tests {
  private static let request = RequestShape(promptTokens: 32_640, genTokens: 128)

  private func problem(
    _ cache: GraphOptions.LatentCache, devices: Int? = nil
  ) throws -> (PlanningProblem, ConfiguredModel) {
    let model = try ConfiguredModel(
      path: PublishedCases.path("deepseek-v2.json"), weights: WeightFormat("10.6bpw"),
      options: GraphOptions(latentCache: cache))
    let fleet = try PublishedCases.fleet("eight-46gb.yaml", count: devices)
    return (PublishedCases.problem(model, fleet, request: Self.request), model)
  }

  private func placement(_ name: String, _ problem: PlanningProblem, _ model: ConfiguredModel) throws
    -> Placement
  {
    let context = PlacementContext(
      modules: model.modules, knownDevices: problem.fleet.devices.map(\.id), hostDevice: DeviceID("cpu"))
    return try readPlacement(try PublishedCases.text(name), path: name).resolve(context).0
  }

  @Test("A layer takes the 5.2 GB that were measured")
  func layerBytes() throws {
    let (problem, _) = try problem(.compressed)
    let graph = problem.model.graph
    let layer = Set(graph.nodes.filter { $0.name.layer == 30 }.flatMap(\.weights))
    let bytes = layer.reduce(0) { $0 + problem.model.weightBytes[$1.index] }
    #expect(abs(Double(bytes) / 5.2e9 - 1) < 0.02, "\(bytes)")
  }

  @Test("Compressed rows are read once for all heads, also where other kernels read keys for each")
  func latentReads() throws {
    let (problem, _) = try problem(.compressed)
    let node = try #require(
      problem.model.graph.nodes.first { if case .latentAttention = $0.op { true } else { false } })
    func price(perQueryHead: Bool) -> StepPrice {
      var rates = problem.fleet.devices[0].rates
      rates.readsCachePerQueryHead = perQueryHead
      // Only reading counts.
      rates.attentionOperationsPerSecond = .infinity
      return problem.model.price(of: node, tokens: 1, outputs: 1, sequences: 1, on: rates)
    }
    #expect(price(perQueryHead: true) == price(perQueryHead: false))
    let rate = problem.fleet.devices[0].rates.attentionBytesPerSecond
    #expect(abs(price(perQueryHead: true).secondsPerPosition[.max, default: 0] * rate - 576 * 2) < 1e-6)
  }

  @Test("A large pass takes every position through the projections once, a small one every token")
  func latentForms() throws {
    let (problem, _) = try problem(.compressed)
    let node = try #require(
      problem.model.graph.nodes.first { if case .latentAttention = $0.op { true } else { false } })
    var rates = problem.fleet.devices[0].rates
    // Only the projections count.
    (rates.attentionOperationsPerSecond, rates.attentionBytesPerSecond) = (.infinity, .infinity)
    (rates.stepSeconds, rates.outputSeconds) = (0, 0)
    func seconds(_ tokens: Int, sequences: Int = 1, position: Int) -> Double {
      problem.model.price(of: node, tokens: tokens, outputs: 1, sequences: sequences, on: rates).seconds(
        PassLoad(tokens: tokens, outputs: 1, position: position, sequences: sequences))
    }
    let position = seconds(512, position: 1000) / 1512
    #expect(abs(seconds(256, position: 1000) / 1256 / position - 1) < 1e-9)
    #expect(abs(seconds(512, sequences: 2, position: 1000) / 2 / 1256 / position - 1) < 1e-9)
    #expect(seconds(200, position: 1000) == seconds(200, position: 0))
    #expect(seconds(512, sequences: 4, position: 1000) == seconds(512, sequences: 4, position: 0))
  }

  @Test("Eight whole layers a card with an expanded cache are refused, with bytes and remedies, in a second")
  func refused() throws {
    let (problem, model) = try problem(.expanded)
    let placement = try placement("eight-layers.yaml", problem, model)
    let start = ContinuousClock.now
    let refusal = try #require(try problem.refusal(of: placement))
    #expect(ContinuousClock.now - start < .seconds(1))
    let text = refusal.description
    let document = try PublishedCases.document()
    for line in text.split(separator: "\n").dropFirst() {
      #expect(document.contains(line), "docs/planner.md does not have: \(line)")
    }
    let plan = try problem.lower(placement)
    // The last card has four layers, and room.
    #expect(refusal.shortages.map(\.place) == (0..<7).map { "cuda:\($0)" })
    for (index, shortage) in refusal.shortages.enumerated() {
      #expect(shortage.neededBytes == plan.byteCount(device: index))
      #expect(document.contains("| \(shortage.place) | \(shortage.neededBytes) |"))
      #expect(text.contains("\(shortage.place) needs \(shortage.neededBytes) bytes and has 45600000000"))
    }
    #expect(text.split(separator: "\n").count == 2 + refusal.remedies.count && refusal.remedies.count == 6)
    #expect(refusal.error.code == .doesNotFit)
    // 8 bits for the cache are not enough alone; all else is.
    #expect(refusal.remedies.filter { !$0.fits }.map(\.change) == [.cache(.q8_0)])
    for remedy in refusal.remedies where remedy.fits && remedy.change != .compressedCache {
      #expect((remedy.price?.requestSeconds ?? 0) > 0 && remedy.decodeGain != nil, "\(remedy)")
    }
  }

  @Test("Rungs are the least that will do")
  func leastChanges() throws {
    let (problem, model) = try problem(.expanded)
    let placement = try placement("eight-layers.yaml", problem, model)
    let refusal = try #require(try problem.refusal(of: placement))
    for remedy in refusal.remedies {
      switch remedy.change {
      case .context(let tokens):
        var changed = problem
        changed.limits.contextTokens = tokens
        #expect(try changed.refusal(of: placement) == nil)
        changed.limits.contextTokens += problem.limits.cachePageTokens
        #expect(try changed.refusal(of: placement) != nil)
      case .hostExperts(let counts, let host):
        for fewer in [false, true] {
          var changed = placement
          changed.devices.append(host)
          for (device, id) in placement.devices.enumerated() {
            var left = counts[id, default: 0] - (fewer ? 1 : 0)
            for node in problem.model.graph.nodes.reversed() where left > 0 {
              guard case .experts = node.op, placement.device(of: node.id) == device else { continue }
              changed.shares[node.id.index] = [Share(device: 8, fraction: 1)]
              left -= 1
            }
          }
          let lacks = try problem.refusal(of: changed)?.shortages.count ?? 0
          #expect(lacks == (fewer ? 7 : 0))
        }
      case .weights(let format):
        #expect(format == .elementType(.q5_K))
      case .streamed(let counts):
        // One buffer stays, so a layer more than with experts on the host.
        #expect(counts[DeviceID("cuda:1")] == 5 && counts[DeviceID("cuda:7")] == nil)
      case .cache, .compressedCache: continue
      }
    }
  }

  @Test("Seven whole layers and the eighth's experts on the host fit, and the planner's own plan is faster")
  func accepted() throws {
    let (compressed, model) = try problem(.compressed)
    let given = try compressed.price(
      try placement("seven-layers-and-experts.yaml", compressed, model))
    let own = try Planner(compressed).best().chosen
    let document = try PublishedCases.document()
    for (name, price) in [("seven and experts", given.price), ("Skein's own", own.price)] {
      let row = String(
        format: "| \(name), compressed | %.1f | %.2f | %.1f |", price.prefillTokensPerSecond,
        price.decodeTokensPerSecond, price.requestSeconds)
      #expect(document.contains(row), "docs/planner.md does not have: \(row)")
    }
    #expect(own.seconds <= given.price.requestSeconds)
    // The expanded cache is what does not fit: by 13.5 GB on a card in the middle.
    let (expanded, expandedModel) = try problem(.expanded)
    let refusal = try #require(
      try expanded.refusal(of: try placement("seven-layers-and-experts.yaml", expanded, expandedModel)))
    #expect(refusal.shortages.map(\.place) == (0..<7).map { "cuda:\($0)" })
    #expect(refusal.shortages[1].neededBytes == 59_166_150_656)
    // The planner finds room for it too, with more experts on the host, and faster than the ladder's rung.
    let found = try Planner(expanded).best().chosen
    let rung = refusal.remedies.first { if case .hostExperts = $0.change { true } else { false } }
    #expect(found.seconds <= rung?.price?.requestSeconds ?? 0)
  }

  @Test("Where the planner finds nothing it explains the placement that lacks least, in a second")
  func searchRefused() throws {
    let (problem, _) = try problem(.compressed, devices: 5)
    let start = ContinuousClock.now
    let error = #expect(throws: PlannerError.self) { try Planner(problem).bestOrRefusal() }
    #expect(ContinuousClock.now - start < .seconds(1))
    let lines = try #require(error?.message.split(separator: "\n").map(String.init))
    #expect(error?.code == .doesNotFit)
    #expect(lines[0].contains("cuda:0, cuda:1, cuda:2, cuda:3, cuda:4") && lines[0].contains("it lacks"))
    #expect(lines.contains { $0.contains("weights in Q6_K: prefill") })
    #expect(lines.contains { $0.contains("not enough alone") })
    // No processor, so no experts on one.
    #expect(!lines.contains { $0.contains("experts of") })
  }
}
