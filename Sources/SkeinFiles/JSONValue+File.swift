import SkeinJSON

extension JSONValue {
  /// Reads a file that holds one value.
  ///
  /// - Throws: `CheckpointError`: `malformed` with line and column, `tooLarge`, `duplicate` where an object
  ///   has a key twice, or what `MappedFile` throws.
  public init(path: String, limits: Limits = Limits()) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    do throws(JSONError) {
      self = try JSONValue(parsing: file.bytes, path: path, limits: limits)
    } catch {
      throw CheckpointError(error)
    }
  }
}

extension CheckpointError {
  /// A file's fault as one of the checkpoint that it belongs to.
  init(_ error: JSONError) {
    let code: Code =
      switch error.code {
      case .malformed: .malformed
      case .tooLarge: .tooLarge
      case .duplicate: .duplicate
      }
    self.init(code, error.message, path: error.path)
  }
}
