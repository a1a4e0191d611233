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
  /// - Throws: `SkeinError` that lists those that are there.
  public static func path(of name: String) throws(SkeinError) -> String {
    let folders = folders()
    for folder in folders where access("\(folder)/\(name).gguf", R_OK) == 0 {
      return "\(folder)/\(name).gguf"
    }
    let names = Set(folders.flatMap(modelNames)).sorted().joined(separator: ", ")
    throw SkeinError(
      .notFound,
      "there is no file and no bundled model \"\(name)\"; bundled are: \(names.isEmpty ? "none found" : names)."
        + " SKEIN_MODELS may name the folder that they are in")
  }

  /// A path as it is, or where it is a mere name of no file, the bundled model of that name.
  public static func resolve(_ model: String?) throws(SkeinError) -> String {
    guard let model else { return try path(of: defaultName) }
    if model.contains("/") || model.contains(".") || access(model, F_OK) == 0 { return model }
    return try path(of: model)
  }

  private static func modelNames(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".gguf") { names.append(String(name.dropLast(5))) }
    }
    return names
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
