import SkeinGraph

/// A request replayed on a plan: its prompt, then some of the tokens to write.
public struct Timeline: Sendable {
  /// The plan.
  public let plan: Plan
  /// What the plan takes; the timeline shows the spans of its phases.
  public let price: PlanPrice
  /// The prompt of one request.
  public let prefill: Phase
  /// The first tokens written, for all requests. Each takes as long as one half-way through the writing, so that
  /// what is shown agrees with the price.
  public let decode: Phase

  /// What the devices do in a phase.
  public struct Phase: Sendable {
    /// Seconds from start to end.
    public var seconds: Double
    /// What each device does when: seconds from the start of the phase, passes counted through it.
    public var spans: [Span]
    /// What is in each pass.
    public var loads: [PassLoad]
    /// Times that the phase of the price is repeated: written tokens, or 1 for the prompt.
    public var repeats: Int
    /// The phase of the price.
    public var price: PhasePrice

    /// Passes of one repeat.
    var passesPerRepeat: Int { loads.count / max(repeats, 1) }

    init(_ price: PhasePrice, loads: [PassLoad], repeats: Int) {
      self.price = price
      self.repeats = repeats
      self.loads = (0..<repeats).flatMap { _ in loads }
      seconds = price.seconds * Double(repeats)
      spans = (0..<repeats).flatMap { index in
        price.spans.map { span in
          var span = span
          span.pass += index * loads.count
          span.start += Double(index) * price.seconds
          span.end += Double(index) * price.seconds
          return span
        }
      }
    }

    /// A device's spans in the order of time.
    func lane(_ device: Int) -> [Span] {
      spans.filter { $0.device == device }.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
    }
  }

  /// A timeline of what was priced.
  ///
  /// - Parameters:
  ///   - price: of this very plan.
  ///   - writtenTokens: tokens of each request to show being written.
  public init(_ plan: Plan, price: PlanPrice, writtenTokens: Int = 3) {
    precondition(writtenTokens > 0, "a timeline of no written tokens")
    self.plan = plan
    self.price = price
    let shape = plan.shape
    prefill = Phase(
      price.prefill, loads: shape.prefillLoads(promptTokens: price.request.promptTokens), repeats: 1)
    decode = Phase(price.decode, loads: shape.decodeLoads(price.request), repeats: writtenTokens)
  }

  /// The first and last node that steps compute or fetch; nil where they only hand over.
  func ends(of steps: Range<Int>, device: Int) -> (first: NodeName, last: NodeName)? {
    let values = plan.devices[device].steps[steps].filter { $0.kind == .compute || $0.waits }
    guard let first = values.first, let last = values.last else { return nil }
    return (plan.graph[first.node].name, plan.graph[last.node].name)
  }

  /// What a span that copies fetches from where, in bytes; nil for one that computes.
  func copy(_ span: Span, in phase: Phase) -> (source: Int, byteCount: Int)? {
    let step = plan.devices[span.device].steps[span.steps.lowerBound]
    guard span.kind == .copy, case .copy(let from, _) = step.kind else { return nil }
    let (node, load) = (plan.graph[step.node], phase.loads[span.pass])
    // Values cross devices as 32-bit floating-point numbers.
    return (from.device, node.rows.count(tokens: load.tokens, outputs: load.outputs) * node.width * 4)
  }
}

/// The unit in which times of one size are written.
struct TimeUnit {
  var name: String
  /// Units in a second.
  var perSecond: Double

  /// The largest in which `seconds` is at least 1.
  init(for seconds: Double) {
    (name, perSecond) = seconds >= 1 ? ("s", 1) : seconds >= 1e-3 ? ("ms", 1e3) : ("us", 1e6)
  }

  /// `12.3 ms`: three digits.
  static func text(_ seconds: Double) -> String {
    let unit = TimeUnit(for: seconds)
    let value = seconds * unit.perSecond
    return decimal(value, places: value >= 100 ? 0 : value >= 10 ? 1 : 2) + " " + unit.name
  }
}

/// A number with at most so many places, and no zeros at their end.
func decimal(_ value: Double, places: Int) -> String {
  var unit = 1
  for _ in 0..<places { unit *= 10 }
  let scaled = (abs(value) * Double(unit)).rounded()
  guard scaled < 1e17 else { return "\(value)" }
  let count = Int(scaled)
  var text = "\(count / unit)"
  if count % unit != 0 {
    let fraction = String(count % unit)
    var digits = String(repeating: "0", count: places - fraction.count) + fraction
    while digits.hasSuffix("0") { digits.removeLast() }
    text += "." + digits
  }
  return value < 0 && count > 0 ? "-" + text : text
}
