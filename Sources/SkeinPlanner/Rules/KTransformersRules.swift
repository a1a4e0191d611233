import SkeinGraph

/// The rules of a KTransformers file: a list of `match` and `replace`.
///
/// KTransformers walks the tree of modules from the model down. At each module the first rule whose `class` the
/// module is an instance of and whose `name` is found in the module's name decides; a module that no rule matches
/// goes to `cuda:0`. Nothing is inherited. A rule with `recursive: False` ends the walk below its module.
public struct KTransformersRules: Hashable, Sendable, PlacementSource {
  /// One rule.
  public struct Rule: Hashable, Sendable {
    /// An expression to be found in the module's name; nil for any name.
    public var name: String?
    /// A class that the module must be an instance of, by its path; nil for any class.
    public var matchClass: String?
    /// The class that replaces the module's; `default` to leave it.
    public var replacement: String
    /// Where the module runs while tokens are generated; nil for what the class does by itself.
    public var generateDevice: DeviceID?
    /// Where it runs while a prompt is read; nil for what the class does by itself.
    public var prefillDevice: DeviceID?
    /// Where its result goes; nil for where it runs.
    public var outputDevice: DeviceID?
    /// Where the hidden state moves before a layer, by the layer's number.
    public var transfers: [Int: DeviceID]
    /// Whether the walk goes on below the module.
    public var isRecursive: Bool
    /// The line in the file.
    public var line: Int

    /// Whether the module is left as it is, and only placed.
    var isDefault: Bool { replacement == "default" }
    /// What the rule is called in messages.
    var title: String {
      [name.map { "\"\($0)\"" }, matchClass].compactMap { $0 }.joined(separator: " with class ")
    }
  }

  /// The file, for messages.
  public var path: String
  /// The rules; for each module the first that matches decides.
  public var rules: [Rule]

  /// Reads a file's text.
  ///
  /// - Throws: `PlannerError` with the line, where the text is not a list of such rules.
  public init(parsing text: String, path: String) throws(PlannerError) {
    guard let root = try YAMLValue.parse(text, path: path) else {
      throw PlannerError(.invalidFile, "holds nothing; a list of rules is needed", path: path)
    }
    try self.init(root, path: path)
  }

  init(_ root: YAMLValue, path: String) throws(PlannerError) {
    let reader = PlacementReader(path: path)
    guard let values = root.sequence else {
      throw reader.fail("is \(root.kind), must be a list of rules with `match` and `replace`", root)
    }
    guard values.count <= PlacementFile.mostRules else {
      throw reader.fail("has \(values.count) rules; \(PlacementFile.mostRules) are allowed", root)
    }
    self.path = path
    rules = []
    for value in values { rules.append(try Self.rule(value, reader)) }
  }

  private static func rule(_ value: YAMLValue, _ reader: PlacementReader) throws(PlannerError) -> Rule {
    let pairs = try reader.pairs(value, known: ["match", "replace", "recursive"], of: "a rule")
    guard let match = pairs.first(where: { $0.key == "match" })?.value else {
      throw reader.fail("a rule without `match`", value)
    }
    guard let replace = pairs.first(where: { $0.key == "replace" })?.value else {
      throw reader.fail("a rule without `replace`", value)
    }
    var rule = Rule(
      replacement: "default", transfers: [:],
      isRecursive: !(pairs.first { $0.key == "recursive" }?.value.isFalse ?? false), line: value.line)
    for (key, value) in try reader.pairs(match, known: ["name", "class"], of: "match") {
      let text = try reader.word(value, for: key)
      if key == "class" {
        rule.matchClass = text
        continue
      }
      do { _ = try RulePattern(text) } catch {
        throw reader.fail("the expression \"\(text.prefix(80))\" \(error.message)", value)
      }
      rule.name = text
    }
    if rule.name == nil, rule.matchClass == nil {
      throw reader.fail("match must have a name, a class, or both", match)
    }
    for (key, value) in try reader.pairs(replace, known: ["class", "kwargs"], of: "replace") {
      if key == "class" {
        rule.replacement = try reader.word(value, for: key)
      } else if !value.isNull {
        try read(arguments: value, into: &rule, reader)
      }
    }
    return rule
  }

  /// Arguments that are not about devices are for classes of KTransformers, and say nothing here.
  private static func read(
    arguments: YAMLValue, into rule: inout Rule, _ reader: PlacementReader
  ) throws(PlannerError) {
    guard let pairs = arguments.mapping else {
      throw reader.fail("kwargs is \(arguments.kind), must be a mapping", arguments)
    }
    for (key, value) in pairs {
      switch key.text {
      case "generate_device": rule.generateDevice = try device(value, "generate_device", reader)
      case "prefill_device": rule.prefillDevice = try device(value, "prefill_device", reader)
      case "out_device": rule.outputDevice = try device(value, "out_device", reader)
      case "transfer_map":
        guard let transfers = value.mapping else {
          throw reader.fail("transfer_map is \(value.kind), must map numbers of layers to devices", value)
        }
        for (layer, target) in transfers {
          guard let number = layer.integer, number >= 0 else {
            throw reader.fail("\(layer.kind) is no number of a layer", layer)
          }
          rule.transfers[number] = try device(target, "a device", reader)
        }
      default: break
      }
    }
  }

  /// `cuda` is `cuda:0`.
  private static func device(
    _ value: YAMLValue, _ key: String, _ reader: PlacementReader
  ) throws(PlannerError) -> DeviceID {
    let name = try reader.word(value, for: key)
    return DeviceID(name.contains(":") || name == "cpu" ? name : name + ":0")
  }
}
