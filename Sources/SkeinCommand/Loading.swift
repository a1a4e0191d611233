import Skein

extension Model {
  /// Loads a model with a progress bar.
  static func loadWithProgress(_ name: String?, _ options: LoadOptions) async throws -> Model {
    let bar = ProgressBar("loading")
    defer { bar.end() }
    let measuring = ProgressBar("measuring the devices, once")
    defer { measuring.end() }
    return try await load(
      try BundledModels.resolve(name), options: options, measuring: measuring.update, progress: bar.update)
  }
}
