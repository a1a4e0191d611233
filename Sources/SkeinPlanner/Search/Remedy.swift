import SkeinGraph
import SkeinModels
import SkeinTensor

/// A change that would make a placement fit, or bring it nearer, with what it costs in speed.
public struct Remedy: Sendable, CustomStringConvertible {
  /// What is changed.
  public enum Change: Hashable, Sendable {
    /// Fewer positions of a sequence: the most that fit, in tokens.
    case context(Int)
    /// Keys and values in another format.
    case cache(ElementType)
    /// Latent attention that keeps compressed rows: another graph.
    case compressedCache
    /// Experts on a processor: for each device that gives some, of how many layers.
    case hostExperts([DeviceID: Int], host: DeviceID)
    /// Feed-forward or expert weights that are brought for each pass: for each device, of how many layers.
    case streamed([DeviceID: Int])
    /// All weights in another format.
    case weights(WeightFormat)
  }
  /// What is changed.
  public var change: Change
  /// The change in words, with the option that makes it.
  public var action: String
  /// The memory that lacks with this change alone; empty where it is enough.
  public var shortages: [MemoryShortage]
  /// What a request would take; nil where that is not known without another graph.
  public var price: PlanPrice?
  /// What it would take without the change, if it fitted.
  public var original: PlanPrice

  /// Whether the change alone is enough.
  public var fits: Bool { shortages.isEmpty }
  /// By what part the prompt would be read faster (slower where below zero); nil without a price.
  public var prefillGain: Double? {
    price.map { $0.prefillTokensPerSecond / original.prefillTokensPerSecond - 1 }
  }
  /// By what part tokens would be written faster (slower where below zero); nil without a price.
  public var decodeGain: Double? {
    price.map { $0.decodeTokensPerSecond / original.decodeTokensPerSecond - 1 }
  }

  /// The change, its cost, and what still lacks.
  public var description: String {
    var text = action
    if !shortages.isEmpty {
      let lacks = shortages.map { "\($0.place) \($0.neededBytes - $0.availableBytes)" }
      return text + ": not enough alone, bytes that still lack: \(lacks.joined(separator: ", "))"
    }
    guard let price, let prefillGain, let decodeGain else { return text }
    text +=
      ": prefill \(Figures.speed(price.prefillTokensPerSecond)) (\(Figures.gain(prefillGain))),"
      + " decode \(Figures.speed(price.decodeTokensPerSecond)) (\(Figures.gain(decodeGain))) tokens/s"
    if price.request.promptTokens != original.request.promptTokens {
      text += ", with a prompt of \(price.request.promptTokens) tokens"
    }
    return text
  }
}

extension Figures {
  /// Three digits, or all before the point: `0.0123`, `9.57`, `408`, `12345`
  static func speed(_ perSecond: Double) -> String {
    guard perSecond > 0, perSecond < 1e15 else { return "\(perSecond)" }
    if perSecond >= 100 { return "\(Int(perSecond.rounded()))" }
    var scale = 1.0
    while perSecond * scale < 100, scale < 1e6 { scale *= 10 }
    return "\((perSecond * scale).rounded() / scale)"
  }

  /// `-12%`, `+0.4%`
  static func gain(_ share: Double) -> String { (share < 0 ? "" : "+") + percent(share) }
}
