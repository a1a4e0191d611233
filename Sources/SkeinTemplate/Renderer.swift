import OrderedCollections

/// One rendering of a template: walks its tree, within limits.
final class Renderer {
  let limits: TemplateLimits
  let date: TemplateDate
  /// The line that is being worked on, for errors.
  var line = 1
  /// Text that is being written; the last one is that of the innermost macro or block that keeps its text.
  var output: [Text] = [[]]
  private var steps = 0
  private var valueBytes = 0
  private var outputBytes = 0
  private var recursion = 0
  private let stackStart = stackAddress()
  /// Objects and scopes that may hold each other in a circle.
  private var objects: [Object] = []
  private var scopes: [Scope] = []

  init(limits: TemplateLimits, date: TemplateDate) {
    self.limits = limits
    self.date = date
  }

  // MARK: - Limits

  func error(_ code: TemplateError.Code, _ message: String) -> TemplateError {
    TemplateError(code, message, line: line)
  }

  /// Counts work.
  func spend(_ count: Int = 1) throws {
    steps = steps.addingClamped(count)
    if steps > limits.steps { throw error(.limit, "the template takes more than \(limits.steps) steps") }
  }

  /// Counts bytes that a value will take, before it is made.
  func claim(bytes: Int) throws {
    valueBytes = valueBytes.addingClamped(bytes)
    if valueBytes > limits.valueBytes {
      throw error(.limit, "the template's values take more than \(limits.valueBytes) bytes")
    }
    try spend(bytes / 64)
  }

  /// Runs `body` one level of recursion deeper.
  func deeper<Result>(_ body: () throws -> Result) throws -> Result {
    recursion += 1
    defer { recursion -= 1 }
    guard recursion <= limits.recursionDepth else {
      throw error(.limit, "more than \(limits.recursionDepth) macros and loops inside one another")
    }
    return try body()
  }

  /// Called in everything that may call itself.
  func checkStack() throws {
    if stackAddress().distance(to: stackStart).magnitude > limits.stackBytes {
      throw error(
        .limit, "the template calls itself too often: more than \(limits.stackBytes) bytes of stack")
    }
  }

  // MARK: - Making values

  func text(_ text: Text) throws -> Value {
    try claim(bytes: text.count * 4 + 32)
    return .text(text)
  }

  func list(_ values: [Value]) throws -> Value { .list(try items(values)) }
  func tuple(_ values: [Value]) throws -> Value { .tuple(try items(values)) }

  func items(_ values: [Value], isGroup: Bool = false) throws -> Items {
    try claim(bytes: values.count * 24 + 64)
    let items = Items(values, isGroup: isGroup)
    try checkDepth(items.depth)
    return items
  }

  func dictionary(_ entries: OrderedDictionary<Value, Value>) throws -> Value {
    try claim(bytes: entries.count * 64 + 64)
    let mapping = Mapping(entries)
    try checkDepth(mapping.depth)
    return .dictionary(mapping)
  }

  func object(_ object: Object) throws -> Value {
    try claim(bytes: 128)
    try checkDepth(object.depth)
    return .object(object)
  }

  /// An object that may come to hold itself.
  func tracked<Tracked: Object>(_ object: Tracked) throws -> Tracked {
    try claim(bytes: 256)
    objects.append(object)
    return object
  }

  /// Variables inside those of `parent`.
  func scope(in parent: Scope?) throws -> Scope {
    try claim(bytes: 128)
    return Scope(parent)
  }

  /// The scope outlives its block, since a macro holds it.
  func keep(_ scope: Scope) { scopes.append(scope) }

  private func checkDepth(_ depth: Int) throws {
    if depth > limits.nestingDepth {
      throw error(
        .limit, "a value has more than \(limits.nestingDepth) lists and dictionaries inside one another")
    }
  }

  func undefined(_ message: String) -> Value { .undefined(Missing(message)) }

  /// Cuts circles of references, so that all memory is given back.
  func finish() {
    for object in objects { object.clear() }
    for scope in scopes { scope.clear() }
    objects = []
    scopes = []
  }

  // MARK: - Output

  /// Writes text.
  func write(_ text: Text) throws {
    outputBytes += text.count
    guard outputBytes <= limits.outputBytes else {
      throw error(.limit, "the template writes more than \(limits.outputBytes) bytes")
    }
    try spend(1 + text.count / 64)
    output[output.count - 1] += text
  }

  /// What `body` writes.
  func capture(_ body: () throws -> Void) throws -> Value {
    output.append([])
    let depth = output.count
    do {
      try body()
    } catch {
      output.removeLast(output.count - depth + 1)
      throw error
    }
    return try text(output.removeLast())
  }
}
