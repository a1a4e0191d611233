/// A word of a template.
struct Token: Sendable {
  enum Kind: Hashable, Sendable {
    /// Text outside all marks.
    case data(Text)
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name(String)
    case string(Text)
    case integer(Int)
    case float(Double)
    case mark(Mark)
    case end
  }

  /// Operators and brackets.
  enum Mark: String, Hashable, Sendable, CaseIterable {
    case floorDivide = "//"
    case power = "**"
    case equal = "=="
    case notEqual = "!="
    case greaterOrEqual = ">="
    case lessOrEqual = "<="
    case add = "+"
    case subtract = "-"
    case divide = "/"
    case multiply = "*"
    case modulo = "%"
    case tilde = "~"
    case leftBracket = "["
    case rightBracket = "]"
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case leftBrace = "{"
    case rightBrace = "}"
    case greater = ">"
    case less = "<"
    case assign = "="
    case dot = "."
    case colon = ":"
    case pipe = "|"
    case comma = ","
    case semicolon = ";"
  }

  var kind: Kind
  var line: Int

  /// The word, for errors.
  var description: String {
    switch kind {
    case .data: "text"
    case .variableBegin: "{{"
    case .variableEnd: "}}"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .name(let name): name
    case .string: "a string"
    case .integer, .float: "a number"
    case .mark(let mark): mark.rawValue
    case .end: "the end of the template"
    }
  }
}
