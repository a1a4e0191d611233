import SkeinTensor

/// The sizes that a plan is made for. Everything is bounded by them.
public struct PlanLimits: Hashable, Sendable {
  /// The most tokens in one pass; a longer prompt is cut into passes.
  public var tokensPerPass: Int
  /// The tokens below which a batch is not cut finer to keep several devices busy.
  public var leastPassTokens: Int
  /// The most tokens in one pass whose logits are wanted.
  public var outputsPerPass: Int
  /// Passes in flight at once; at least the number of devices keeps all of them busy in prefill.
  public var passesInFlight: Int
  /// The most positions of a sequence.
  public var contextTokens: Int
  /// The most sequences at a time.
  public var sequenceCount: Int
  /// Tokens in one page of the key-value cache.
  public var cachePageTokens: Int
  /// The format of keys and values in the cache: F32, F16, BF16 or Q8_0. Q8_0 takes 17/32 of the bytes, where a head's
  /// widths are multiples of 32; others are padded.
  public var cacheType: ElementType
  /// How products with matrices in BF16 take their inputs.
  public var inputs = Inputs.automatic

  /// How products with matrices in BF16 take their inputs.
  public enum Inputs: String, Hashable, Sendable, CaseIterable {
    /// Rounded to BF16 where that is faster: twice as fast for many tokens on processors with AVX512_BF16.
    case automatic
    /// As they are.
    case float32
  }

  /// Limits of a plan.
  public init(
    tokensPerPass: Int = 256, leastPassTokens: Int = 32, outputsPerPass: Int = 1, passesInFlight: Int = 1,
    contextTokens: Int = 4096,
    sequenceCount: Int = 1, cachePageTokens: Int = 64, cacheType: ElementType = .f16
  ) {
    self.tokensPerPass = tokensPerPass
    self.leastPassTokens = leastPassTokens
    self.outputsPerPass = outputsPerPass
    self.passesInFlight = passesInFlight
    self.contextTokens = contextTokens
    self.sequenceCount = sequenceCount
    self.cachePageTokens = cachePageTokens
    self.cacheType = cacheType
  }

  /// Pages that one sequence may fill.
  public var pagesPerSequence: Int { (contextTokens + cachePageTokens - 1) / cachePageTokens }
  /// Pages of every layer's cache.
  public var pageCount: Int { pagesPerSequence * sequenceCount }
}

/// A part of a device's one reservation, in the order in which they lie there.
public enum Region: Int, Hashable, Sendable, CaseIterable {
  /// Weights, in the device's own layout.
  case weights
  /// The key-value caches.
  case cache
  /// What a pass keeps while it is in flight: inputs, and values that another device reads or that live
  /// across a wait. One copy for each pass in flight.
  case pass
  /// Values that live only while the device works on one pass. One copy for all passes.
  case scratch
  /// Scratch memory of kernels.
  case workspace
  /// Weights that do not rest on the device, while the step that needs them runs. One copy for all passes.
  case stream
}

/// A run of bytes in a region.
public struct Buffer: Hashable, Sendable {
  /// The region; for `.pass`, of the pass's own copy.
  public var region: Region
  /// Bytes from the start of the region.
  public var offset: Int
  /// Bytes.
  public var byteCount: Int

  /// `byteCount` bytes at `offset` of a region.
  public init(_ region: Region, offset: Int, byteCount: Int) {
    self.region = region
    self.offset = offset
    self.byteCount = byteCount
  }

  /// Whether the two share a byte.
  func overlaps(_ other: Buffer) -> Bool {
    region == other.region && offset < other.offset + other.byteCount
      && other.offset < offset + byteCount
  }
}

/// A step by its device and its place in that device's list.
public struct StepReference: Hashable, Sendable {
  /// Index into `Plan.devices`.
  public var device: Int
  /// Index into that device's `steps`.
  public var step: Int
}

/// One thing that a device does in a pass.
public struct Step: Hashable, Sendable {
  /// What a step does.
  public enum Kind: Hashable, Sendable {
    /// Runs the op of the node, or the part of it that the device has.
    case compute
    /// Adds up the parts of the node's result, in their order: so the sum has the same bits on every run, and on
    /// every device that makes it.
    case reduce
    /// Puts the parts of the node's result side by side.
    case join
    /// Brings weights of the node from the checkpoint: these of `DevicePlan.streamed`.
    case fetch(Range<Int>)
    /// Fetches the node's result from another device, once the step that makes it there is done.
    case copy(from: StepReference, source: Buffer)
    /// Hands the node's result, the logits, to the host.
    case output
  }
  /// What it does.
  public var kind: Kind
  /// The node whose result it makes or moves.
  public var node: NodeID
  /// Which part of the node's result it makes or moves, by its place in `Plan.splits`; nil for the whole.
  public var part: Int?
  /// Where the inputs of a compute step are, in the order of the node's inputs; of a reduce or join step, the parts.
  public var inputs: [Buffer]
  /// Where the result goes; of an output step, where the logits are.
  public var result: Buffer
  /// Whether another device waits for this step.
  public var isAwaited = false

  /// Whether the step has to wait for another device.
  public var waits: Bool { if case .copy = kind { true } else { false } }

  /// Whether the node's result is there after it and was not before.
  var makesValue: Bool {
    switch kind {
    case .compute, .reduce, .join, .copy: true
    case .fetch, .output: false
    }
  }
}

/// Where a pass's inputs lie in the `.pass` region: arrays of 32-bit integers.
public struct InputSlots: Hashable, Sendable {
  /// Token ids, `tokensPerPass` of them.
  public var tokens: Buffer
  /// The position of each token in its sequence.
  public var positions: Buffer
  /// The sequence of each token.
  public var sequences: Buffer
  /// Rows whose logits are wanted, `outputsPerPass` of them.
  public var outputRows: Buffer
  /// For each sequence its pages in order, `sequenceCount * pagesPerSequence`.
  public var pageTable: Buffer
}

/// What one device holds and does.
public struct DevicePlan: Hashable, Sendable {
  /// The device.
  public var device: DeviceID
  /// The weights that rest on it.
  public var weights: [WeightSlot]
  /// The weights that are brought for each pass, in the order of the steps that do so.
  public var streamed: [WeightSlot]
  /// Its caches.
  public var caches: [CacheSlot]
  /// Where a pass's inputs lie.
  public var inputs: InputSlots
  /// What it does in a pass, in order.
  public var steps: [Step]
  /// Bytes of each region, one copy; multiples of `Plan.regionAlignment`.
  public var regionBytes: [Region: Int]

  /// Copies of a region in the reservation.
  public func copies(of region: Region, limits: PlanLimits) -> Int {
    region == .pass ? limits.passesInFlight : 1
  }

  /// Bytes from the start of the reservation to a region's first copy.
  public func offset(of region: Region, limits: PlanLimits) -> Int {
    Region.allCases.prefix(region.rawValue).reduce(0) {
      $0 + regionBytes[$1, default: 0] * copies(of: $1, limits: limits)
    }
  }

  /// Bytes of the whole reservation.
  public func byteCount(limits: PlanLimits) -> Int {
    Region.allCases.reduce(0) { $0 + regionBytes[$1, default: 0] * copies(of: $1, limits: limits) }
  }
}

/// A flat list of steps for each device, with every buffer's place.
///
/// The memory of a device is the sum over its plan, so what is predicted is what is allocated.
public struct Plan: Hashable, Sendable {
  /// Regions start at multiples of this many bytes: a page of memory.
  public static let regionAlignment = 4096
  /// Buffers start at multiples of this many bytes: a cache line, and the widest vector.
  public static let bufferAlignment = 64

  /// The mathematics.
  public var graph: Graph
  /// What runs where.
  public var placement: Placement
  /// The nodes that are cut, each with its parts in the order of its shares. Other nodes with several shares are
  /// computed by each of their devices.
  public var splits: [NodeID: [NodePart]] = [:]
  /// The sizes that it is made for.
  public var limits: PlanLimits
  /// In the order of `placement.devices`.
  public var devices: [DevicePlan]

  /// Tokens of each pass of a batch of `count`: all passes about the same.
  public func passTokens(for count: Int) -> Int { shape.passTokens(for: count) }

  /// What decides how a batch is cut into passes.
  public var shape: Shape {
    Shape(
      deviceCount: devices.count, mostWaits: devices.reduce(0) { max($0, $1.steps.count(where: \.waits)) },
      limits: limits)
  }

  /// What decides how a batch is cut into passes: known before a plan is.
  public struct Shape: Hashable, Sendable {
    /// Devices of the plan.
    public var deviceCount: Int
    /// Waits for another device in a pass, of the device that has most.
    public var mostWaits: Int
    /// The sizes that it is made for.
    public var limits: PlanLimits

    /// A shape.
    public init(deviceCount: Int, mostWaits: Int, limits: PlanLimits) {
      self.deviceCount = deviceCount
      self.mostWaits = mostWaits
      self.limits = limits
    }

    /// Tokens of each pass of a batch of `count`: all passes about the same.
    ///
    /// On one device a pass is as large as it may be. On several, a batch is cut finely enough that the time at
    /// its start and end, when some devices have nothing to do, is a small part of it: a device that has its
    /// layers in one run needs eight passes, one that has them in eight runs needs one. Below
    /// `limits.leastPassTokens` a pass reads more weights than it saves waiting.
    public func passTokens(for count: Int) -> Int {
      var size = limits.tokensPerPass
      if deviceCount > 1, limits.passesInFlight > 1, count > limits.leastPassTokens {
        // Every run but the first device's first begins with a wait.
        let passes = max(8 / max(mostWaits, 1), 1) * deviceCount
        size = min(size, max(limits.leastPassTokens, count.dividedUp(by: passes)))
        // As many passes as devices are on their way together; one left over at the end would go alone.
        if count >= deviceCount * limits.leastPassTokens {
          size = count.dividedUp(by: count.dividedUp(by: size * deviceCount) * deviceCount)
        }
      }
      return max(count.dividedUp(by: max(count.dividedUp(by: size), 1)), 1)
    }
  }

  /// Bytes that the device at `index` holds.
  public func byteCount(device index: Int) -> Int { devices[index].byteCount(limits: limits) }
}

/// What lowering has to know of a device: its name, its memory, and how it lays out what it holds.
public protocol DeviceLayout: Sendable {
  /// The device's name.
  var id: DeviceID { get }
  /// The most bytes that a plan may take there.
  var memoryBytes: Int { get }
  /// The memory that the bytes come from: devices that name the same pool share `memoryBytes`.
  var memoryPool: String { get }
  /// Whether weights can stay in the pages of a mapped file, as they are stored.
  var sharesMappedPages: Bool { get }
  /// Bytes of a weight in the device's own layout, packed (and padded) or not.
  func byteCount(of weight: Weight, type: ElementType) -> Int
  /// Whether the device keeps matrices of this format, that it multiplies with, in an order of its own.
  func packs(_ type: ElementType, limits: PlanLimits) -> Bool
  /// Bytes of scratch memory that the node's kernel needs.
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int
}

extension DeviceLayout {
  /// Most devices have memory of their own.
  public var sharesMappedPages: Bool { false }
  /// Most devices take weights as they are in files.
  public func packs(_ type: ElementType, limits: PlanLimits) -> Bool { false }
}
