/// An expression. Trees are shared between renderings and never change.
final class Expression: Sendable {
  let kind: Kind
  let line: Int
  /// Expressions inside one another, this one among them.
  let depth: Int

  init(_ kind: Kind, line: Int) {
    self.kind = kind
    self.line = line
    depth = 1 + (kind.children.map(\.depth).max() ?? 0)
  }

  enum Kind: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(Text)
    case name(String)
    case tuple([Expression])
    case list([Expression])
    case dictionary([(key: Expression, value: Expression)])
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
    case call(Expression, ArgumentList)
    /// A filter; no expression where it is that of a block.
    case filter(Expression?, String, ArgumentList)
    case test(Expression, String, ArgumentList)
    case negate(Expression)
    case plus(Expression)
    case not(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case binary(Expression, BinaryOperator, Expression)
    case concatenate([Expression])
    case compare(Expression, [(Comparison, Expression)])
    /// `then if condition else otherwise`
    case condition(Expression, then: Expression, otherwise: Expression?)
    /// `a.b` as the target of an assignment.
    case namespaceAttribute(String, String)
  }
}

extension Expression.Kind {
  /// The expressions that it is made of.
  var children: [Expression] {
    switch self {
    case .none, .bool, .integer, .float, .text, .name, .namespaceAttribute: []
    case .tuple(let parts), .list(let parts), .concatenate(let parts): parts
    case .dictionary(let entries): entries.flatMap { [$0.key, $0.value] }
    case .attribute(let value, _), .negate(let value), .plus(let value), .not(let value): [value]
    case .item(let left, let right), .and(let left, let right), .or(let left, let right),
      .binary(let left, _, let right):
      [left, right]
    case .slice(let value, let start, let stop, let step): [value] + [start, stop, step].compactMap(\.self)
    case .call(let callee, let arguments): [callee] + arguments.expressions
    case .filter(let value, _, let arguments): (value.map { [$0] } ?? []) + arguments.expressions
    case .test(let value, _, let arguments): [value] + arguments.expressions
    case .compare(let first, let operands): [first] + operands.map(\.1)
    case .condition(let condition, let then, let otherwise):
      [condition, then] + (otherwise.map { [$0] } ?? [])
    }
  }
}

/// Arguments as they are written.
struct ArgumentList: Sendable {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  var list: Expression?
  var dictionary: Expression?

  /// All of them.
  var expressions: [Expression] {
    positional + named.map(\.value) + [list, dictionary].compactMap(\.self)
  }
}

enum BinaryOperator: Sendable {
  case add, subtract, multiply, divide, floorDivide, modulo, power
}

enum Comparison: Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, isIn, isNotIn
}

/// A statement, with its line.
struct Statement: Sendable {
  let kind: Kind
  let line: Int

  indirect enum Kind: Sendable {
    case data(Text)
    case output([Expression])
    case condition([(condition: Expression, body: [Statement])], otherwise: [Statement])
    case loop(LoopDefinition)
    case assign(target: Expression, value: Expression)
    /// `set x | filter ... endset`
    case assignBlock(target: Expression, filter: Expression?, body: [Statement])
    case macro(MacroDefinition)
    case call(Expression, body: MacroDefinition)
    case filter(Expression, body: [Statement])
    case with([(target: Expression, value: Expression)], body: [Statement])
    /// A body with variables of its own.
    case scope([Statement])
    case breakLoop
    case continueLoop
  }
}

/// `for target in items if condition recursive ... else ... endfor`
struct LoopDefinition: Sendable {
  var target: Expression
  var items: Expression
  var condition: Expression?
  var isRecursive: Bool
  var body: [Statement]
  var otherwise: [Statement]
}

/// A macro, or the body of a `call` block.
final class MacroDefinition: Sendable {
  /// The name; nil for a `call` block.
  let name: String?
  let parameters: [(name: String, value: Expression?)]
  let body: [Statement]
  /// Names that the body reads. It takes more arguments than it names only where it reads `varargs`, `kwargs`
  /// or `caller`.
  let reads: Set<String>

  init(name: String?, parameters: [(name: String, value: Expression?)], body: [Statement], reads: Set<String>)
  {
    self.name = name
    self.parameters = parameters
    self.body = body
    self.reads = reads
  }
}
