import OrderedCollections
import SkeinFiles
import SkeinJSON
import SkeinModels
import SkeinTestSupport
import Testing

/// Whatever a configuration says, the answer is a model or one error: never a crash.
@Suite("Damaged configurations")
struct ConfigurationMutationTests {
  private static let hostileValues: [JSONValue] = [
    .null, .bool(true), .integer(0), .integer(-1), .integer(1), .integer(3), .integer(1 << 20),
    .integer(1 << 40), .integer(.max), .integer(.min), .number(1e308), .number(-1e308), .number(1e-308),
    .number(0.5), .string(""), .string("x"), .array([]), .array([.integer(0), .string("full_attention")]),
    .object([:]),
  ]

  @Test("Every key missing, and with every hostile value", arguments: ConfigurationFixture.allCases)
  func keys(_ fixture: ConfigurationFixture) throws {
    let json = Array(fixture.json.utf8)
    let value = try json.withUnsafeBytes { try JSONValue(parsing: $0, path: "config.json") }
    guard case .object(var members) = value else { return }
    // A few layers show as much as all.
    members["num_hidden_layers"] = .integer(4)
    let folder = TemporaryFolder()
    for (key, original) in members {
      for hostile in Self.hostileValues + [nil] {
        read(
          members.merging([key: hostile ?? .null]) { $1 }.filter { hostile != nil || $0.key != key }, folder)
      }
      guard case .object(let inner) = original else { continue }
      for name in inner.keys {
        for hostile in Self.hostileValues {
          read(members.merging([key: .object(inner.merging([name: hostile]) { $1 })]) { $1 }, folder)
        }
      }
    }
  }

  @Test("Every file cut short is refused")
  func cuts() {
    let folder = TemporaryFolder()
    let json = Array(ConfigurationFixture.llama32_1B.json.utf8)
    for count in json.indices.dropFirst() {
      let path = folder.write("config.json", Array(json.prefix(count)))
      #expect(throws: CheckpointError.self) { try ConfiguredModel(path: path, weights: .elementType(.q8_0)) }
    }
  }

  private func read(_ members: OrderedDictionary<String, JSONValue>, _ folder: TemporaryFolder) {
    let path = folder.write("config.json", Array(text(.object(members)).utf8))
    do {
      let model = try ConfiguredModel(path: path, weights: .elementType(.q4_K))
      _ = try? ConfiguredModel(path: path)
      #expect(model.parameterCount > 0)
    } catch {
      #expect("\(error)".utf8.count < 1000 && !"\(error)".contains("\n"))
    }
  }

  private func text(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let bool): "\(bool)"
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .string(let string): "\"\(string)\""
    case .array(let elements): "[" + elements.map(text).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { "\"\($0.key)\":" + text($0.value) }.joined(separator: ",") + "}"
    }
  }
}
