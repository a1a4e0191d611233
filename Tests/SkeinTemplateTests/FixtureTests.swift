import OrderedCollections
import SkeinJSON
import Testing

@testable import SkeinTemplate

/// Templates and expressions against what jinja2 makes of them (Tests/Oracle/make_template_fixtures.py).
@Suite struct FixtureTests {
  @Test func expressions() throws {
    let table = try fixture("expressions")
    let variables = table["variables"]!.members
    let rows = table["expressions"]!.elements
    #expect(rows.count > 800)
    for row in rows {
      let source = "{{ " + row.members["expression"]!.string! + " }}"
      let difference = Expectation(row.members).difference { () throws(TemplateError) in
        try render(source, variables)
      }
      #expect(difference == nil, "\(source)")
    }
  }

  @Test func templates() throws {
    let document = try fixture("templates")
    let templates = document["templates"]!.elements
    #expect(templates.count > 60)
    var count = 0
    for entry in templates {
      let source = entry.members["source"]!.string!
      for row in entry.members["cases"]!.elements {
        count += 1
        let variables = self.variables(row.members, document)
        let difference = Expectation(row.members).difference { () throws(TemplateError) in
          try render(source, variables)
        }
        #expect(
          difference == nil,
          "\(entry.members["name"]!.string!) of \(row.members["conversation"]!.string!)")
      }
    }
    #expect(count > 900)
  }

  private func variables(
    _ row: OrderedDictionary<String, JSONValue>, _ document: OrderedDictionary<String, JSONValue>
  ) -> OrderedDictionary<String, JSONValue> {
    var variables = document["tokens"]!.members
    variables["documents"] = .null
    variables["messages"] = document["conversations"]!.members[row["conversation"]!.string!]
    variables["tools"] = row["tools"] == .bool(true) ? document["tools"] : .null
    variables["add_generation_prompt"] = row["add_generation_prompt"]
    variables["enable_thinking"] = row["enable_thinking"]
    return variables
  }

  @Test func oneTemplateRendersManyTimesAtOnce() async throws {
    let template = try Template(
      "{% set ns = namespace(n=0) %}{% for i in range(n) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}")
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for n in 0..<64 {
        group.addTask { try template.render(["n": .integer(n)]) == "\(n * (n - 1) / 2)" }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
