import Foundation
import SkeinGraph
import SkeinModels
import Testing

@testable import SkeinPlanner

/// An 8B Llama 3 in Q8_0 with a context of 32,768 tokens on one to four Tesla P40, as KoboldCPP users published
/// it: the whole context but 100 tokens is read, then 100 are written.
@Suite("Tesla P40")
struct TeslaP40Tests {
  /// Tokens a second, by the number of cards.
  private static let published: [(prefill: Double, decode: Double)] = [
    (317.7, 10.23), (593.7, 9.57), (463.4, 8.62), (408.8, 8.22),
  ]
  private static let request = RequestShape(promptTokens: 32_668, genTokens: 100)

  private let model: ConfiguredModel

  init() throws {
    model = try ConfiguredModel(
      path: PublishedCases.path("llama-3.1-8b.json"), weights: .elementType(.q8_0))
  }

  private func problem(
    _ fleet: String, _ count: Int, passesInFlight: Int? = nil, usesAllDevices: Bool = false
  ) throws -> PlanningProblem {
    PublishedCases.problem(
      model, try PublishedCases.fleet(fleet, count: count), request: Self.request,
      passesInFlight: passesInFlight, usesAllDevices: usesAllDevices)
  }

  /// What another engine does: the same layers on each card, two passes in flight, and a mask to each card.
  private func depthTwo(_ count: Int) throws -> PlanPrice {
    let problem = try problem("four-p40-risers.yaml", count, passesInFlight: 2)
    let counts = (0..<count).map { 32 * ($0 + 1) / count - 32 * $0 / count }
    let plan = try problem.lower(problem.layers(counts))
    #expect((495...512).contains(plan.passTokens(for: Self.request.promptTokens)))
    let fleet = problem.fleet
    let masks = MaskTraffic(
      rates: (0..<count).map { $0 == 0 ? fleet.defaultLink : fleet.link(from: 0, to: $0) })
    return plan.price(problem.model, on: fleet, request: Self.request, masks: masks)
  }

  @Test("One card comes within 20% of what was published, from its specification alone")
  func oneCard() throws {
    let price = try Planner(try problem("one-p40.yaml", 1)).best().chosen.price
    #expect(abs(price.prefillTokensPerSecond / 317.7 - 1) < 0.2, "\(price.prefillTokensPerSecond)")
    #expect(abs(price.decodeTokensPerSecond / 10.23 - 1) < 0.2, "\(price.decodeTokensPerSecond)")
  }

  @Test("Two passes in flight and masks over slow links bend the curve as published")
  func publishedDecline() throws {
    let prices = try (1...4).map { try depthTwo($0) }
    let document = try PublishedCases.document()
    for (index, (price, published)) in zip(prices, Self.published).enumerated() {
      let (prefill, decode) = (price.prefillTokensPerSecond, price.decodeTokensPerSecond)
      let row = String(
        format: "| %d | %.1f | %.1f | %+.1f%% | %.2f | %.2f | %+.1f%% |", index + 1, published.prefill,
        prefill,
        (prefill / published.prefill - 1) * 100, published.decode, decode,
        (decode / published.decode - 1) * 100)
      #expect(document.contains(row), "docs/planner.md does not have: \(row)")
      #expect(abs(prefill / published.prefill - 1) < 0.2, "prefill \(prefill) for \(published.prefill)")
      #expect(abs(decode / published.decode - 1) < 0.2, "decode \(decode) for \(published.decode)")
    }
    let (prefill, decode) = (prices.map(\.prefillTokensPerSecond), prices.map(\.decodeTokensPerSecond))
    #expect(prefill[1] > prefill[2] && prefill[2] > prefill[3] && prefill[3] > prefill[0])
    #expect(zip(decode, decode.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test("Without masks and with as many passes as cards, four cards read 3.5 times as fast as one")
  func ownPlan() throws {
    let document = try PublishedCases.document()
    // On risers the receiver waits for 8 MB a pass, which no engine that sends hidden states gets around.
    for (name, fleet, least) in [
      ("ordinary slots", "four-p40.yaml", 3.5), ("two on risers", "four-p40-risers.yaml", 3.4),
    ] {
      let plans = try (1...4).map { try Planner(try problem(fleet, $0, usesAllDevices: true)).best().chosen }
      let (one, four) = (plans[0].price, plans[3].price)
      let speedUp = four.prefillTokensPerSecond / one.prefillTokensPerSecond
      #expect(speedUp >= least, "\(fleet): \(speedUp)")
      #expect(abs(four.decodeTokensPerSecond / one.decodeTokensPerSecond - 1) < 0.03, "\(fleet)")
      // A card more is never slower.
      #expect(zip(plans, plans.dropFirst()).allSatisfy { $0.seconds > $1.seconds }, "\(fleet)")
      let row =
        "| \(name) |"
        + plans.map {
          String(format: " %.1f / %.2f |", $0.price.prefillTokensPerSecond, $0.price.decodeTokensPerSecond)
        }.joined() + String(format: " %.2f |", speedUp)
      #expect(document.contains(row), "docs/planner.md does not have: \(row)")
    }
  }
}
