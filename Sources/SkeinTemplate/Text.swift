/// Text as Python has it: a list of code points. Two texts are equal only where all their code points are; Swift's
/// strings compare characters as people see them, and `"\r\n"` is one of them.
typealias Text = [Unicode.Scalar]

extension String {
  /// The code points.
  var text: Text { Text(unicodeScalars) }

  init(_ text: some Sequence<Unicode.Scalar>) {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: text)
    self.init(view)
  }
}

extension Unicode.Scalar {
  /// As `str.isspace` and `\s` of Python.
  var isSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  /// Whether `str.splitlines` cuts here.
  var isLineBreak: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  var isASCIIDigit: Bool { (0x30...0x39).contains(value) }

  /// As `str.isalpha`.
  var isLetter: Bool {
    if isASCII { return (0x41...0x5A).contains(value) || (0x61...0x7A).contains(value) }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
    default: return false
    }
  }

  /// As `str.isdigit`.
  var isDigit: Bool {
    if isASCII { return isASCIIDigit }
    return properties.numericType == .digit || properties.numericType == .decimal
  }

  /// As `str.isalnum`.
  var isAlphanumeric: Bool { isLetter || (isASCII ? isASCIIDigit : properties.numericType != nil) }

  /// As `\w` of Python.
  var isWord: Bool { self == "_" || isAlphanumeric }

  /// As `str.isprintable`.
  var isPrintable: Bool {
    if isASCII { return (0x20..<0x7F).contains(value) }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator:
      return false
    default: return true
    }
  }

  var isUpper: Bool {
    isASCII ? (0x41...0x5A).contains(value) : properties.isUppercase
  }
  var isLower: Bool {
    isASCII ? (0x61...0x7A).contains(value) : properties.isLowercase
  }
  var isTitle: Bool { !isASCII && properties.generalCategory == .titlecaseLetter }
  var isCased: Bool { isUpper || isLower || isTitle }
}

extension Text {
  /// As `str.lower`.
  var lowercased: Text {
    var result = Text()
    result.reserveCapacity(count)
    for (index, scalar) in enumerated() {
      if scalar.isASCII {
        result.append(scalar.isUpper ? Unicode.Scalar(scalar.value + 32)! : scalar)
      } else if scalar.value == 0x3A3 {
        result.append(isFinalSigma(index) ? "\u{3C2}" : "\u{3C3}")
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return result
  }

  /// A sigma at the end of a word has a form of its own.
  private func isFinalSigma(_ index: Int) -> Bool {
    let before = self[..<index].last { !$0.properties.isCaseIgnorable }
    let after = self[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    return before.map(\.isCased) ?? false && !(after.map(\.isCased) ?? false)
  }

  /// As `str.upper`.
  var uppercased: Text {
    var result = Text()
    result.reserveCapacity(count)
    for scalar in self {
      if scalar.isASCII {
        result.append(scalar.isLower ? Unicode.Scalar(scalar.value - 32)! : scalar)
      } else {
        result.append(contentsOf: scalar.properties.uppercaseMapping.unicodeScalars)
      }
    }
    return result
  }

  /// As `str.capitalize`.
  var capitalizedText: Text {
    guard let first else { return [] }
    return Text(first.properties.titlecaseMapping.unicodeScalars) + Text(dropFirst()).lowercased
  }

  /// As `str.title`: every run of letters begins with a capital.
  var titled: Text {
    var result = Text()
    var isInside = false
    for scalar in self {
      let mapped = isInside ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      result.append(contentsOf: mapped.unicodeScalars)
      isInside = scalar.isCased
    }
    return result
  }

  /// As `str.swapcase`.
  var swapped: Text {
    flatMap { scalar in
      scalar.isUpper
        ? Text(scalar.properties.lowercaseMapping.unicodeScalars)
        : scalar.isLower ? Text(scalar.properties.uppercaseMapping.unicodeScalars) : [scalar]
    }
  }

  /// As `str.strip`, of the sides asked for; `characters` nil is white space.
  func stripped(_ characters: Text?, left: Bool = true, right: Bool = true) -> Text {
    let set = characters.map(Set.init)
    func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isSpace }
    var start = 0
    var end = count
    if left { while start < end, goes(self[start]) { start += 1 } }
    if right { while end > start, goes(self[end - 1]) { end -= 1 } }
    return start == 0 && end == count ? self : Text(self[start..<end])
  }

  /// As `str.splitlines`.
  func lines(keepingEnds: Bool = false) -> [Text] {
    var result: [Text] = []
    var start = 0
    var index = 0
    while index < count {
      guard self[index].isLineBreak else {
        index += 1
        continue
      }
      let end = index
      index += self[index] == "\r" && index + 1 < count && self[index + 1] == "\n" ? 2 : 1
      result.append(Text(self[start..<(keepingEnds ? index : end)]))
      start = index
    }
    if start < count { result.append(Text(self[start...])) }
    return result
  }

  /// Words between runs of white space, at most `limit` cuts from the left.
  func words(limit: Int = .max) -> [Text] {
    var result: [Text] = []
    var index = 0
    while true {
      while index < count, self[index].isSpace { index += 1 }
      guard index < count else { return result }
      if result.count == limit {
        return result + [Text(self[index...])]
      }
      let start = index
      while index < count, !self[index].isSpace { index += 1 }
      result.append(Text(self[start..<index]))
    }
  }

  /// As a text of Python code: in quotation marks, with escapes.
  var quoted: Text {
    let mark: Unicode.Scalar = contains("'") && !contains("\"") ? "\"" : "'"
    var result: Text = [mark]
    result.reserveCapacity(count + 2)
    for scalar in self {
      switch scalar {
      case mark, "\\": result += ["\\", scalar]
      case "\n": result += ["\\", "n"]
      case "\r": result += ["\\", "r"]
      case "\t": result += ["\\", "t"]
      default:
        if scalar.isPrintable {
          result.append(scalar)
        } else {
          let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          result += ("\\" + letter + hexadecimal(scalar.value, width: width)).text
        }
      }
    }
    result.append(mark)
    return result
  }
}

/// `00e9`
func hexadecimal(_ value: UInt32, width: Int) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: max(width - digits.count, 0)) + digits
}
