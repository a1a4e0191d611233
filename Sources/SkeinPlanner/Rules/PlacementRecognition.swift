import SkeinGraph

/// Reads a file that says what runs where, of whichever program: a placement file of Skein, the rules of
/// KTransformers, a device map of accelerate, or options of llama.cpp. The content tells which.
///
/// - Parameters:
///   - text: what the file holds.
///   - path: the file, for messages.
/// - Throws: `PlannerError` with the line, where it is none of these or broken.
public func readPlacement(_ text: String, path: String) throws(PlannerError) -> any PlacementSource {
  if isCommandLine(text) { return try LlamaCppOptions(parsing: text, path: path) }
  guard let root = try YAMLValue.parse(text, path: path) else {
    throw PlannerError(.invalidFile, "holds nothing; " + kinds, path: path)
  }
  switch root.content {
  case .sequence: return try KTransformersRules(root, path: path)
  case .mapping(let pairs):
    let isPlacement = root["rules"] != nil || pairs.contains { placementKeys.contains($0.key.text ?? "") }
    return isPlacement ? try PlacementFile(parsing: text, path: path) : try DeviceMap(root, path: path)
  case .scalar:
    if text.contains("=") { return try LlamaCppOptions(parsing: text, path: path) }
    throw PlannerError(.invalidFile, "is no placement; " + kinds, path: path, line: root.line)
  }
}

private let kinds =
  "a placement file has `rules:`, a file of KTransformers is a list of `match` and `replace`, a device map has "
  + "names of modules, options of llama.cpp begin with -"
private let placementKeys: Set<String> = ["devices", "strategy", "passes_in_flight", "tokens_per_pass"]

/// Whether the first word that is no comment is an option, or one of the words is an option of llama.cpp's about
/// placement. (A list of YAML begins with a minus and a space.)
private func isCommandLine(_ text: String) -> Bool {
  let words = text.prefix(1 << 16).split(whereSeparator: \.isWhitespace)
  guard let first = words.first else { return false }
  if first.hasPrefix("-"), first.dropFirst().first.map({ $0.isLetter || $0 == "-" }) ?? false, first != "---"
  {
    return true
  }
  let options: Set<Substring> = [
    "-ot", "--override-tensor", "-ngl", "--n-gpu-layers", "--gpu-layers", "-ts", "--tensor-split", "-ncmoe",
    "--n-cpu-moe", "-cmoe", "--cpu-moe",
  ]
  // `exps=CPU` alone; a mapping of YAML has a colon and a space.
  let isOverride = words.count == 1 && first.contains("=") && !first.hasPrefix("{") && !first.hasPrefix("[")
  return isOverride || (words.contains { options.contains($0) } && !text.contains(": "))
}
