/// What a template may take. Templates come with models from anywhere; every breach is a `TemplateError`.
public struct TemplateLimits: Hashable, Sendable {
  /// Characters of the source.
  public var sourceLength = 1 << 20
  /// Steps of work in a rendering: an operation is one, and so are some characters that one walks through.
  public var steps = 20_000_000
  /// Bytes of UTF-8 that are written.
  public var outputBytes = 16 << 20
  /// Bytes of all values made in a rendering together, whether they are still needed or not.
  public var valueBytes = 256 << 20
  /// Macros and recursive loops inside one another.
  public var recursionDepth = 100
  /// Expressions and blocks inside one another in the source, and lists and dictionaries in a value.
  public var nestingDepth = 100
  /// Numbers in a `range`, as Jinja's sandbox has it.
  public var rangeSize = 100_000
  /// Bytes of stack that a rendering may use of the thread that it runs on.
  public var stackBytes = 1 << 20

  /// The defaults: hundreds of times what the templates of published models take.
  public init() {}
}

/// Where the stack is now.
@inline(never)
func stackAddress() -> UInt {
  var marker: UInt8 = 0
  return withUnsafeMutablePointer(to: &marker) { UInt(bitPattern: $0) }
}
