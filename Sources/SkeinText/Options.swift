/// How text becomes tokens.
public struct EncodingOptions: Sendable, Hashable {
  /// Put the tokens round the text that the model expects: BOS in front, EOS at the end, where the
  /// vocabulary says so.
  public var addSpecial: Bool
  /// Let the text of control tokens (`<|im_end|>`) in the input stand for those tokens. Leave it off for
  /// text from users, who could otherwise forge a turn of the conversation; chat templates need it.
  public var parseSpecial: Bool

  /// Special tokens round the text, none made from it.
  public init(addSpecial: Bool = true, parseSpecial: Bool = false) {
    self.addSpecial = addSpecial
    self.parseSpecial = parseSpecial
  }

  /// A text of its own: BOS and EOS where the vocabulary says so, no control token made from the text.
  public static let text = EncodingOptions()
  /// A text that someone wrote for the model, special tokens (`<|im_start|>`) among it.
  public static let prompt = EncodingOptions(parseSpecial: true)
  /// A piece of a longer text: nothing added, no control token made from the text.
  public static let piece = EncodingOptions(addSpecial: false)
  /// A filled-in chat template, which brings its own special tokens.
  public static let template = EncodingOptions(addSpecial: false, parseSpecial: true)
}

/// How tokens become text.
public struct DecodingOptions: Sendable, Hashable {
  /// Where in the text the tokens stand.
  public enum Position: Sendable, Hashable {
    /// At the start: the space that encoding puts in front is taken away again.
    case start
    /// After other text, such as what a model writes after its prompt: every space is kept.
    case continuation
  }

  /// Where in the text the tokens stand.
  public var position: Position
  /// Write control and unknown tokens as their text instead of leaving them out.
  public var includeSpecial: Bool

  /// From the start of a text, special tokens left out.
  public init(position: Position = .start, includeSpecial: Bool = false) {
    self.position = position
    self.includeSpecial = includeSpecial
  }

  /// From the start of a text, special tokens left out.
  public static let text = DecodingOptions()
  /// What a model writes after its prompt, special tokens left out.
  public static let continuation = DecodingOptions(position: .continuation)
}
