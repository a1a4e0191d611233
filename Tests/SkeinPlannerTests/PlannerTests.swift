import SkeinGraph
import SkeinTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@testable import SkeinPlanner

@Suite("Planner")
struct PlannerTests {
  let model = PricedModel.f16(
    TinyGraph.decoder(
      layerCount: 8, width: 512, heads: 8, keyValueHeads: 4, feedForward: 1536, vocabulary: 4096))

  @Test("The time of a pipeline is what a walk over its plan finds")
  func estimateIsExact() throws {
    var random = SplitMix64(state: 1)
    for _ in 0..<60 {
      let count = Int.random(in: 1...5, using: &random)
      var fleet = random.fleet(deviceCount: count, modelBytes: model.totalBytes)
      for index in fleet.devices.indices { fleet.devices[index].memoryBytes = 1 << 40 }
      var problem = problem(model, fleet)
      problem.request = RequestShape(
        promptTokens: Int.random(in: 1...900, using: &random), genTokens: 50,
        concurrency: Int.random(in: 1...2, using: &random))
      problem.limits.outputsPerPass = 2
      problem.limits.sequenceCount = 2
      let ends = (Array(1..<8).shuffled(using: &random).prefix(count - 1)).sorted() + [8]
      let pipeline = Pipeline(devices: Array(0..<count).shuffled(using: &random), ends: ends)
      let evaluator = PipelineEvaluator(problem, CostTables(problem), deviceCount: count)
      let price = try problem.price(pipeline.placement(problem)).price
      let estimate = evaluator.seconds(pipeline)
      #expect(abs(estimate - price.requestSeconds) < 1e-9 * price.requestSeconds)
    }
  }

  @Test("Memory of a stage is what its plan reserves, or a little more")
  func memoryIsCertain() throws {
    var random = SplitMix64(state: 2)
    for _ in 0..<30 {
      let count = Int.random(in: 1...5, using: &random)
      var fleet = random.fleet(deviceCount: count, modelBytes: model.totalBytes)
      for index in fleet.devices.indices { fleet.devices[index].memoryBytes = 1 << 40 }
      let problem = problem(model, fleet)
      let costs = CostTables(problem)
      let ends = (Array(1..<8).shuffled(using: &random).prefix(count - 1)).sorted() + [8]
      let pipeline = Pipeline(devices: Array(0..<count), ends: ends)
      let plan = try problem.lower(pipeline.placement(problem))
      for stage in 0..<count {
        let layers = pipeline.layers(of: stage)
        let bytes = costs.memory(device: stage).bytes(
          layers.lowerBound, layers.upperBound, passesInFlight: count)
        let reserved = plan.byteCount(device: stage)
        #expect(bytes >= reserved && bytes <= reserved + 2 * Plan.regionAlignment)
      }
    }
  }

  @Test("On small cases nothing is faster: all subsets, orders and cuts by brute force", arguments: 1...4)
  func bruteForce(deviceCount: Int) throws {
    var random = SplitMix64(state: UInt64(deviceCount))
    var fitting = 0
    for _ in 0..<20 {
      let layers = Int.random(in: max(deviceCount, 2)...8, using: &random)
      let model = PricedModel.f16(
        TinyGraph.decoder(
          layerCount: layers, width: 256, heads: 4, keyValueHeads: 2, feedForward: 768, vocabulary: 2048))
      let fleet = random.fleet(deviceCount: deviceCount, modelBytes: model.totalBytes)
      let problem = problem(model, fleet)
      let best = bruteForce(problem, layers: layers)
      guard let best else {
        #expect(throws: PlannerError.self) { try Planner(problem).best() }
        continue
      }
      fitting += 1
      let found = try Planner(problem).best().chosen.seconds
      #expect(found <= best * (1 + 1e-9) && found >= best * (1 - 1e-9))
    }
    #expect(fitting > 4)
  }

  /// The least price of all plans of layer pipelines that fit.
  private func bruteForce(_ problem: PlanningProblem, layers: Int) -> Double? {
    var best: Double?
    for bits in 1..<(1 << problem.fleet.devices.count) {
      let devices = problem.fleet.devices.indices.filter { bits >> $0 & 1 == 1 }
      for order in permutations(Array(devices)) {
        for ends in cuts(layers: layers, stages: order.count) {
          let placement = Pipeline(devices: order, ends: ends).placement(problem)
          guard let price = try? problem.price(placement).price else { continue }
          best = min(best ?? .infinity, price.requestSeconds)
        }
      }
    }
    return best
  }

  private func cuts(layers: Int, stages: Int) -> [[Int]] {
    if stages == 1 { return [[layers]] }
    if stages > layers { return [] }
    return (1...(layers - stages + 1)).flatMap { first in
      cuts(layers: layers - first, stages: stages - 1).map { [first] + $0.map { $0 + first } }
    }
  }

  @Test("A device more is never slower: 500 random fleets against all their parts")
  func neverSlower() throws {
    var random = SplitMix64(state: 500)
    var plans = 0
    for _ in 0..<500 {
      let fleet = random.fleet(
        deviceCount: Int.random(in: 1...8, using: &random), modelBytes: model.totalBytes)
      guard let whole = try? Planner(problem(model, fleet)).best() else {
        // Then no part of it may fit either; one at random is asked.
        let part = fleet.part { _ in Bool.random(using: &random) }
        if !part.devices.isEmpty {
          #expect(throws: PlannerError.self) { try Planner(problem(model, part)).best() }
        }
        continue
      }
      plans += 1
      for (index, device) in whole.chosen.plan.devices.enumerated() {
        let profile = fleet.devices.first { $0.id == device.device }!
        #expect(whole.chosen.plan.byteCount(device: index) <= profile.memoryBytes)
      }
      // All parts but one device, or any two parts of a large fleet: chains of these make every part.
      for turn in 0..<min(fleet.devices.count, 3) {
        let left = Int.random(in: fleet.devices.indices, using: &random)
        let part = fleet.part { turn == 0 ? $0 != left : Bool.random(using: &random) }
        guard !part.devices.isEmpty, let smaller = try? Planner(problem(model, part)).best() else { continue }
        #expect(whole.chosen.seconds <= smaller.chosen.seconds * (1 + 1e-12))
      }
    }
    #expect(plans > 300)
  }

  @Test("With experts and a host, a device more is never slower either, and experts move where they must")
  func neverSlowerWithExperts() throws {
    let model = PricedModel.f16(TinyGraph.mixture(layerCount: 6, width: 256, expertWidth: 512))
    var random = SplitMix64(state: 77)
    var offloaded = 0
    for _ in 0..<60 {
      var fleet = random.fleet(
        deviceCount: Int.random(in: 2...5, using: &random), modelBytes: model.totalBytes)
      for index in fleet.devices.indices {
        fleet.devices[index].memoryBytes = Int(random.logUniform(0.05, 0.8) * Double(model.totalBytes))
      }
      fleet.devices[0].kind = .cpu
      fleet.devices[0].memoryBytes = 4 * model.totalBytes
      let whole = try Planner(problem(model, fleet)).best()
      if whole.chosen.strategy == HostExperts().name { offloaded += 1 }
      for _ in 0..<3 {
        let part = fleet.part { _ in Bool.random(using: &random) }
        guard !part.devices.isEmpty, let smaller = try? Planner(problem(model, part)).best() else { continue }
        #expect(whole.chosen.seconds <= smaller.chosen.seconds * (1 + 1e-12))
      }
    }
    #expect(offloaded > 5)
  }

  @Test("Eight unlike devices and a hundred layers take less than two seconds")
  func speed() throws {
    let deep = PricedModel.f16(
      TinyGraph.decoder(
        layerCount: 100, width: 512, heads: 8, keyValueHeads: 4, feedForward: 1536, vocabulary: 4096))
    var random = SplitMix64(state: 8)
    for _ in 0..<3 {
      let fleet = random.fleet(deviceCount: 8, modelBytes: deep.totalBytes)
      let start = threadSeconds()
      _ = try? Planner(problem(deep, fleet)).best()
      let seconds = threadSeconds() - start
      #expect(seconds < 2)
    }
  }
}

/// Processor time of this thread: what other tests take does not count.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

extension Fleet {
  /// The devices that pass, with their links.
  func part(_ isIn: (Int) -> Bool) -> Fleet {
    Fleet(devices: devices.indices.filter(isIn).map { devices[$0] }, links: links, defaultLink: defaultLink)
  }
}
