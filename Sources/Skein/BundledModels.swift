#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The small models that come with Skein.
public enum BundledModels {
  /// The model that runs where none is named.
  public static let defaultName = "stories"

  /// The file of a bundled model.
  ///
  /// Looked for in the folder that `SKEIN_MODELS` names, beside the program, in `share/skein/models` next to
  /// the program's folder, and in `Models` of the source tree that the program was built in.
  ///
  /// - Throws: `SkeinError` that lists where it was looked for.
  public static func path(of name: String) throws(SkeinError) -> String {
    let candidates = folders().map { "\($0)/\(name).gguf" }
    if let found = candidates.first(where: { access($0, R_OK) == 0 }) { return found }
    throw SkeinError(
      .notFound, "there is no bundled model \"\(name)\"; looked for \(candidates.joined(separator: ", "))")
  }

  /// A path as it is, or where it is a mere name of no file, the bundled model of that name.
  public static func resolve(_ model: String?) throws(SkeinError) -> String {
    guard let model else { return try path(of: defaultName) }
    if model.contains("/") || model.contains(".") || access(model, F_OK) == 0 { return model }
    return try path(of: model)
  }

  private static func folders() -> [String] {
    var folders: [String] = []
    if let named = getenv("SKEIN_MODELS") { folders.append(String(cString: named)) }
    guard var folder = programFolder() else { return folders }
    folders += ["\(folder)/models", "\(folder)/../share/skein/models"]
    // A program in .build/x86_64-unknown-linux-gnu/release is three below its sources.
    for _ in 0..<5 {
      guard let slash = folder.lastIndex(of: "/"), slash != folder.startIndex else { break }
      folder = String(folder[..<slash])
      folders.append("\(folder)/Models")
    }
    return folders
  }

  private static func programFolder() -> String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    let program = String(cString: path)
    return program.lastIndex(of: "/").map { String(program[..<$0]) }
  }
}
