import Foundation
import Testing

/// `skein plan` where nothing fits.
@Suite struct PlanRefusalTests {
  private static let fleets = Command.root.appending(path: "Examples/fleets")

  private func plan(_ placement: String, cache: String, _ rest: String...) throws -> Command {
    func path(_ name: String) -> String { Self.fleets.appending(path: name).path }
    return try Command.skein(
      [
        "plan", path("deepseek-v2.json"), "--weights", "10.6bpw", "--fleet", path("eight-46gb.yaml"),
        "--context", "32768", "--prompt-tokens", "32640", "--latent-cache", cache, "--placement",
        path(placement),
      ] + rest)
  }

  @Test(arguments: [[], ["--json"]])
  func whatDoesNotFitIsOneErrorWithTheLadder(rest: [String]) throws {
    let run = try plan("eight-layers.yaml", cache: "expanded", rest.first ?? "--explain")
    #expect(run.status == 1 && run.output.isEmpty)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.count == 8 && lines[0].hasPrefix("Error: ") && lines[0].contains("cuda:6 needs"))
    #expect(lines[2...].allSatisfy { $0.hasPrefix("  - ") })
  }

  @Test func whatFitsIsPlanned() throws {
    let report = try plan("seven-layers-and-experts.yaml", cache: "compressed", "--json").object()
    #expect((report["devices"] as? [Any])?.count == 9)
  }
}
