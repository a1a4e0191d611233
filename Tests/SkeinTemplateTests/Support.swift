import Foundation
import OrderedCollections
import SkeinJSON

@testable import SkeinTemplate

/// The day that the fixtures were made on.
let fixtureDate = TemplateDate(year: 2024, month: 7, day: 26, hour: 9, minute: 5, second: 3)

func fixture(_ name: String) throws -> OrderedDictionary<String, JSONValue> {
  let url = Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json")!
  return try Array(Data(contentsOf: url)).withUnsafeBytes { try JSONValue(parsing: $0, path: name) }.members
}

func render(
  _ source: String, _ variables: OrderedDictionary<String, JSONValue> = [:],
  limits: TemplateLimits = TemplateLimits()
) throws(TemplateError) -> String {
  try Template(source, limits: limits).render(variables, date: fixtureDate)
}

extension JSONValue {
  var members: OrderedDictionary<String, JSONValue> {
    if case .object(let members) = self { members } else { [:] }
  }
  var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
  var string: String? { if case .string(let string) = self { string } else { nil } }
}

/// What jinja2 made of a template.
enum Expectation {
  case output(String)
  case raised(String)
  /// The name of Python's error.
  case error(String)

  init(_ result: OrderedDictionary<String, JSONValue>) {
    if let output = result["output"]?.string {
      self = .output(output)
    } else if let message = result["raised"]?.string {
      self = .raised(message)
    } else {
      self = .error(result["error"]?.string ?? "")
    }
  }

  /// What is different here; nil where all is as it should be.
  func difference(_ body: () throws(TemplateError) -> String) -> String? {
    do throws(TemplateError) {
      let text = try body()
      if case .output(let wanted) = self, wanted.unicodeScalars.elementsEqual(text.unicodeScalars) {
        return nil
      }
      return "\(self), not \(text.debugDescription)"
    } catch {
      switch self {
      case .output: return "\(self), not \(error)"
      case .raised(let message):
        return error.code == .raised && error.message == message ? nil : "\(self), not \(error)"
      case .error(let kind):
        let isSame =
          switch kind {
          case "SecurityError": error.code == .security
          case "UndefinedError": error.code == .undefined
          case "TemplateSyntaxError": error.code == .syntax || error.code == .unsupported
          default: error.code != .raised
          }
        return isSame && error.line > 0 ? nil : "\(kind), not \(error.code): \(error)"
      }
    }
  }
}
