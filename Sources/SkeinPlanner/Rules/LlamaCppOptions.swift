import SkeinGraph

/// The options of llama.cpp's command line that say what runs where.
///
///     -ngl 99 --tensor-split 3,1 --override-tensor 'blk\.(1|2)\.=CUDA1' --n-cpu-moe 10
///
/// A whole command line can be given; options about other things are passed over.
public struct LlamaCppOptions: Hashable, Sendable, PlacementSource {
  /// An override: weights whose name has the expression in it go to a buffer. The first that matches wins.
  public struct Override: Hashable, Sendable {
    /// The expression.
    public var pattern: String
    /// The buffer, by llama.cpp's name: `CUDA0`, `CPU`.
    public var buffer: String
    /// What it is called in messages.
    var title: String
    /// The line in the file.
    public var line: Int
    /// For one of those that `--n-cpu-moe` stands for, how many there are.
    var layerCount: Int?
  }
  /// How layers are dealt to GPUs.
  public enum SplitMode: String, Hashable, Sendable {
    /// Whole layers to all GPUs.
    case layer
    /// All GPUs share every layer.
    case row
    /// All of them to one GPU.
    case none
  }

  /// The file, for messages.
  public var path: String
  /// `--override-tensor`, `--cpu-moe` and `--n-cpu-moe`, in the order in which they were given.
  public var overrides: [Override] = []
  /// `--n-gpu-layers`: layers on GPUs, counted from the last, where the output counts as a layer; nil for all.
  public var gpuLayerCount: Int?
  /// `--tensor-split`: proportions of layers, or of every layer, for the GPUs; empty if not given.
  public var tensorSplit: [Float] = []
  /// `--split-mode`.
  public var splitMode = SplitMode.layer
  /// `--main-gpu`: the GPU of split mode `none`, by its number.
  public var mainGPU = 0
  /// `--device`: the GPUs to use, in order; nil for all. Empty for none.
  public var gpus: [String]?
  /// Options that say nothing here.
  private(set) var ignored: [String] = []

  /// What `--cpu-moe` keeps in host memory: the experts' weights.
  static let expertsPattern = #"\.ffn_(up|down|gate|gate_up)_(ch|)exps"#

  /// Reads options as they are written on a command line, or a bare list of overrides
  /// (`exps=CPU,blk\.1\.=CUDA1`).
  ///
  /// - Throws: `PlannerError` with the line, where an option has no value or a value is not of its kind.
  public init(parsing text: String, path: String) throws(PlannerError) {
    self.path = path
    var words = try CommandWords(text, path: path)
    if let first = words.peek, !first.text.hasPrefix("-"), first.text.contains("=") {
      while let word = words.next() { try addOverrides(word) }
      return
    }
    while let word = words.next() { try read(word, &words) }
  }

  private mutating func read(_ word: CommandWords.Word, _ words: inout CommandWords) throws(PlannerError) {
    switch word.text {
    case "-ot", "--override-tensor": try addOverrides(try words.value(of: word))
    case "-cmoe", "--cpu-moe":
      overrides.append(
        Override(pattern: Self.expertsPattern, buffer: "CPU", title: word.text, line: word.line))
    case "-ncmoe", "--n-cpu-moe":
      let value = try words.value(of: word)
      guard let count = Int(value.text), (0...4096).contains(count) else {
        throw fail("\(word.text) is \"\(value.text.prefix(40))\", must be a number of layers", value)
      }
      for layer in 0..<count {
        overrides.append(
          Override(
            pattern: "blk\\.\(layer)" + Self.expertsPattern, buffer: "CPU", title: "\(word.text) \(count)",
            line: word.line, layerCount: count))
      }
    case "-ngl", "--gpu-layers", "--n-gpu-layers":
      let value = try words.value(of: word)
      if ["all", "auto"].contains(value.text) { return gpuLayerCount = nil }
      guard let count = Int(value.text), abs(count) <= 1 << 20 else {
        throw fail("\(word.text) is \"\(value.text.prefix(40))\", must be a number of layers", value)
      }
      gpuLayerCount = count < 0 ? nil : count
    case "-ts", "--tensor-split": tensorSplit = try proportions(try words.value(of: word))
    case "-sm", "--split-mode":
      let value = try words.value(of: word)
      guard let mode = SplitMode(rawValue: value.text) else {
        throw fail(
          "split mode \"\(value.text.prefix(40))\" has no equal here; layer, row and none do", value)
      }
      splitMode = mode
    case "-mg", "--main-gpu":
      let value = try words.value(of: word)
      guard let number = Int(value.text), (0...255).contains(number) else {
        throw fail("\(word.text) is \"\(value.text.prefix(40))\", must be the number of a GPU", value)
      }
      mainGPU = number
    case "-dev", "--device":
      let value = try words.value(of: word)
      gpus = value.text == "none" ? [] : value.text.split(separator: ",").map(String.init)
    default:
      if word.text.hasPrefix("-"), Double(word.text) == nil { ignored.append(word.text) }
    }
  }

  /// `exps=CPU,blk\.(1|2)\.=CUDA1`: what is before the first `=` is the expression.
  private mutating func addOverrides(_ word: CommandWords.Word) throws(PlannerError) {
    for part in word.text.split(separator: ",") {
      guard let sign = part.firstIndex(of: "="), sign > part.startIndex,
        part.index(after: sign) < part.endIndex
      else {
        throw fail("\"\(part.prefix(60))\" is no override; write EXPRESSION=BUFFER, such as exps=CPU", word)
      }
      let pattern = String(part[..<sign])
      do { _ = try RulePattern(pattern) } catch {
        throw fail("the expression \"\(pattern.prefix(80))\" \(error.message)", word)
      }
      overrides.append(
        Override(
          pattern: pattern, buffer: String(part[part.index(after: sign)...]), title: "\"\(pattern)\"",
          line: word.line))
    }
    guard overrides.count <= PlacementFile.mostRules else {
      throw fail("more than \(PlacementFile.mostRules) overrides", word)
    }
  }

  private func proportions(_ word: CommandWords.Word) throws(PlannerError) -> [Float] {
    var result: [Float] = []
    for part in word.text.split(whereSeparator: { $0 == "," || $0 == "/" }) {
      guard let value = Float(part), value.isFinite, value >= 0 else {
        throw fail("\"\(part.prefix(40))\" is no proportion; write --tensor-split 3,1", word)
      }
      result.append(value)
    }
    guard !result.isEmpty, result.count <= 256 else { throw fail("tensor split has no proportions", word) }
    return result
  }

  private func fail(_ message: String, _ word: CommandWords.Word) -> PlannerError {
    PlannerError(.invalidFile, message, path: path, line: word.line)
  }
}

/// The words of a command line as a shell cuts them: quotes, backslashes, and lines that go on.
struct CommandWords {
  struct Word {
    var text: String
    var line: Int
  }
  private var words: [Word] = []
  private var place = 0
  private let path: String

  init(_ text: String, path: String) throws(PlannerError) {
    self.path = path
    guard text.utf8.count <= YAMLValue.mostBytes else {
      throw PlannerError(.invalidFile, "has more than \(YAMLValue.mostBytes) bytes", path: path)
    }
    var word: Word?
    var quote: Unicode.Scalar?
    var isEscaped = false
    var line = 1
    // Scalars: a carriage return and a line feed are one character.
    for scalar in text.unicodeScalars {
      defer { if scalar == "\n" { line += 1 } }
      func add() {
        if word == nil { word = Word(text: "", line: line) }
        word!.text.unicodeScalars.append(scalar)
      }
      if isEscaped {
        isEscaped = false
        if scalar == "\n" { continue }
        // In double quotes a backslash is one, unless it is before one of these.
        if quote == "\"", !"\"\\$`".unicodeScalars.contains(scalar) {
          word = word ?? Word(text: "", line: line)
          word!.text.append("\\")
        }
        add()
      } else if scalar == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if scalar == open { quote = nil } else { add() }
      } else if scalar == "\"" || scalar == "'" {
        quote = scalar
        word = word ?? Word(text: "", line: line)
      } else if scalar.properties.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        add()
      }
    }
    if quote != nil {
      throw PlannerError(.invalidFile, "a quote is not closed", path: path, line: word?.line)
    }
    if let word { words.append(word) }
  }

  /// The word that comes next.
  var peek: Word? { place < words.count ? words[place] : nil }

  mutating func next() -> Word? {
    defer { place += 1 }
    return peek
  }

  /// The word after an option.
  mutating func value(of option: Word) throws(PlannerError) -> Word {
    guard let word = next() else {
      throw PlannerError(.invalidFile, "\(option.text) has no value", path: path, line: option.line)
    }
    return word
  }
}
