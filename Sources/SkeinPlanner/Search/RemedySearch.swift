import SkeinGraph
import SkeinModels
import SkeinTensor

/// Climbs the ladder for one placement: each rung is that placement with one change, lowered again to know its
/// bytes, and walked to know its price. Bytes are computed first, so that few plans are made.
struct RemedySearch {
  let problem: PlanningProblem
  let placement: Placement
  let shortages: [MemoryShortage]
  let original: PlanPrice

  /// How often a rung is mended after its plan has shown what it needs.
  static let mostAttempts = 4
  /// Formats to offer, from fine to coarse.
  static let formats: [ElementType] = [.q8_0, .q6_K, .q5_K, .q4_K, .q3_K, .q2_K]

  private var graph: Graph { problem.model.graph }

  /// All rungs that apply.
  func ladder() -> [Remedy] {
    let first = [shorterContext()] + smallerCaches()
    return (first + [compressedCache(), hostExperts(), streamedWeights(), smallerWeights()]).compactMap { $0 }
  }

  /// The rung of a changed problem or placement.
  func remedy(
    _ change: Remedy.Change, _ action: String, _ problem: PlanningProblem, _ placement: Placement
  ) -> Remedy? {
    guard let plan = try? problem.lower(placement) else { return nil }
    let lacks = plan.shortages(problem.layouts(of: placement))
    let price = lacks.isEmpty ? plan.price(problem.model, on: problem.fleet, request: problem.request) : nil
    return Remedy(change: change, action: action, shortages: lacks, price: price, original: original)
  }

  /// The longest context that fits. What a device needs grows by the same for each page of the cache, so two
  /// plans tell where the limit is.
  private func shorterContext() -> Remedy? {
    let (limits, pages) = (problem.limits, problem.limits.pagesPerSequence)
    guard pages > 1 else { return nil }
    func rung(_ pages: Int) -> Remedy? {
      var changed = problem
      let context = min(pages * limits.cachePageTokens, limits.contextTokens)
      changed.limits.contextTokens = context
      changed.request.genTokens = min(problem.request.genTokens, max(context / 2, 1))
      changed.request.promptTokens = min(
        problem.request.promptTokens, max(context - changed.request.genTokens, 1))
      return remedy(
        .context(context),
        "a context of \(context) tokens in place of \(limits.contextTokens) (--context \(context))", changed,
        placement)
    }
    var least = problem
    least.limits.contextTokens = limits.cachePageTokens
    guard let plan = try? least.lower(placement) else { return nil }
    let layouts = problem.layouts(of: placement)
    let one = pools(of: plan, layouts)
    var most = pages - 1
    for shortage in shortages {
      let needed = one[shortage.devices] ?? shortage.neededBytes
      let each = Double(shortage.neededBytes - needed) / Double(pages - 1)
      let room = Double(shortage.availableBytes - needed)
      most = min(most, room < 0 || each <= 0 ? 0 : Int(room / each) + 1)
    }
    for candidate in stride(from: max(most, 1), to: max(most - Self.mostAttempts, 0), by: -1) {
      guard let found = rung(candidate) else { return nil }
      if found.fits || candidate == 1 { return found }
    }
    return rung(1)
  }

  /// Bytes that each pool's devices need.
  private func pools(of plan: Plan, _ layouts: [any DeviceLayout]) -> [[DeviceID]: Int] {
    var bytes: [[DeviceID]: Int] = [:]
    for shortage in shortages {
      bytes[shortage.devices] = layouts.indices.filter { shortage.devices.contains(layouts[$0].id) }
        .reduce(0) { $0 + plan.byteCount(device: $1) }
    }
    return bytes
  }

  /// The formats of the cache that take less, from fine to coarse.
  private func smallerCaches() -> [Remedy?] {
    guard !graph.caches.isEmpty else { return [] }
    let formats: [(type: ElementType, words: String, flag: String)] = [
      (.f16, "a 16-bit", "f16"), (.q8_0, "an 8-bit", "q8_0"),
    ]
    return formats.filter { $0.type.bytesPerElement < problem.limits.cacheType.bytesPerElement }.map {
      format in
      var changed = problem
      changed.limits.cacheType = format.type
      changed.model.cacheType = format.type
      let action = "\(format.words) key-value cache (--cache-type \(format.flag))"
      return remedy(.cache(format.type), action, changed, placement)
    }
  }

  /// Compressed rows need another graph, which is not here: bytes are computed, speeds are not. What the other
  /// graph's kernel takes beside is added in full.
  private func compressedCache() -> Remedy? {
    let expansions = graph.nodes.compactMap { node -> LatentExpansion? in
      if case .expandLatent(let expansion) = node.op { return expansion }
      return nil
    }
    guard let heads = expansions.first?.heads else { return nil }
    let limits = problem.limits
    let row = Double(heads.latentWidth) * limits.cacheType.bytesPerElement
    let compressed = Int(row) * limits.pageCount * limits.cachePageTokens
    let workspace =
      limits.tokensPerPass * heads.headCount * (heads.latentWidth + heads.rank) * MemoryLayout<Float>.size
    var freed: [DeviceID: Int] = [:]
    for node in graph.nodes {
      guard let cache = node.op.cache, let device = placement.device(of: node.id) else { continue }
      freed[placement.devices[device], default: -workspace] +=
        graph[cache].byteCount(limits: limits) - compressed
    }
    let lacks = shortages.compactMap { shortage -> MemoryShortage? in
      var changed = shortage
      changed.neededBytes -= shortage.devices.reduce(0) { $0 + freed[$1, default: 0] }
      return changed.neededBytes > changed.availableBytes ? changed : nil
    }
    let most = freed.values.max() ?? 0
    return Remedy(
      change: .compressedCache,
      action: "a compressed latent cache (--latent-cache compressed), another graph, not priced here:"
        + " up to \(most) bytes less on a device",
      shortages: lacks, price: nil, original: original)
  }

  /// The finest of the usual formats that fits.
  private func smallerWeights() -> Remedy? {
    let present = problem.model.weightBytes.reduce(0, +)
    var last: Remedy?
    for type in Self.formats {
      let format = WeightFormat.elementType(type)
      let bytes = graph.weights.compactMap { format.byteCount(of: $0) }
      guard bytes.count == graph.weights.count, bytes.reduce(0, +) < present else { continue }
      var changed = problem
      changed.model = PricedModel(
        graph: graph, types: graph.weights.map { format.type(of: $0) }, weightBytes: bytes,
        cacheType: problem.model.cacheType)
      // An average number of bits is a matter of the layouts and of the rates: both go back to what they were.
      changed.layouts = problem.layouts.map { ($0 as? FleetLayout)?.forStoredFormats ?? $0 }
      changed.fleet = problem.plainFleet ?? problem.fleet
      last = remedy(.weights(format), "weights in \(type.name)", changed, placement)
      if last?.fits ?? true { return last }
    }
    return last
  }
}
