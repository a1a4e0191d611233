import SkeinGraph
import SkeinTensor

/// A pass as its price sees it.
public struct PassLoad: Hashable, Sendable {
  /// Tokens in the pass.
  public var tokens: Int
  /// Tokens whose logits are wanted.
  public var outputs: Int
  /// Positions before the first token: each token attends to them and to those of its own sequence in the pass.
  public var position: Int
  /// Sequences that the tokens belong to, in equal parts.
  public var sequences: Int

  /// A pass of `tokens` tokens that begin at `position`.
  public init(tokens: Int, outputs: Int, position: Int, sequences: Int = 1) {
    self.tokens = tokens
    self.outputs = outputs
    self.position = position
    self.sequences = sequences
  }

  /// Positions that a token attends to, on average.
  func seen(window: Int?) -> Double {
    let mean = Double(position) + Double(tokens / max(sequences, 1) + 1) / 2
    return min(mean, Double(window ?? .max))
  }
}

/// What a step costs on a device: seconds that do not depend on the position, and for each width of window the
/// seconds for each position that a token sees. A sum of steps is again of this form.
struct StepPrice: Hashable, Sendable {
  /// Seconds whatever the position.
  var fixedSeconds = 0.0
  /// Seconds for each position seen, by window; `.max` for none.
  var secondsPerPosition: [Int: Double] = [:]

  /// Seconds in a pass.
  func seconds(_ load: PassLoad) -> Double {
    secondsPerPosition.reduce(fixedSeconds) { $0 + $1.value * load.seen(window: $1.key) }
  }

  static func += (a: inout StepPrice, b: StepPrice) {
    a.fixedSeconds += b.fixedSeconds
    for (window, seconds) in b.secondsPerPosition { a.secondsPerPosition[window, default: 0] += seconds }
  }
}

/// What is to be priced, but for the devices.
public struct PricedModel: Sendable {
  /// The mathematics.
  public let graph: Graph
  /// The format of each weight, by its index.
  public let types: [ElementType]
  /// Bytes of each weight as it is stored, by its index.
  public let weightBytes: [Int]
  /// The format of the key-value cache.
  public var cacheType: ElementType
  /// For each weight, by its index, how many bytes after the start of a page its bytes begin in the mapped file, where
  /// they are to stay there; empty where all weights are copied.
  public var mapping: [Int?] = []
  /// How often each expert was chosen; nil where that was not counted, and every expert counts as the others do.
  public var usage: ExpertUsage?

  /// A model whose weights have these formats and sizes.
  public init(graph: Graph, types: [ElementType], weightBytes: [Int], cacheType: ElementType = .f16) {
    precondition(types.count == graph.weights.count && weightBytes.count == types.count)
    self.graph = graph
    self.types = types
    self.weightBytes = weightBytes
    self.cacheType = cacheType
  }

  /// The price of one node's step on a device, for passes of so many tokens and outputs.
  ///
  /// - Parameter slice: the part of the node that the device has; nil for all of it.
  func price(
    of whole: Node, _ slice: NodeSlice? = nil, tokens: Int, outputs: Int, sequences: Int,
    on rates: DeviceRates
  ) -> StepPrice {
    let node = slice.flatMap { graph.part($0, of: whole) } ?? whole
    let rows = Double(node.rows.count(tokens: tokens, outputs: outputs))
    // What is taken of the weight at a place.
    func weight(_ place: Int) -> Weight {
      let weight = graph[node.weights[place]]
      return weight.sliced(slice?.slice(of: weight, at: place, in: whole))
    }
    func linearSeconds(_ place: Int) -> Double {
      self.linearSeconds(weight(place), types[node.weights[place].index], rows: rows, rates)
    }
    var price = StepPrice()
    if rows == 0 { return price }
    price.fixedSeconds = rates.stepSeconds
    switch node.op {
    case .linear:
      price.fixedSeconds += linearSeconds(0)
    case .attention(let attention):
      let perToken = Double(attention.headCount * (attention.keyWidth + attention.valueWidth))
      let readers =
        rates.readsCachePerQueryHead ? Double(attention.headCount / attention.keyValueHeadCount) : 1
      let bytes =
        Double(graph.cachedBytesPerToken(node, cacheType)) * readers * Double(sequences)
      price.fixedSeconds += rates.stepSeconds
      price.secondsPerPosition[attention.window ?? .max] =
        2 * rows * perToken / rates.attentionOperationsPerSecond + bytes / rates.attentionBytesPerSecond
    case .latentAttention(let attention):
      price.fixedSeconds += rates.stepSeconds
      price += latentSeconds(
        node, attention, rows: rows, sequences: Double(max(sequences, 1)), rates
      ) { rows in
        node.weights.indices.reduce(0) {
          $0 + self.linearSeconds(weight($1), types[node.weights[$1].index], rows: rows, rates)
        }
      }
    case .expandLatent(let expansion):
      let heads = expansion.heads
      let width = expansion.part == .keys ? heads.plainWidth : heads.valueWidth
      let elements = Double(heads.headCount * heads.rank * width)
      price.fixedSeconds +=
        elements * rates.rate(of: types[node.weights[0].index]).secondsPerElement(tokens: rows)
    case .expertRouter:
      price.fixedSeconds += linearSeconds(0)
    case .experts(let experts):
      price.fixedSeconds += expertSeconds(node, experts, slice?.experts ?? experts.whole, rows: rows, rates)
    case .embedding, .rmsNorm, .layerNorm, .rope, .activation, .gatedActivation, .softCap, .sigmoidGate, .add,
      .selectRows:
      let work = graph.work(
        of: whole, tokens: tokens, outputs: outputs, contextTokens: 1, slice: slice,
        weightBytes: { id in
          let place = node.weights.firstIndex(of: id) ?? 0
          let part =
            Double(weight(place).shape.elementCount ?? 0) / Double(graph[id].shape.elementCount ?? 1)
          return Int(Double(weightBytes[id.index]) * part)
        })
      price.fixedSeconds += (work.activationBytes + work.weightBytes) / rates.activationBytesPerSecond
    }
    return price
  }

  /// Seconds of latent attention in the form that the tokens of a sequence take.
  ///
  /// - Parameter projections: seconds of the projections of so many rows.
  private func latentSeconds(
    _ node: Node, _ attention: LatentAttention, rows: Double, sequences: Double, _ rates: DeviceRates,
    projections: (_ rows: Double) -> Double
  ) -> StepPrice {
    let heads = attention.heads
    let perSequence = rows / sequences
    let isExpanded = perSequence >= Double(heads.leastExpandedTokens)
    let products = Double(isExpanded ? heads.expandedProducts : heads.absorbedProducts)
    let bytes = Double(graph.cachedBytesPerToken(node, cacheType)) * sequences
    var seconds =
      2 * rows * products / rates.attentionOperationsPerSecond + bytes / rates.attentionBytesPerSecond
    var price = StepPrice()
    if isExpanded {
      // All positions up to the last token's go through the projections, which is this many more than a token sees.
      let projected = 128.0
      let each = projections(projected) / projected * sequences
      seconds += each
      price.fixedSeconds = each * (perSequence - 1) / 2
    } else {
      price.fixedSeconds = projections(rows)
    }
    price.secondsPerPosition[.max] = seconds
    return price
  }

  /// Seconds of a mixture, or a part of it. Each expert that is needed reads its matrices once, for the tokens that
  /// go to it.
  private func expertSeconds(
    _ node: Node, _ experts: Experts, _ slice: ExpertSlice, rows: Double, _ rates: DeviceRates
  ) -> Double {
    let load = expertLoad(node, experts, slice.experts, tokens: Int(rows))
    guard load.count > 0 else { return 0 }
    let part =
      load.count / Double(experts.expertCount) * Double(slice.inner.count)
      / Double(experts.expertWidth)
    return node.weights.prefix(3).reduce(0) {
      $0 + linearSeconds(graph[$1], types[$1.index], rows: load.slots / load.count, rates) * part
    }
  }

  /// How many different experts of a set are expected to be chosen by some tokens, and by how many of them in all.
  func expertLoad(
    _ node: Node, _ experts: Experts, _ set: ExpertSet, tokens: Int
  ) -> (count: Double, slots: Double) {
    if let shares = node.name.layer.flatMap({ usage?.chances(layer: $0, experts) }) {
      return set.runs.reduce(into: (0.0, 0.0)) { load, run in
        for chance in shares[run] {
          load.0 += 1 - power(1 - chance, tokens)
          load.1 += Double(tokens) * chance
        }
      }
    }
    let part = Double(set.count) / Double(experts.expertCount)
    return (experts.expectedCount(tokens: tokens) * part, Double(tokens * experts.chosenCount) * part)
  }

  /// Seconds of a matrix product with `rows` tokens.
  private func linearSeconds(
    _ weight: Weight, _ type: ElementType, rows: Double, _ rates: DeviceRates
  ) -> Double {
    let shape = weight.shape
    let perElement = rates.rate(of: type).secondsPerElement(tokens: rows)
    let outputs = rows > 4 ? Double(shape.rows) * rows * rates.outputSeconds : 0
    return Double(shape.elementCount ?? 0) * perElement + outputs
  }
}

extension DeviceRates {
  /// The rate of a format, or of the nearest that was measured: the one of the next more bytes a value.
  func rate(of type: ElementType) -> LinearRate {
    if let rate = linear[type.name] { return rate }
    let known = ElementType.allCases.filter { linear[$0.name] != nil }
    let nearest = known.min {
      abs($0.bytesPerElement - type.bytesPerElement) < abs($1.bytesPerElement - type.bytesPerElement)
    }
    return nearest.flatMap { linear[$0.name] } ?? LinearRate([.init(tokens: 1, secondsPerElement: 1e-9)])
  }
}

extension ElementType {
  /// Bytes of one value, block scales included.
  public var bytesPerElement: Double { Double(blockBytes) / Double(blockElementCount) }
}

/// A whole power.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, rest) = (1.0, base, max(exponent, 0))
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
