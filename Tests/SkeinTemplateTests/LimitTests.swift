import SkeinJSON
import Testing

@testable import SkeinTemplate

/// Templates come with models from anywhere: none may crash, hang or take much memory.
@Suite struct LimitTests {
  @Test(arguments: [
    "{{ 'a' * 10 ** 9 }}",
    "{{ 'a' * 10 ** 18 }}",
    "{{ [0] * 10 ** 12 }}",
    "{{ range(10 ** 9) }}",
    "{{ range(-9223372036854775807, 9223372036854775807) }}",
    "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}",
    "{% set ns = namespace(l=1) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=1) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == [ns.l, 1] }}",
    "{% set ns = namespace(l=1) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(i=[1]) %}{% for i in range(9999) %}{% set ns.i = ns.i|map('string') %}{% endfor %}{{ ns.i|list }}",
    "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(x) %}{{ f(x)|upper|replace('a', x) ~ (1 + (2 * (3 + f(x)|length))) }}{% endmacro %}{{ f('') }}",
    "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "{{ 'x'|center(10 ** 10) }}", "{{ 'x'.ljust(10 ** 15) }}", "{{ 'x'|indent(10 ** 10) }}",
    "{{ '%999999999d' % 1 }}", "{{ '{:999999999}'.format(1) }}", "{{ '%.999999999f' % 1.5 }}",
    "{{ [1]|batch(10 ** 15, 0)|list }}", "{{ [1]|slice(10 ** 15)|list }}",
    "{{ ('a' * 1000000).replace('a', 'b' * 1000) }}", "{{ ('a' * 1000000)|replace('', 'b' * 1000) }}",
    "{{ (('a' * 3000000) ~ 'b') in ('a' * 7000000) }}", "{{ ('a,' * 4000000).split(',')|length }}",
    "{{ ('x' * 100000).join('y' * 100000) }}", "{{ {'a': 1}|tojson(indent=10 ** 12) }}",
    "{{ [[[[1]]]]|tojson(indent='x' * 20000000) }}", "{{ 'a\tb'.expandtabs(10 ** 12) }}",
  ])
  func hostileTemplatesAreRefused(_ source: String) throws {
    let error = #expect(throws: TemplateError.self) { try render(source) }
    #expect(error?.code == .limit, "\(source): \(error.map(\.description) ?? "no error")")
    #expect(error?.line == 1)
  }

  @Test(arguments: [
    ("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("{'a': ", "}"), ("1 if 1 else ", ""), ("1 + (", ")"),
    ("a.b|f(", ")"),
  ])
  func deepSourceIsRefused(_ open: String, _ close: String) {
    let error = #expect(throws: TemplateError.self) {
      try Template(
        "{{ " + String(repeating: open, count: 20_000) + "1" + String(repeating: close, count: 20_000) + " }}"
      )
    }
    #expect(error?.code == .limit)
  }

  @Test func longSourceIsRefused() {
    for operation in [" + 1", "|upper", ".a", "[0]", " or 1", " ** 1", " if 1"] {
      let error = #expect(throws: TemplateError.self) {
        try Template("{{ 1" + String(repeating: operation, count: 20_000) + " }}")
      }
      #expect(error?.code == .limit)
    }
    let nested = String(repeating: "{% if 1 %}", count: 5000)
    #expect(throws: TemplateError.self) { try Template(nested) }
    #expect(throws: TemplateError.self) { try Template(String(repeating: "a", count: 2 << 20)) }
  }

  @Test func limitsAreThoseAskedFor() throws {
    var limits = TemplateLimits()
    limits.outputBytes = 10
    #expect(try render("{{ 'a' * 10 }}", limits: limits) == "aaaaaaaaaa")
    #expect(throws: TemplateError.self) { try render("{{ 'a' * 11 }}", limits: limits) }
    limits = TemplateLimits()
    limits.recursionDepth = 5
    let macro = "{% macro f(n) %}{{ f(n - 1) if n }}{% endmacro %}{{ f(%) }}"
    #expect(try render(macro.replacing("%) }", with: "4) }"), limits: limits).isEmpty)
    #expect(throws: TemplateError.self) { try render(macro.replacing("%) }", with: "5) }"), limits: limits) }
  }

  @Test func damagedTemplatesThrowOrRender() throws {
    let document = try fixture("templates")
    let sources = document["templates"]!.elements.map { $0.members["source"]!.string! }
    let messages = document["conversations"]!.members
    let conversations = Array(messages.values)
    var random = Random(state: 42)
    let pieces = [
      "{%", "%}", "{{", "}}", "-", "(", ")", "[", "]", "|", "'", "\"", "~", "loop", "ns", "**", "* 99999999",
      "if", "for x in", "\u{0}", "é", "{#", "endfor", ".", ",",
    ]
    var rendered = 0
    for round in 0..<1500 {
      var source = Array(sources[random.next(sources.count)].unicodeScalars)
      for _ in 0...random.next(3) where !source.isEmpty {
        let at = random.next(source.count)
        switch random.next(4) {
        case 0: source.remove(at: at)
        case 1: source.insert(contentsOf: pieces[random.next(pieces.count)].unicodeScalars, at: at)
        case 2: source.swapAt(at, random.next(source.count))
        default:
          let end = min(at + random.next(40), source.count)
          source.insert(contentsOf: source[at..<end], at: random.next(source.count))
        }
      }
      let text = source.reduce(into: "") { $0.unicodeScalars.append($1) }
      var limits = TemplateLimits()
      limits.steps = 500_000
      do throws(TemplateError) {
        _ = try render(
          text, ["messages": conversations[round % conversations.count], "tools": document["tools"]!],
          limits: limits)
        rendered += 1
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
    // Most damage is found, and some does none.
    #expect(rendered > 100 && rendered < 1400, "\(rendered)")
  }
}

/// A small generator, the same everywhere.
struct Random {
  var state: UInt64
  mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}
