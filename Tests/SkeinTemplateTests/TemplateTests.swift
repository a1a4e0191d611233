import SkeinJSON
import Testing

@testable import SkeinTemplate

@Suite struct TemplateTests {
  @Test func errorsNameTheirLine() throws {
    let late = #expect(throws: TemplateError.self) { try render("a\n{% if true %}\n{{ x.y }}\n{% endif %}") }
    #expect(late == TemplateError(.undefined, "'x' is undefined", line: 3))
    #expect(late?.description == "chat template, line 3: 'x' is undefined")
    let early = #expect(throws: TemplateError.self) { try Template("a\r\n\r\n{{ ) }}") }
    #expect(early?.code == .syntax && early?.line == 3)
    let raised = #expect(throws: TemplateError.self) { try render("\n{{ raise_exception('no ' ~ 1) }}") }
    #expect(raised == TemplateError(.raised, "no 1", line: 2))
  }

  @Test func whatMakesNoSenseInChatsIsNamed() {
    for tag in [
      "include 'a'", "import 'a' as b", "from 'a' import b", "extends 'a'", "block a", "autoescape true",
    ] {
      let error = #expect(throws: TemplateError.self) { try Template("{% \(tag) %}") }
      #expect(error?.code == .unsupported)
      #expect(error?.message.hasSuffix("is not supported in chat templates") == true)
    }
    #expect(throws: TemplateError.self) { try render("{{ [1]|random }}") }
  }

  @Test func integersOverflowWithAnError() {
    for source in [
      "9223372036854775807 + 1", "-9223372036854775807 - 2", "4611686018427387904 * 2", "2 ** 63",
      "-(-9223372036854775807 - 1)", "(-9223372036854775807 - 1) // -1", "'9' * 30|int",
      "(-9223372036854775807 - 1)|abs",
    ] {
      let error = #expect(throws: TemplateError.self, "\(source)") {
        try render("{{ \(source.replacing("'9' * 30|int", with: "1e30|int")) }}")
      }
      #expect(error?.code == .value)
    }
    #expect(throws: TemplateError.self) { try render("{{ 9223372036854775808 }}") }
  }

  @Test func textIsComparedByCodePoints() throws {
    #expect(
      try render("{{ 'e\u{301}' == '\u{E9}' }} {{ 'e\u{301}'|length }} {{ 'a\\r\\nb'|length }}")
        == "False 2 4")
  }

  @Test func keysKeepTheirOrder() throws {
    let tool = JSONValue.object(["z": .integer(1), "a": .object(["y": .null, "b": .bool(true)])])
    #expect(try render("{{ t|tojson }}", ["t": tool]) == #"{"z": 1, "a": {"y": null, "b": true}}"#)
  }

  @Test(arguments: [
    (2024, 1, 1, "Monday 001 01 1 01 2024", 1), (2023, 1, 1, "Sunday 001 52 7 00 2022", 1),
    (2020, 12, 31, "Thursday 366 53 4 52 2020", 12), (2000, 2, 29, "Tuesday 060 09 2 09 2000", 2),
    (1999, 12, 31, "Friday 365 52 5 52 1999", 12), (2026, 11, 21, "Saturday 325 47 6 46 2026", 11),
  ])
  func datesAreThoseOfTheCalendar(_ year: Int, _ month: Int, _ day: Int, _ wanted: String, _: Int) throws {
    let date = TemplateDate(year: year, month: month, day: day)
    let text = try Template("{{ strftime_now('%A %j %V %u %W %G') }}").render([:], date: date)
    #expect(text == wanted)
  }

  @Test func nowIsNow() {
    let now = TemplateDate.now
    #expect(now.year >= 2024 && (1...12).contains(now.month) && (1...31).contains(now.day))
  }
}
