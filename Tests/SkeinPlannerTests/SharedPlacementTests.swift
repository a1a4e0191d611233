import Foundation
import SkeinGraph
import SkeinModels
import SkeinPlanner
import Testing

/// Rule files of others, which are not kept here: name a folder of such files in SKEIN_PLACEMENTS, and in
/// SKEIN_PLACEMENT_TABLES a folder for what each makes of each model, to compare with what other programs do.
struct SharedPlacementTests {
  static let files: [URL] = {
    guard let folder = ProcessInfo.processInfo.environment["SKEIN_PLACEMENTS"] else { return [] }
    let all = try? FileManager.default.contentsOfDirectory(
      at: URL(filePath: folder), includingPropertiesForKeys: nil)
    return (all ?? []).sorted { $0.path < $1.path }
  }()

  private struct Table: Encodable {
    struct Module: Encodable { var module, generate, prefill, output: String }
    struct Row: Encodable {
      var node, device: String
      var modules: [String]
      var weights: Int
    }
    var modules: [Module]
    var nodes: [Row]
  }

  @Test(.enabled(if: !files.isEmpty), arguments: files)
  func resolves(_ file: URL) throws {
    let source = try readPlacement(
      try String(contentsOf: file, encoding: .utf8), path: file.lastPathComponent)
    for kind in RuleModel.allCases {
      let context = try kind.context()
      let clock = ContinuousClock()
      let start = clock.now
      let evaluation = try source.evaluate(context)
      print("\(file.lastPathComponent) for \(kind.name): \(clock.now - start)")
      for finding in evaluation.findings { print("  \(finding)") }
      guard let out = ProcessInfo.processInfo.environment["SKEIN_PLACEMENT_TABLES"] else { continue }
      let modules = context.modules
      let table = Table(
        modules: evaluation.moduleDevices.map {
          .init(
            module: $0.module, generate: $0.generate.name, prefill: $0.prefill.name, output: $0.output.name)
        },
        nodes: modules.graph.nodes.map { node in
          let weights = node.weights.map { modules.name(of: $0) }
          return .init(
            node: node.name.description,
            device: evaluation.shares[node.id.index].first?.device.name ?? "",
            modules: [modules.module(of: node.id).name]
              + weights.map { String($0[..<($0.lastIndex(of: ".") ?? $0.endIndex)]) },
            weights: node.weights.count)
        })
      let path = "\(out)/\(file.deletingPathExtension().lastPathComponent)-\(kind.name).json"
      try JSONEncoder().encode(table).write(to: URL(filePath: path))
    }
  }
}
