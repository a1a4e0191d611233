import OrderedCollections
import SkeinJSON

/// A chat template in Jinja's language, as Hugging Face's tokenizers render it: blocks take the line break after
/// them and the white space before them, nothing is escaped, and no value can be changed but namespaces.
///
///     let template = try Template("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
///     let text = try template.render(["messages": messages])
///
/// A template is compiled once and may be rendered from several threads at a time.
public struct Template: Sendable {
  private let body: [Statement]
  private let limits: TemplateLimits

  /// Compiles a template.
  ///
  /// - Throws: `syntax` or `unsupported` with the line, or `limit`.
  public init(_ source: String, limits: TemplateLimits = TemplateLimits()) throws(TemplateError) {
    self.limits = limits
    guard source.utf8.count <= limits.sourceLength else {
      throw TemplateError(.limit, "the template has more than \(limits.sourceLength) characters", line: 0)
    }
    do {
      var lexer = Lexer(source)
      var parser = Parser(try lexer.tokenize(), limits: limits)
      body = try parser.template()
    } catch let error as TemplateError {
      throw error
    } catch {
      throw TemplateError(.syntax, "\(error)", line: 0)
    }
  }

  /// Fills the template in.
  ///
  /// - Parameters:
  ///   - variables: what the template may use: `messages`, `tools`, `add_generation_prompt`, `bos_token`...
  ///   - date: what `strftime_now` writes.
  /// - Throws: `raised` where the template refuses its input, `limit` where it takes too much, and what else an
  ///   expression can go wrong with.
  public func render(
    _ variables: OrderedDictionary<String, JSONValue>, date: TemplateDate = .now
  ) throws(TemplateError) -> String {
    let renderer = Renderer(limits: limits, date: date)
    defer { renderer.finish() }
    do {
      return try renderer.render(body, variables)
    } catch let error as TemplateError {
      throw error
    } catch {
      throw TemplateError(.value, "\(error)", line: renderer.line)
    }
  }
}

extension Renderer {
  fileprivate func render(
    _ body: [Statement], _ variables: OrderedDictionary<String, JSONValue>
  ) throws -> String {
    let globals = try scope(in: nil)
    for name in GlobalFunction.Name.allCases {
      globals.set(name.rawValue, .object(GlobalFunction(name)))
    }
    for (name, value) in variables { globals.set(name, try self.value(value)) }
    let root = try scope(in: globals)
    keep(globals)
    keep(root)
    _ = try run(body, root)
    return String(output[0])
  }
}
